"""The real Mistral SDK, unmodified, at both doors: chat, gaps, pages and embeddings."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from mistralai.client import Mistral, errors
from mistralai.client.utils.retries import BackoffStrategy, RetryConfig

from tests.end_to_end.books import nothing_reserved, rows, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.speaking_mistral import PAGES
from tests.end_to_end.test_hosts import MOVED
from tests.end_to_end.upstream import REAL_KEY, Provider

pytestmark = pytest.mark.xdist_group("end_to_end_mistral")

NewAgent = Callable[..., Agent]
PROMPT: Any = [{"role": "user", "content": "Say three short wörds."}]
SAID = "You said: Say three short wörds."
CHAT: dict[str, Any] = {"model": "mistral-small-latest", "messages": PROMPT, "max_tokens": 64}
FIM: dict[str, Any] = {"model": "codestral-latest", "prompt": "def ä(", "suffix": " pass"}
FILLED = "You said: def ä( pass"
# Dollars per million tokens of input and output; dollars for a thousand pages, plain or annotated.
CHAT_USD, FIM_USD = ("0.15", "0.60"), ("0.3", "0.9")
PAGES_USD, ANNOTATED_USD = 2, 3
DOCUMENT: Any = {"type": "document_url", "document_url": "https://arxiv.org/pdf/2201.04234"}
OCR: dict[str, Any] = {"model": "mistral-ocr-2512", "document": DOCUMENT}
FUNCTION = {"name": "look_up", "parameters": {"type": "object", "properties": {}}}
TOOL: Any = {"type": "function", "function": FUNCTION}
FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {"name": "found", "schema": {"type": "object", "properties": {}}},
}


@pytest.fixture(scope="module")
def gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One that has the fake provider in Mistral's place."""
    running = Gateway(tmp_path_factory.mktemp("mistral") / "home", provider_process.url)
    moved = MOVED.format(id="mistral", url=provider_process.url)
    running.write_config(f'listen = "127.0.0.1:{running.port}"\n\n{moved}')
    yield running.start()
    running.stop()


class Counted:
    """The SDK with a list that grows by each request it makes."""

    def __init__(self, door: Door, agent: Agent, **options: Any) -> None:
        self.attempts: list[object] = []
        self.http = httpx2.Client(
            proxy=door.proxy(agent),
            verify=ssl.create_default_context(cafile=door.ca_file),
            trust_env=False,
            event_hooks={"request": [self.attempts.append]},
        )
        url = door.origin("api.mistral.ai", "/mistral")
        keyed: Any = {"api_key": door.key(agent), "server_url": url, "timeout_ms": 30_000}
        self.mistral = Mistral(client=self.http, **keyed, **options)


@contextmanager
def sdk(door: Door, agent: Agent) -> Iterator[Mistral]:
    """The SDK as it is, at a door."""
    counted = Counted(door, agent)
    with counted.http:
        yield counted.mistral


def check_booked(provider: Provider, door: Door, agent: Agent, *usd: str) -> None:
    """The agent's calls cost what the provider bills, each by its key and its path."""
    calls = provider.calls()
    found = settled(door.gateway, agent, len(calls))
    assert [row["actual_nanousd"] for row in found] == [call.cost(*usd) for call in calls]
    for row, call in zip(found, calls, strict=True):
        assert f"/as/mistral{row['endpoint']}" == call.path
        assert (row["provider"], row["model"], row["state"], row["usage_source"]) == (
            *("mistral", call.model, "COMMITTED", "provider"),
        )
        assert bool(row["stream"]) is call.stream
        assert row["reserved_nanousd"] >= row["actual_nanousd"] > 0
        assert call.header("authorization") == f"Bearer {REAL_KEY}"


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.data.choices[0].delta.content or "" for chunk in chunks)


def test_chat(provider: Provider, door: Door, agent: Agent) -> None:
    """Whole and streamed, a chat is booked to the token."""
    with sdk(door, agent) as client:
        whole: Any = client.chat.complete(**CHAT)
        chunks = list(client.chat.stream(**CHAT))
    assert whole.choices[0].message.content == text_of(chunks) == SAID
    assert chunks[-1].data.usage is not None
    check_booked(provider, door, agent, *CHAT_USD)


@pytest.mark.parametrize("stream", [False, True])
def test_tools(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """A function is asked for, its result goes back, and both calls are booked."""
    asked: dict[str, Any] = {**CHAT, "tools": [TOOL]}
    with sdk(door, agent) as client:
        if stream:
            deltas = [chunk.data.choices[0].delta for chunk in client.chat.stream(**asked)]
            (wanted,) = [delta.tool_calls[0] for delta in deltas if delta.tool_calls][:1]
        else:
            answer: Any = client.chat.complete(**asked)
            (wanted,) = answer.choices[0].message.tool_calls
        assert wanted.function.name == "look_up"
        call = {"id": wanted.id, "function": {"name": "look_up", "arguments": "{}"}}
        turns = [
            *PROMPT,
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": wanted.id, "name": "look_up", "content": "found"},
        ]
        said: Any = client.chat.complete(**{**asked, "messages": turns})
    assert said.choices[0].message.content == "You said: found"
    check_booked(provider, door, agent, *CHAT_USD)


def test_fim(provider: Provider, door: Door, agent: Agent) -> None:
    """What fills a gap is booked to the token, whole and streamed."""
    with sdk(door, agent) as client:
        whole: Any = client.fim.complete(**FIM)
        chunks = list(client.fim.stream(**FIM))
    assert whole.choices[0].message.content == text_of(chunks) == FILLED
    assert all("suffix" in call.document for call in provider.calls())
    check_booked(provider, door, agent, *FIM_USD)


def test_fim_is_capped_to_the_budget(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """Where the longest answer does not fit, the cap goes into the request."""
    agent = new_agent("0.01")
    with sdk(door, agent) as client:
        assert client.fim.complete(**FIM).choices
    (call,) = provider.calls()
    assert 0 < call.document["max_tokens"] < 0.01 / 0.9 * 1_000_000
    assert settled_one(door.gateway, agent)["reserved_nanousd"] <= agent.budget_nanousd


def test_a_gap_left_open_pays_an_upper_bound(provider: Provider, door: Door, agent: Agent) -> None:
    """An editor that drops its request is billed for what came, never below the bill."""
    provider.script(hold=[3])
    with sdk(door, agent) as client, client.fim.stream(**FIM) as stream:
        next(iter(stream))
        provider.wait_held()
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert call.cost(*FIM_USD) <= row["actual_nanousd"] < row["reserved_nanousd"] / 10


@pytest.mark.parametrize(
    ("more", "count", "usd", "reserved"),
    [
        ({"pages": [0, 2]}, 2, PAGES_USD, 2),
        ({"pages": [1, 700]}, 1, PAGES_USD, 2),
        ({}, PAGES, PAGES_USD, 1000),
        ({"pages": [0], "document_annotation_format": FORMAT}, 1, ANNOTATED_USD, 1),
    ],
    ids=["pages", "beyond the end", "whole", "annotated"],
)
def test_ocr(
    provider: Provider, door: Door, agent: Agent, more: Any, count: int, usd: int, reserved: int
) -> None:
    """Pages are reserved as they are named, or as many as there may be; what was read is booked."""
    with sdk(door, agent) as client:
        answer = client.ocr.process(**OCR, **more)
    assert len(answer.pages) == answer.usage_info.pages_processed == count
    row = settled_one(door.gateway, agent)
    assert (row["model"], row["usage"]["input_document_pages"]) == ("mistral-ocr-2512", count)
    assert (row["usage_source"], row["certainty"]) == ("provider", "exact")
    assert row["actual_nanousd"] == count * usd * 1_000_000
    assert row["reserved_nanousd"] == reserved * usd * 1_000_000


def test_a_document_that_may_be_too_long(
    provider: Provider, door: Door, new_agent: NewAgent
) -> None:
    """All pages of some document do not fit the budget; the ones that are wanted do."""
    agent = new_agent("0.01")
    with sdk(door, agent) as client:
        with pytest.raises(errors.SDKError, match=agent.name):
            client.ocr.process(**OCR)
        assert client.ocr.process(**OCR, pages=[0, 1]).pages
    states = [row["state"] for row in settled(door.gateway, agent, 2)]
    assert states == ["DENIED", "COMMITTED"]
    assert len(provider.calls()) == 1


def test_embeddings(provider: Provider, door: Door, agent: Agent) -> None:
    """Vectors come back, and the input is booked."""
    with sdk(door, agent) as client:
        answer = client.embeddings.create(model="mistral-embed", inputs=["one", "two"])
    assert len(answer.data) == 2
    (call,) = provider.calls()
    assert settled_one(door.gateway, agent)["actual_nanousd"] == call.cost("0.1", "0")


@pytest.mark.parametrize(
    "refused",
    [
        lambda client: client.classifiers.moderate(model="mistral-moderation-latest", inputs="x"),
        lambda client: client.classifiers.moderate_chat(
            model="mistral-moderation-latest", inputs=PROMPT
        ),
        lambda client: client.agents.complete(agent_id="ag_1", messages=PROMPT),
        lambda client: client.beta.conversations.start(model="mistral-small-latest", inputs="x"),
        lambda client: client.chat.complete(**CHAT, safe_prompt=True),
    ],
    ids=["moderations", "chat moderations", "agents", "conversations", "safe prompt"],
)
def test_what_is_not_metered(
    provider: Provider, door: Door, agent: Agent, refused: Callable[[Mistral], object]
) -> None:
    """What is billed in a way that no answer tells, or has no bound, never leaves."""
    with sdk(door, agent) as client, pytest.raises(errors.SDKError, match="not_metered") as raised:
        refused(client)
    assert raised.value.status_code == 403
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


@pytest.mark.parametrize("do", ["chat.complete", "chat.stream", "fim.complete", "fim.stream"])
def test_budget(provider: Provider, door: Door, new_agent: NewAgent, do: str) -> None:
    """A call that does not fit is the SDK's own error, with the message, after one attempt."""
    agent = new_agent("0.000001")
    counted = Counted(door, agent, retry_config=retrying())
    api, _, way = do.partition(".")
    with counted.http, pytest.raises(errors.SDKError, match=agent.name) as raised:
        getattr(getattr(counted.mistral, api), way)(**(CHAT if api == "chat" else FIM))
    assert (raised.value.status_code, len(counted.attempts)) == (402, 1)
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def retrying() -> RetryConfig:
    """Its own retries, which it has only where a program asks for them."""
    return RetryConfig("backoff", BackoffStrategy(100, 1000, 1.5, 20_000), True)


def test_rate(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """A call above the rate is its error at once, or is repeated when it was told to be."""
    agent = new_agent("5", 30)
    plain, patient = Counted(door, agent), Counted(door, agent, retry_config=retrying())

    def ask_until_denied() -> None:
        while len(plain.attempts) < 300:
            plain.mistral.chat.complete(**CHAT)

    with plain.http, pytest.raises(errors.SDKError) as raised:
        ask_until_denied()
    assert raised.value.status_code == 429
    assert 1 <= int(raised.value.headers["retry-after"]) <= 60
    with patient.http:
        assert patient.mistral.chat.complete(**CHAT).choices
    found = rows(door.gateway, agent)
    denied = [row["status_code"] for row in found if row["state"] == "DENIED"]
    assert set(denied) == {429}
    assert len(provider.calls()) == len(found) - len(denied) == len(plain.attempts)
    assert len(patient.attempts) == len(denied)
