"""The Responses API through the real SDK at both doors: metered to the token, denied once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pydantic
import pytest

from tests.end_to_end.books import account, nothing_reserved, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.test_both_doors import COMPARED, check_told
from tests.end_to_end.test_denials import check_final
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_responses")

NewAgent = Callable[..., Agent]

ASKED = "Say three short wörds."
SAID = f"You said: {ASKED}"
CREATE: dict[str, Any] = {"model": "gpt-4o-mini", "input": ASKED, "max_output_tokens": 64}
TOOL: Any = {
    "type": "function",
    "name": "look_up",
    "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    "strict": True,
}


class Echo(pydantic.BaseModel):
    """What the fake provider answers to a schema."""

    echo: str


def test_json(provider: Provider, door: Door, agent: Agent) -> None:
    """A whole answer costs what the provider bills, and its request goes out unchanged."""
    with door.sdk(agent) as sdk:
        answer = sdk.responses.create(**CREATE)
    assert answer.output_text == SAID
    (call,) = provider.calls()
    assert call.document == CREATE
    settled_one(door.gateway, agent)
    check_told(door, agent, call, endpoint="/v1/responses", actual_nanousd=call.cost())


@pytest.mark.parametrize("model", ["gpt-4o-mini", "my-model"])
def test_stream(provider: Provider, door: Door, agent: Agent, model: str) -> None:
    """A stream without a cap gets one, and the client sees each of the provider's events."""
    with door.sdk(agent) as sdk:
        events = list(sdk.responses.create(model=model, input=ASKED, stream=True, store=False))
    kinds = [event.type for event in events]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == SAID
    (call,) = provider.calls()
    assert call.document["max_output_tokens"] == 16384
    settled_one(door.gateway, agent)
    check_told(door, agent, call, model=model, actual_nanousd=call.cost(), stream=True)


def test_tools(provider: Provider, door: Door, agent: Agent) -> None:
    """A tool is called and answered; the second turn names the first instead of repeating it."""
    with door.sdk(agent) as sdk:
        first = sdk.responses.create(**CREATE, tools=[TOOL])
        (asked,) = first.output
        assert (asked.type, asked.name) == ("function_call", "look_up")
        output = {"type": "function_call_output", "call_id": asked.call_id, "output": "42"}
        options = {**CREATE, "input": [output], "previous_response_id": first.id}
        second = sdk.responses.create(**options, tools=[TOOL])
    assert second.output_text == "You said: 42"
    found = settled(door.gateway, agent, 2)
    assert [row["actual_nanousd"] for row in found] == [call.cost() for call in provider.calls()]
    # AEX saw the first turn, so it bounds the second one closer than the model's window does.
    assert found[0]["reserved_nanousd"] < found[1]["reserved_nanousd"] < 16_000 * 150


def test_a_turn_that_nobody_saw(provider: Provider, door: Door, agent: Agent) -> None:
    """What goes on from an answer of another day is bounded by the model's window."""
    with door.sdk(agent) as sdk:
        sdk.responses.create(**CREATE, previous_response_id="resp_of_yesterday")
    assert settled_one(door.gateway, agent)["reserved_nanousd"] > 128_000 * 150


def test_parsed_and_streamed(provider: Provider, door: Door, agent: Agent) -> None:
    """The SDK's own helpers, for schemas and for streams, work as they do without AEX."""
    with door.sdk(agent) as sdk:
        parsed = sdk.responses.parse(**CREATE, text_format=Echo)
        with sdk.responses.stream(**CREATE) as stream:
            final = stream.get_final_response()
    assert parsed.output_parsed == Echo(echo=ASKED)
    assert final.output_text == SAID
    found = settled(door.gateway, agent, 2)
    assert [row["actual_nanousd"] for row in found] == [call.cost() for call in provider.calls()]


def test_beside_the_answer(provider: Provider, door: Door, agent: Agent) -> None:
    """Counting is free; compaction is metered at what it used, reserved at the longest answer."""
    with door.sdk(agent) as sdk:
        assert sdk.responses.input_tokens.count(model="gpt-4o-mini", input=ASKED).input_tokens > 0
        compacted = sdk.responses.compact(model="gpt-4o-mini", input=ASKED)
    assert compacted.usage.output_tokens == 7
    free, metered = settled(door.gateway, agent, 2)
    assert (free["actual_nanousd"], free["reserved_nanousd"]) == (0, 0)
    assert metered["actual_nanousd"] == provider.calls()[1].cost()
    assert metered["reserved_nanousd"] >= 16384 * 600
    assert "max_output_tokens" not in provider.calls()[1].document


@pytest.mark.parametrize("stream", [False, True])
def test_budget(provider: Provider, door: Door, new_agent: NewAgent, stream: bool) -> None:
    """A call that does not fit is a 402 after one attempt, its message intact."""
    agent = new_agent("0.000001")
    sdk, attempts = door.counted_sdk(agent)
    with sdk, pytest.raises(openai.APIStatusError) as raised:
        sdk.responses.create(**CREATE, stream=stream)
    check_final(raised.value, 402)
    assert (len(attempts), provider.calls()) == (1, [])
    assert nothing_reserved(door.gateway, agent)


def test_rate(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """A call above the rate is a 429 that says when to come back."""
    agent = new_agent("5", 1)
    with door.sdk(agent, max_retries=0) as sdk:
        sdk.responses.create(**CREATE)
        with pytest.raises(openai.RateLimitError) as raised:
            sdk.responses.create(**CREATE)
    assert 1 <= int(raised.value.response.headers["retry-after"]) <= 60
    assert len(provider.calls()) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"background": True},
        {"tools": [{"type": "image_generation"}]},
        {"tools": [{"type": "web_search"}]},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
def test_what_has_no_bound(
    provider: Provider, door: Door, agent: Agent, options: dict[str, Any]
) -> None:
    """What the request does not bound is the SDK's permission error, after one attempt."""
    sdk, attempts = door.counted_sdk(agent)
    with sdk, pytest.raises(openai.PermissionDeniedError) as raised:
        sdk.responses.create(**CREATE, **options)
    check_final(raised.value, 403)
    assert (len(attempts), provider.calls()) == (1, [])


def test_a_bounded_search(provider: Provider, door: Door, agent: Agent) -> None:
    """With a limit of its own a call may search: window and fee are reserved for each use."""
    with door.sdk(agent) as sdk:
        sdk.responses.create(**CREATE, tools=[{"type": "web_search"}], max_tool_calls=2)
    row = settled_one(door.gateway, agent)
    assert row["reserved_nanousd"] > 3 * 128_000 * 150 + 2 * 10_000_000
    assert row["actual_nanousd"] == provider.calls()[0].cost()


@pytest.mark.parametrize(
    ("how", "at"),
    [("rst", "before_headers"), ("fin", "after_headers"), ("rst", 0), ("fin", 4), ("rst", 10)],
)
def test_cuts(provider: Provider, door: Door, agent: Agent, how: str, at: str | int) -> None:
    """A stream that breaks off is charged for what was generated, never released."""
    provider.script(cut={"how": how, "at": at, "mid": True})
    # The client meets the fault, as it would without AEX.
    with door.client(agent) as client, contextlib.suppress(httpx.TransportError):
        client.post("/responses", json={**CREATE, "stream": True})
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert row["state"] == "COMMITTED"
    assert call.cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]


@pytest.mark.parametrize("usage", ["missing", "null", "negative"])
@pytest.mark.parametrize("stream", [False, True])
def test_useless_usage(
    provider: Provider, door: Door, agent: Agent, stream: bool, usage: str
) -> None:
    """Usage that is absent or cannot be true is replaced by an estimate that covers the bill."""
    provider.script(usage=usage)
    with door.client(agent) as client:
        assert client.post("/responses", json={**CREATE, "stream": stream}).status_code == 200
    row = settled_one(door.gateway, agent)
    assert row["usage_source"] == "estimated"
    assert provider.calls()[0].cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_an_encoded_stream(provider: Provider, door: Door, agent: Agent, encoding: str) -> None:
    """A stream that the provider packs is read all the same, and passes as it came."""
    provider.script(encoding=encoding)
    with door.client(agent) as client:
        answer = client.post("/responses", json={**CREATE, "stream": True})
    assert answer.headers["content-encoding"] == encoding
    row = settled_one(door.gateway, agent)
    assert (row["usage_source"], row["actual_nanousd"]) == ("provider", provider.calls()[0].cost())


def test_rows_are_equal(provider: Provider, gateway: Gateway, shared_ca_file: str) -> None:
    """The same calls through either door leave the same rows, but for the door's name."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        with door.sdk(agent, max_retries=0) as sdk:
            sdk.responses.create(**CREATE)
            list(sdk.responses.create(**CREATE, stream=True))
            sdk.responses.compact(model="gpt-4o-mini", input=ASKED)
            with pytest.raises(openai.PermissionDeniedError):
                sdk.responses.create(**CREATE, background=True)
        settled(gateway, agent, 4)
        told.append([{key: row[key] for key in COMPARED} for row in gateway.executions(agent)])
        assert account(gateway, agent).reserved == 0
    assert told[0] == told[1]
