"""The real langchain-openai, unmodified, at both doors: chat, responses and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.end_to_end.books import settled, settled_one
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
CHAT: dict[str, Any] = {"use_responses_api": False}
RESPONSES: dict[str, Any] = {"use_responses_api": True}
APIS = pytest.mark.parametrize("more", [CHAT, RESPONSES], ids=["chat", "responses"])


@pytest.fixture(scope="module")
def langchain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framework]:
    with framework("langchain_agent.py", tmp_path_factory.mktemp("langchain")) as made:
        yield made


def check_booked(provider: Provider, door: Door, agent: Agent, count: int) -> None:
    """Each call is booked at what the provider bills for it."""
    found, calls = settled(door.gateway, agent, count), provider.calls()
    assert [row["actual_nanousd"] for row in found] == [call.cost() for call in calls]
    assert {row["usage_source"] for row in found} == {"provider"}


@APIS
def test_call_and_stream(
    provider: Provider, door: Door, agent: Agent, langchain: Framework, more: Any
) -> None:
    """Whole and streamed, by both halves of the SDK, each call is booked to the token."""
    whole = langchain.answer(door, agent, "once", more=more)
    stream = langchain.answer(door, agent, "stream", more=more)
    both = langchain.answer(door, agent, "together", more=more)
    assert {each["text"] for each in (whole, stream, *both)} == {SAID}
    first = provider.calls()[0]
    assert whole["usage"] == [first.input_tokens, first.output_tokens]
    check_booked(provider, door, agent, 4)


@pytest.mark.parametrize("asked", [False, True])
def test_usage_of_a_stream(
    provider: Provider, door: Door, agent: Agent, langchain: Framework, asked: bool
) -> None:
    """`stream_usage` shows it or does not; the booking is exact all the same."""
    told = langchain.answer(door, agent, "stream", more={**CHAT, "stream_usage": asked})
    (call,) = provider.calls()
    counted = [call.input_tokens, call.output_tokens]
    assert (told["text"], told["usage"]) == (SAID, counted if asked else None)
    check_booked(provider, door, agent, 1)


@APIS
def test_tools(
    provider: Provider, door: Door, agent: Agent, langchain: Framework, more: Any
) -> None:
    """A function is called, its result goes back, and both calls are booked."""
    told = langchain.answer(door, agent, "tools", more=more)
    assert told["asked"] == "look_up"
    assert told["text"].startswith("You said:")
    assert "found" in provider.calls()[1].body
    check_booked(provider, door, agent, 2)


def test_embeddings(provider: Provider, door: Door, agent: Agent, langchain: Framework) -> None:
    """It sends texts as tokens, whose number is booked."""
    told = langchain.answer(door, agent, "embed", model="text-embedding-3-small")
    assert told == [8, 8]
    (call,) = provider.calls()
    assert all(type(token) is int for text in call.document["input"] for token in text)
    assert settled_one(door.gateway, agent)["actual_nanousd"] == call.cost("0.02", "0")


@pytest.mark.parametrize("do", ["once", "stream"])
@APIS
def test_budget(
    provider: Provider, door: Door, new_agent: NewAgent, langchain: Framework, more: Any, do: str
) -> None:
    """A call that does not fit is the SDK's own error, with the message, after one attempt."""
    raised = check_denied(langchain, provider, door, new_agent("0.000001"), do, more=more)
    assert (raised["kinds"][0], raised["status"]) == ("APIStatusError", 402)


def test_rate(provider: Provider, door: Door, new_agent: NewAgent, langchain: Framework) -> None:
    """A call above the rate is repeated when it was told to be, and the chain goes on."""
    check_repeated(langchain, provider, door, new_agent("5", RPM), "once", more=CHAT)
