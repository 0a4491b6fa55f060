"""The real pydantic-ai, unmodified, at both doors: chat, responses and Anthropic's messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.end_to_end.anthropic_sdk import INPUT_USD, OUTPUT_USD
from tests.end_to_end.anthropic_sdk import MODEL as CLAUDE
from tests.end_to_end.books import settled
from tests.end_to_end.doors import Door
from tests.end_to_end.frameworks import (
    MARKS,
    RPM,
    Framework,
    check_denied,
    check_repeated,
    framework,
)
from tests.end_to_end.gateway import Agent
from tests.end_to_end.upstream import Provider

pytestmark = MARKS

NewAgent = Callable[..., Agent]
SAID = "You said: Say three short wörds."
# The model, and dollars per million tokens of input and output.
MODELS = {
    "chat": ("gpt-4o-mini", "0.15", "0.60"),
    "responses": ("gpt-4o-mini", "0.15", "0.60"),
    "messages": (CLAUDE, INPUT_USD, OUTPUT_USD),
}
APIS = pytest.mark.parametrize("api", MODELS)


@pytest.fixture(scope="module")
def pydantic_ai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framework]:
    with framework("pydantic_ai_agent.py", tmp_path_factory.mktemp("pydantic_ai")) as made:
        yield made


def job(api: str) -> dict[str, Any]:
    return {"api": api, "model": MODELS[api][0]}


def check_booked(provider: Provider, door: Door, agent: Agent, api: str, used: list[Any]) -> None:
    """Each call is booked at what the provider bills, and the SDK has counted the same."""
    calls = provider.calls()
    found = settled(door.gateway, agent, len(calls))
    assert [row["actual_nanousd"] for row in found] == [
        call.cost(*MODELS[api][1:]) for call in calls
    ]
    assert {row["usage_source"] for row in found} == {"provider"}
    for side, names in enumerate(("input_tokens", "output_tokens")):
        assert sum(told["usage"][side] for told in used) == sum(
            getattr(call, names) for call in calls
        )


@APIS
def test_run_and_stream(
    provider: Provider, door: Door, agent: Agent, pydantic_ai: Framework, api: str
) -> None:
    """Whole and streamed, each run is booked to the token."""
    whole = pydantic_ai.answer(door, agent, "once", **job(api))
    stream = pydantic_ai.answer(door, agent, "stream", **job(api))
    assert whole["text"] == stream["text"] == SAID
    assert stream["chunks"] > 2
    check_booked(provider, door, agent, api, [whole, stream])
    assert [bool(row["stream"]) for row in settled(door.gateway, agent, 2)] == [False, True]


@APIS
def test_tools(
    provider: Provider, door: Door, agent: Agent, pydantic_ai: Framework, api: str
) -> None:
    """A run calls a tool and then answers: two calls, each booked."""
    told = pydantic_ai.answer(door, agent, "tools", **job(api))
    assert told["text"].startswith("You said:")
    assert "found" in provider.calls()[1].body
    assert told["requests"] == len(provider.calls()) == 2
    check_booked(provider, door, agent, api, [told])


@pytest.mark.parametrize("do", ["once", "stream"])
@APIS
def test_budget(
    provider: Provider, door: Door, new_agent: NewAgent, pydantic_ai: Framework, api: str, do: str
) -> None:
    """A run that does not fit is the framework's own error, after one attempt."""
    raised = check_denied(pydantic_ai, provider, door, new_agent("0.000001"), do, **job(api))
    assert (raised["raised"], raised["status"]) == ("ModelQuotaExceededError", 402)


def test_rate(provider: Provider, door: Door, new_agent: NewAgent, pydantic_ai: Framework) -> None:
    """A call above the rate is repeated when it was told to be, and the run goes on."""
    check_repeated(pydantic_ai, provider, door, new_agent("5", RPM), "once", **job("messages"))
