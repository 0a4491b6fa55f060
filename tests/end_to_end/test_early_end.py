"""A stream ends with the right to make it: the real SDK gets one clean error, and tries no more."""

from __future__ import annotations

import time

import openai
import pytest

from tests.end_to_end.books import settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.prompts import CHAT, in_thread
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_early_end")

# What the commands are given to be seen by a gateway on a busy machine; the aim is one second.
SOON_S = 5.0


@pytest.mark.parametrize("command", [("agent", "delete", "--yes"), ("agent", "rotate-token")])
def test_a_stream(provider: Provider, door: Door, agent: Agent, command: tuple[str, ...]) -> None:
    """Whoever stops the agent or takes its token ends its stream, at both doors."""
    provider.script(hold=[3])
    sdk, attempts = door.counted_sdk(agent)
    with sdk, sdk.chat.completions.create(**CHAT, stream=True) as stream:
        next(stream)
        provider.wait_held()
        assert door.gateway.run(*command, agent.name).returncode == 0
        before = time.monotonic()
        with pytest.raises(openai.APIError, match="AEX agent token of this call was revoked"):
            list(stream)
    assert time.monotonic() - before < SOON_S
    assert len(attempts) == 1
    (call,) = provider.wait(lambda calls: calls[0].gone, "the provider's connection closed too")
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["certainty"]) == ("COMMITTED", "estimated")
    assert row["reason"].startswith("ended early: ")
    assert call.cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_a_call_that_waits(provider: Provider, door: Door, agent: Agent) -> None:
    """Without an answer yet it gets the denial, as a new call would."""
    provider.script(hold="headers")
    sdk, attempts = door.counted_sdk(agent)
    with sdk, in_thread(lambda: sdk.chat.completions.create(**CHAT)) as answers:
        provider.wait_held()
        assert door.gateway.run("agent", "rotate-token", agent.name).returncode == 0
    (error,) = answers
    assert isinstance(error, openai.AuthenticationError)
    assert len(attempts) == 1
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["certainty"]) == ("COMMITTED", "uncertain")
    assert row["actual_nanousd"] == row["reserved_nanousd"]
