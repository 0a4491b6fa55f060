"""The real Ollama SDK, unmodified, at the base-URL door of a server that has an address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ollama
import pytest

from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import TIMEOUT
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.upstream import REAL_KEY, Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_ollama")

NewAgent = Callable[..., Agent]
MODEL = "llama3.2"
PROMPT = [{"role": "user", "content": "Say three short wörds."}]
SAID = "You said: Say three short wörds."
OPTIONS = {"num_predict": 64, "num_ctx": 4096}
TOOL: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
PRICED = """
[models."{model}"]
provider = "ollama"
input_usd_per_mtok = "1"
output_usd_per_mtok = "2"
context_window = 8192
"""


@pytest.fixture(scope="module")
def gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway whose operator has priced one model of the server; others are free."""
    home = tmp_path_factory.mktemp("gateway") / "home"
    made = Gateway(home, provider_process.url)
    made.write_config(made.config.read_text() + PRICED.format(model=MODEL))
    running = made.start()
    yield running
    running.stop()


@contextmanager
def sdk(gateway: Gateway, agent: Agent) -> Iterator[tuple[ollama.Client, list[object]]]:
    """The SDK's own client, and a list that grows by each request it makes."""
    attempts: list[object] = []
    with ollama.Client(
        host=f"{gateway.url}/ollama",
        headers={"authorization": f"Bearer {agent.token}"},
        timeout=TIMEOUT,
        trust_env=False,
        event_hooks={"request": [attempts.append]},
    ) as client:
        yield client, attempts


def cost(call: ProviderCall) -> int:
    """A dollar and two per million."""
    return call.cost("1", "2")


def booked(gateway: Gateway, agent: Agent, call: ProviderCall) -> dict[str, Any]:
    """The agent's one row, which is what the server counted."""
    row = settled_one(gateway, agent)
    assert (row["provider"], row["model"], row["endpoint"]) == ("ollama", call.model, call.path)
    assert (row["state"], row["usage_source"], bool(row["stream"])) == (
        *("COMMITTED", "provider"),
        call.stream,
    )
    assert row["usage"]["input_tokens"] == call.input_tokens
    assert row["usage"].get("output_tokens", 0) == call.output_tokens
    assert call.header("authorization") == f"Bearer {REAL_KEY}"
    assert row["reserved_nanousd"] >= row["actual_nanousd"]
    return row


@pytest.mark.parametrize("options", [OPTIONS, None])
def test_chat(provider: Provider, gateway: Gateway, agent: Agent, options: Any) -> None:
    """A whole answer costs what the operator's price makes of the server's counts."""
    with sdk(gateway, agent) as (client, _):
        answer = client.chat(model=MODEL, messages=PROMPT, options=options)
    assert answer.message.content == SAID
    (call,) = provider.calls()
    assert booked(gateway, agent, call)["actual_nanousd"] == cost(call) > 0
    if options:
        assert call.document["options"] == OPTIONS


def test_stream(provider: Provider, gateway: Gateway, agent: Agent) -> None:
    """A stream reaches the client line by line, and its last line is booked."""
    with sdk(gateway, agent) as (client, _):
        parts = list(client.chat(model=MODEL, messages=PROMPT, options=OPTIONS, stream=True))
    assert "".join(part.message.content or "" for part in parts) == SAID
    assert parts[-1].done
    (call,) = provider.calls()
    assert booked(gateway, agent, call)["actual_nanousd"] == cost(call)


def test_generate(provider: Provider, gateway: Gateway, agent: Agent) -> None:
    """The older kind of prompt, whole and streamed."""
    asked: Any = {"model": MODEL, "options": OPTIONS}
    with sdk(gateway, agent) as (client, _):
        assert client.generate(**asked, prompt="One.").response == "You said: One."
        parts = list(client.generate(**asked, prompt="Two.", stream=True))
    assert "".join(part.response or "" for part in parts) == "You said: Two."
    rows = settled(gateway, agent, 2)
    assert [row["actual_nanousd"] for row in rows] == [cost(call) for call in provider.calls()]


def test_tools(provider: Provider, gateway: Gateway, agent: Agent) -> None:
    """A tool call comes back as the server wrote it."""
    with sdk(gateway, agent) as (client, _):
        answer = client.chat(model=MODEL, messages=PROMPT, tools=[TOOL], options=OPTIONS)
    assert answer.message.tool_calls is not None
    assert answer.message.tool_calls[0].function.arguments == {"x": 1}
    (call,) = provider.calls()
    assert booked(gateway, agent, call)["actual_nanousd"] == cost(call)


def test_embed(provider: Provider, gateway: Gateway, agent: Agent) -> None:
    """Several texts at once."""
    with sdk(gateway, agent) as (client, _):
        assert client.embed(model=MODEL, input=["a", "bc"]).embeddings[1] == [0.5, -0.5]
    (call,) = provider.calls()
    assert booked(gateway, agent, call)["actual_nanousd"] == cost(call)


def test_a_model_without_a_price_is_free(
    provider: Provider, gateway: Gateway, new_agent: NewAgent
) -> None:
    """It is counted, costs nothing, and needs neither a budget nor a window."""
    agent = new_agent("0.000001")
    with sdk(gateway, agent) as (client, _):
        assert client.chat(model="qwen3:8b", messages=PROMPT).message.content == SAID
    (call,) = provider.calls()
    assert booked(gateway, agent, call)["actual_nanousd"] == 0
    assert "options" not in call.document


def test_a_cached_prompt_is_booked_at_its_bound(
    provider: Provider, gateway: Gateway, agent: Agent
) -> None:
    """The server does not count it, so it is never booked for less than it is."""
    with sdk(gateway, agent) as (client, _):
        for _ in range(2):
            client.chat(model=MODEL, messages=PROMPT, options=OPTIONS)
    first, second = settled(gateway, agent, 2)
    assert (first["usage_source"], second["usage_source"]) == ("provider", "estimated")
    assert first["actual_nanousd"] < second["actual_nanousd"] <= second["reserved_nanousd"]


@pytest.mark.parametrize("stream", [False, True])
def test_budget(provider: Provider, gateway: Gateway, new_agent: NewAgent, stream: bool) -> None:
    """A call that does not fit the budget is a 402 after one attempt, its message intact."""
    agent = new_agent("0.000001")
    asked: Any = {"model": MODEL, "messages": PROMPT, "options": OPTIONS, "stream": stream}
    with sdk(gateway, agent) as (client, attempts):
        with pytest.raises(ollama.ResponseError, match=agent.name) as raised:
            list(client.chat(**asked))
        assert len(attempts) == 1
    assert raised.value.status_code == 402
    assert provider.calls() == []
    assert nothing_reserved(gateway, agent)


def test_the_cap_is_clamped(provider: Provider, gateway: Gateway, new_agent: NewAgent) -> None:
    """Where the budget cannot carry the window, the call leaves with a cap that it can."""
    agent = new_agent("0.01")
    with sdk(gateway, agent) as (client, _):
        client.chat(model=MODEL, messages=PROMPT, options={"num_ctx": 4096, "num_predict": -1})
    cap = provider.calls()[0].document["options"]["num_predict"]
    (row,) = settled(gateway, agent)
    assert 256 <= cap < 8192
    assert cap * 2000 <= row["reserved_nanousd"] <= agent.budget_nanousd


def test_rate(provider: Provider, gateway: Gateway, new_agent: NewAgent) -> None:
    """Calls above the rate are a 429, which this SDK raises and never repeats."""
    agent = new_agent("5", 1)
    with sdk(gateway, agent) as (client, attempts):
        client.chat(model=MODEL, messages=PROMPT, options=OPTIONS)
        with pytest.raises(ollama.ResponseError) as raised:
            client.chat(model=MODEL, messages=PROMPT, options=OPTIONS)
        assert len(attempts) == 2
    assert raised.value.status_code == 429
    assert len(provider.calls()) == 1


def test_reading_passes_and_changing_does_not(
    provider: Provider, gateway: Gateway, agent: Agent
) -> None:
    """The list of models is free; only an operator brings in another."""
    with sdk(gateway, agent) as (client, _):
        assert client.list().models == []
        with pytest.raises(ollama.ResponseError, match="does not meter") as raised:
            client.pull(MODEL)
    assert raised.value.status_code == 403
    assert len(provider.calls()) == 1
