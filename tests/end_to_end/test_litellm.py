"""The real litellm, unmodified, at both doors: several providers through one library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.end_to_end.anthropic_sdk import INPUT_USD, OUTPUT_USD
from tests.end_to_end.anthropic_sdk import MODEL as CLAUDE
from tests.end_to_end.books import rows, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.frameworks import (
    MARKS,
    RPM,
    Framework,
    check_denied,
    check_repeated,
    framework,
)
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.upstream import Provider

pytestmark = MARKS

NewAgent = Callable[..., Agent]
SAID = "You said: Say three short wörds."
# Dollars per million tokens of input and output.
MODELS = {
    "openai/gpt-4o-mini": ("0.15", "0.60"),
    f"anthropic/{CLAUDE}": (INPUT_USD, OUTPUT_USD),
    "gemini/gemini-2.5-flash": ("0.3", "2.5"),
}
OPENAI, *OTHERS = MODELS


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framework]:
    with framework("litellm_agent.py", tmp_path_factory.mktemp("litellm")) as made:
        yield made


def check_booked(provider: Provider, door: Door, agent: Agent, model: str, count: int) -> Any:
    """Each call is booked at what the provider bills for it."""
    found, calls = settled(door.gateway, agent, count), provider.calls()
    assert [row["actual_nanousd"] for row in found] == [call.cost(*MODELS[model]) for call in calls]
    assert {row["usage_source"] for row in found} == {"provider"}
    assert {f"{row['provider']}/{row['model']}" for row in found} == {
        model.replace("gemini/", "google/")
    }
    return found


@pytest.mark.parametrize("model", MODELS)
def test_call_and_stream(
    provider: Provider, door: Door, agent: Agent, litellm: Framework, model: str
) -> None:
    """Whole and streamed, by both of its HTTP libraries, each call is booked to the token."""
    whole = litellm.answer(door, agent, "once", model=model)
    stream = litellm.answer(door, agent, "stream", model=model)
    both = litellm.answer(door, agent, "together", model=model)
    assert {each["text"] for each in (whole, stream, *both)} == {SAID}
    assert stream["chunks"] > 2
    found = check_booked(provider, door, agent, model, 4)
    assert [bool(row["stream"]) for row in found] == [False, True, False, True]


@pytest.mark.parametrize("model", MODELS)
def test_tools(
    provider: Provider, door: Door, agent: Agent, litellm: Framework, model: str
) -> None:
    """A function is asked for, its result goes back, and both calls are booked."""
    told = litellm.answer(door, agent, "tools", model=model)
    assert told["asked"][0] == "look_up"
    assert told["text"].startswith("You said:")
    assert "found it" in provider.calls()[1].body
    check_booked(provider, door, agent, model, 2)


def test_embeddings(provider: Provider, door: Door, agent: Agent, litellm: Framework) -> None:
    """Vectors come back, and the input is booked."""
    told = litellm.answer(door, agent, "embed", model="openai/text-embedding-3-small")
    assert told == [8, 8]
    (call,) = provider.calls()
    assert settled_one(door.gateway, agent)["actual_nanousd"] == call.cost("0.02", "0")


@pytest.mark.parametrize("do", ["once", "stream"])
@pytest.mark.parametrize("model", MODELS)
def test_budget(
    provider: Provider, door: Door, new_agent: NewAgent, litellm: Framework, model: str, do: str
) -> None:
    """A call that does not fit is an error of its own, with the message, after one attempt."""
    raised = check_denied(litellm, provider, door, new_agent("0.000001"), do, model=model)
    assert "APIError" in raised["kinds"]
    assert raised["status"] == 402


def test_rate(provider: Provider, door: Door, new_agent: NewAgent, litellm: Framework) -> None:
    """OpenAI's SDK inside of it waits as it is told, and its caller never notices."""
    check_repeated(litellm, provider, door, new_agent("5", RPM), "once", model=OPENAI)


@pytest.mark.parametrize("model", OTHERS)
def test_rate_without_retries(
    provider: Provider, door: Door, new_agent: NewAgent, litellm: Framework, model: str
) -> None:
    """Where it has no retries of its own, a call above the rate is its `RateLimitError`."""
    agent = new_agent("5", 1)
    litellm.answer(door, agent, "once", model=model)
    raised = litellm.ask(door, agent, "once", model=model)
    assert raised["raised"] == "RateLimitError"
    assert [row["state"] for row in rows(door.gateway, agent)] == ["COMMITTED", "DENIED"]


def test_its_price_list_may_be_refused(
    provider: Provider, gateway: Gateway, shared_ca_file: str, agent: Agent, litellm: Framework
) -> None:
    """What it fetches when it is imported is no model call; refused, it has a list of its own."""
    stranger = Agent(agent.name, "aex_" + "A" * 43, 0)
    told = litellm.answer(Door("proxy", gateway, shared_ca_file), stranger, "prices")
    assert (told["source"], told["has"]) == ("local", True)
    assert told["url"].startswith("https://raw.githubusercontent.com/")
    assert provider.calls() == []
