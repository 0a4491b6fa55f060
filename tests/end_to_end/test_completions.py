"""OpenAI's oldest API through the real SDK at both doors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.end_to_end.books import nothing_reserved, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.test_both_doors import check_told
from tests.end_to_end.test_denials import check_final
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_completions")

CALL: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": "three short wörds"}
SAID = "You said: three short wörds"
PRICE = ("1.5", "2")


@pytest.mark.parametrize("stream", [False, True])
def test_a_call(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """It costs what the provider bills; usage that the client did not ask for is hidden."""
    with door.sdk(agent) as sdk:
        answer = sdk.completions.create(**CALL, stream=stream)
        chunks = list(answer) if stream else [answer]
    assert "".join(chunk.choices[0].text for chunk in chunks) == SAID
    (call,) = provider.calls()
    row = settled_one(door.gateway, agent)
    check_told(door, agent, call, stream=stream, actual_nanousd=call.cost(*PRICE))
    assert row["reserved_nanousd"] >= 16 * 2000


def test_choices_multiply_the_output(provider: Provider, door: Door, agent: Agent) -> None:
    """The reserve covers each of the answers."""
    with door.sdk(agent) as sdk:
        assert len(sdk.completions.create(**CALL, n=3, max_tokens=50).choices) == 3
    row = settled_one(door.gateway, agent)
    assert row["actual_nanousd"] == provider.calls()[0].cost(*PRICE)
    assert row["reserved_nanousd"] >= 3 * 50 * 2000


def test_budget(provider: Provider, door: Door, new_agent: Callable[..., Agent]) -> None:
    """A call that does not fit is a 402 after one attempt."""
    agent = new_agent("0.000001")
    sdk, attempts = door.counted_sdk(agent)
    with sdk, pytest.raises(openai.APIStatusError) as raised:
        sdk.completions.create(**CALL)
    check_final(raised.value, 402)
    assert (len(attempts), provider.calls()) == (1, [])
    assert nothing_reserved(door.gateway, agent)
