"""The real Cohere SDK, unmodified, at both doors: every kind of call is metered to the token."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cohere
import httpx
import pytest
from cohere.core.api_error import ApiError

from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import TIMEOUT, Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.upstream import REAL_KEY, Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_cohere")

NewAgent = Callable[..., Agent]
MODEL = "command-r7b-12-2024"
PROMPT: Any = [{"role": "user", "content": "Say three short wörds."}]
CALL: dict[str, Any] = {"model": MODEL, "messages": PROMPT, "max_tokens": 64}
CALL_V1: dict[str, Any] = {"model": MODEL, "message": PROMPT[0]["content"], "max_tokens": 64}
SAID = "You said: Say three short wörds."
TOOL: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
COMPARED = (
    *("provider", "model", "endpoint", "stream", "state", "status_code"),
    *("reserved_nanousd", "actual_nanousd", "usage", "usage_source"),
)


class Counted:
    """The SDK's own clients with a list that grows by each request they make."""

    def __init__(self, door: Door, agent: Agent) -> None:
        self.attempts: list[object] = []
        http = httpx.Client(
            proxy=door.proxy(agent),
            verify=ssl.create_default_context(cafile=door.ca_file),
            trust_env=False,
            timeout=TIMEOUT,
            event_hooks={"request": [self.attempts.append]},
        )
        options: Any = {
            "api_key": door.key(agent),
            "base_url": door.origin("api.cohere.com", "/cohere"),
            "httpx_client": http,
        }
        self.http, self.v1, self.v2 = http, cohere.Client(**options), cohere.ClientV2(**options)


@contextmanager
def sdk(door: Door, agent: Agent) -> Iterator[Counted]:
    """Both versions of the SDK's client, at a door."""
    counted = Counted(door, agent)
    with counted.http:
        yield counted


def cost(call: ProviderCall) -> int:
    """Command R7B: $0.0375 and $0.15 per million, rounded up once."""
    return -(-(call.input_tokens * 375 + call.output_tokens * 1500) // 10)


def booked(door: Door, agent: Agent, call: ProviderCall) -> dict[str, Any]:
    """The agent's one row, which is what the provider billed."""
    row = settled_one(door.gateway, agent)
    assert (row["provider"], row["model"], row["endpoint"]) == ("cohere", call.model, call.path)
    assert (row["state"], row["usage_source"], bool(row["stream"])) == (
        *("COMMITTED", "provider"),
        call.stream,
    )
    assert row["usage"].get("input_tokens", 0) == call.input_tokens
    assert row["usage"].get("output_tokens", 0) == call.output_tokens
    assert row["reserved_nanousd"] >= row["actual_nanousd"] > 0
    assert call.header("authorization") == f"Bearer {REAL_KEY}"
    return row


def test_chat(provider: Provider, door: Door, agent: Agent) -> None:
    """A JSON call costs what the provider bills, which is less than what it counts."""
    with sdk(door, agent) as client:
        answer = client.v2.chat(**CALL)
    assert answer.message.content is not None
    assert answer.message.content[0].text == SAID  # type: ignore[union-attr]
    (call,) = provider.calls()
    assert booked(door, agent, call)["actual_nanousd"] == cost(call)


def test_chat_stream(provider: Provider, door: Door, agent: Agent) -> None:
    """A stream reaches the client as it was sent, and its last event is booked."""
    with sdk(door, agent) as client:
        events: list[Any] = list(client.v2.chat_stream(**CALL))
    deltas = [event.delta.message.content.text for event in events if event.type == "content-delta"]
    assert "".join(deltas) == SAID
    assert events[-1].type == "message-end"
    (call,) = provider.calls()
    assert booked(door, agent, call)["actual_nanousd"] == cost(call)


def test_version_1(provider: Provider, door: Door, agent: Agent) -> None:
    """The older API too: whole, and as lines."""
    with sdk(door, agent) as client:
        assert client.v1.chat(**CALL_V1).text == SAID
        events: list[Any] = list(client.v1.chat_stream(**CALL_V1))
    assert "".join(each.text for each in events if each.event_type == "text-generation") == SAID
    assert events[-1].response.meta.billed_units.output_tokens == 6
    rows, calls = settled(door.gateway, agent, 2), provider.calls()
    assert [row["actual_nanousd"] for row in rows] == [cost(call) for call in calls]
    assert [row["usage_source"] for row in rows] == ["provider"] * 2


@pytest.mark.parametrize("stream", [False, True])
def test_tools(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """A tool call and its result go both ways unharmed."""
    with sdk(door, agent) as client:
        if stream:
            events: list[Any] = list(client.v2.chat_stream(**CALL, tools=[TOOL]))
            (start,) = [event for event in events if event.type == "tool-call-start"]
            asked = start.delta.message.tool_calls
        else:
            answer: Any = client.v2.chat(**CALL, tools=[TOOL])
            (asked,) = answer.message.tool_calls
        assert (asked.function.name, asked.function.arguments) == ("look_up", '{"echo": "x"}')
        turns = [
            *PROMPT,
            {"role": "assistant", "tool_calls": [asked]},
            {"role": "tool", "tool_call_id": asked.id, "content": "done"},
        ]
        client.v2.chat(**{**CALL, "messages": turns}, tools=[TOOL])
    rows = settled(door.gateway, agent, 2)
    assert [row["actual_nanousd"] for row in rows] == [cost(call) for call in provider.calls()]


def test_embed(provider: Provider, door: Door, agent: Agent) -> None:
    """Text costs what the catalogue says; pictures are refused."""
    options: Any = {"model": "embed-v4.0", "input_type": "clustering"}
    with sdk(door, agent) as client:
        answer = client.v2.embed(**options, texts=["some text"], embedding_types=["float"])
        assert answer.embeddings.float_ == [[0.5, -0.5]]
        (call,) = provider.calls()
        assert booked(door, agent, call)["actual_nanousd"] == call.input_tokens * 120
        with pytest.raises(cohere.ForbiddenError, match="not metered"):
            client.v2.embed(**options, images=["data:image/png;base64,AA"])
    assert len(provider.calls()) == 1


def test_rerank_needs_a_price(provider: Provider, door: Door, agent: Agent) -> None:
    """The catalogue has none, so it is refused until the operator gives one."""
    with sdk(door, agent) as client, pytest.raises(cohere.ForbiddenError) as raised:
        client.v2.rerank(model="rerank-v3.5", query="q", documents=["a", "b"])
    assert "rerank-v3.5" in str(raised.value)
    assert provider.calls() == []


PRICED = """
[models."rerank-v3.5"]
provider = "cohere"
input_usd_per_mtok = "0"
unit_usd = {{ rerank_searches = "0.002" }}
"""


def test_rerank(
    provider: Provider,
    new_gateway: Callable[[], Gateway],
    door_of: Callable[[Gateway], Door],
) -> None:
    """With a price, each search costs it, by the provider's own count."""
    gateway = new_gateway()
    gateway.write_config(gateway.config.read_text() + PRICED.format())
    gateway.start()
    agent, door = gateway.create_agent(), door_of(gateway)
    with sdk(door, agent) as client:
        client.v2.rerank(model="rerank-v3.5", query="q", documents=["a"] * 150)
    row = settled_one(gateway, agent)
    assert row["usage"] == {"rerank_searches": 2}
    assert row["actual_nanousd"] == row["reserved_nanousd"] == 4_000_000
    assert len(provider.calls()) == 1


def test_tokenize_is_free(provider: Provider, door: Door, agent: Agent) -> None:
    """It passes, recorded at nothing."""
    with sdk(door, agent) as client:
        client.v1.tokenize(text="x", model=MODEL, offline=False)
    assert settled_one(door.gateway, agent)["actual_nanousd"] == 0
    assert len(provider.calls()) == 1


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("stream", [False, True])
def test_budget(
    provider: Provider, door: Door, new_agent: NewAgent, version: str, stream: bool
) -> None:
    """A call that does not fit the budget is a 402 after one attempt, its message intact."""
    agent = new_agent("0.000001")
    body = CALL if version == "v2" else CALL_V1
    with sdk(door, agent) as client:
        spoken = getattr(client, version)
        call = spoken.chat_stream if stream else spoken.chat
        with pytest.raises(ApiError) as raised:
            list(call(**body))
    assert len(client.attempts) == 1
    assert raised.value.status_code == 402
    assert isinstance(raised.value.body, dict)
    assert agent.name in raised.value.body["message"]
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)
    (row,) = settled(door.gateway, agent)
    assert raised.value.body["id"] == row["execution_id"]


def test_rate(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Calls above the rate are a 429 with a short wait, which the SDK knows how to repeat."""
    agent = new_agent("5", 1)
    once: Any = {"max_retries": 0}
    with sdk(door, agent) as client:
        client.v2.chat(**CALL)
        with pytest.raises(cohere.TooManyRequestsError) as raised:
            client.v2.chat(**CALL, request_options=once)
    headers = raised.value.headers or {}
    assert 1 <= int(headers["retry-after"]) <= 60
    assert headers["x-should-retry"] == "true"
    assert len(provider.calls()) == 1


def test_a_client_that_leaves_pays_an_upper_bound(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """Nothing was told yet, so the reserve's own bound is booked, never less than the bill."""
    provider.script(hold=[4])
    with sdk(door, agent) as client:
        stream = client.v2.chat_stream(**CALL)
        next(iter(stream))
        provider.wait_held()
        stream.close()  # type: ignore[attr-defined]
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert cost(call) <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_rows_are_equal(provider: Provider, gateway: Gateway, shared_ca_file: str) -> None:
    """The same calls through either door leave the same rows, but for the door's name."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        with sdk(door, agent) as client:
            client.v2.chat(**CALL)
            list(client.v2.chat_stream(**CALL))
            list(client.v1.chat_stream(**CALL_V1))
            with pytest.raises(cohere.ForbiddenError):
                client.v2.chat(**{**CALL, "model": "no-such-model"})
            provider.script(status=400, body='{"message":"no"}')
            with pytest.raises(cohere.BadRequestError):
                client.v2.chat(**CALL)
            provider.script()
        settled(gateway, agent, 5)
        rows = gateway.executions(agent)
        told.append([{key: row[key] for key in COMPARED} for row in rows])
        assert {row["door"] for row in rows} == {door.booked_as}
    assert told[0] == told[1]
