"""The ledger is told of a host once a day, and of no more hosts than fit."""

from __future__ import annotations

from typing import Any, cast

import pytest

from aex_addon import reached as module
from aex_addon.books import Books
from aex_addon.reached import Reached
from ledger.admin_commands import NoteEgress
from ledger.egress import Payer
from tests.ledger.making import Pure, create
from web.observed import Observed

DAY_NS = 86_400 * 10**9


class Kept:
    """Stands in for the books."""

    def __init__(self) -> None:
        self.commands: list[NoteEgress] = []

    def settle(self, command: NoteEgress) -> None:
        self.commands.append(command)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def reached(kept: Kept) -> Reached:
    return Reached(cast("Books", kept), Observed(), "gw")


@pytest.fixture
def bot() -> Payer:
    kernel = Pure()
    kernel(create("bot"))
    return Payer("bot", (kernel.state.agents["bot"],))


def test_each_kind_is_told_once(reached: Reached, kept: Kept, bot: Payer) -> None:
    """Of each agent: host, port and outcome."""
    for _ in range(3):
        reached.note(bot, "a.org", 443, "passed")
        reached.note(bot, "a.org", 80, "passed")
        reached.note(bot, "a.org", 443, "egress_denied")
        reached.note(None, "a.org", 443, "passed")
    assert [(one.name, one.port, one.outcome) for one in kept.commands] == [
        ("bot", 443, "passed"),
        ("bot", 80, "passed"),
        ("bot", 443, "egress_denied"),
        ("", 443, "passed"),
    ]
    assert reached._observed.egress.sums == {
        ("bot", "passed"): 6,
        ("bot", "egress_denied"): 3,
        ("", "passed"): 3,
    }


def test_the_next_day_begins_anew(
    reached: Reached, kept: Kept, bot: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the log shows which hosts are still in use, and memory stays small."""
    now = [7 * DAY_NS - 1]
    monkeypatch.setattr(module.clock, "now_ns", lambda: now[0])
    reached.note(bot, "a.org", 443, "passed")
    now[0] += 1
    reached.note(bot, "a.org", 443, "passed")
    assert len(kept.commands) == 2
    assert reached._told == {"bot": {("a.org", 443, "passed")}}


def test_very_many_hosts(reached: Reached, kept: Kept, bot: Payer) -> None:
    """Are told as one row after so many; other agents are told as ever."""
    for number in range(module.OF_AN_AGENT_MAX + 50):
        reached.note(bot, f"{number}.org", 443, "passed")
    reached.note(None, "a.org", 443, "passed")
    told: list[Any] = [(one.host, one.port, one.outcome) for one in kept.commands]
    assert len(told) == module.OF_AN_AGENT_MAX + 2
    assert told[-2:] == [("*", 0, "more"), ("a.org", 443, "passed")]


def test_a_host_of_any_length(reached: Reached, kept: Kept, bot: Payer) -> None:
    """No more of it is kept than a host's name can have."""
    reached.note(bot, "x" * 10_000, 443, "egress_unreadable")
    assert len(kept.commands[0].host) == 253
