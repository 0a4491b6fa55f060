"""`aex executions …`."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from tests.aex_addon.cli.conftest import Aex

PROMISED = {
    *("execution_id", "agent", "provider", "model", "endpoint", "door", "stream", "state"),
    *("status_code", "reserved_nanousd", "actual_nanousd", "usage", "usage_source", "certainty"),
    *("reason", "created_at", "terminal_at"),
}


def test_one_object_a_call(aex: Aex, calls: list[str]) -> None:
    """The document has the promised keys, in their types, the newest call first."""
    denied, paid = aex.json("executions", "list")
    assert set(paid) >= PROMISED
    assert (denied["execution_id"], paid["execution_id"]) == ("ex_2", "ex_1")
    assert (paid["state"], paid["actual_nanousd"], paid["status_code"]) == ("COMMITTED", 1_200, 200)
    assert paid["stream"] is True
    assert paid["usage"] == {"input_tokens": 3, "output_tokens": 4}
    assert (paid["usage_source"], paid["certainty"]) == ("provider", "exact")
    assert datetime.fromisoformat(paid["created_at"]).tzinfo is not None
    assert paid["created_at"] <= paid["terminal_at"]
    assert (denied["state"], denied["usage"], denied["usage_source"]) == ("DENIED", None, "")
    assert denied["status_code"] == 403


def test_filters(aex: Aex, calls: list[str]) -> None:
    """Agent, state (in any case) and limit narrow the list."""

    def ids(*words: object) -> list[str]:
        return [row["execution_id"] for row in aex.json("executions", "list", *words)]

    assert ids("--state", "denied") == ["ex_2"]
    assert ids("--limit", 1) == ["ex_2"]
    assert ids("--agent", "shop") == ["ex_2", "ex_1"]
    assert ids("--agent", "shop", "--state", "FAILED") == []
    aex("executions", "list", "--state", "LOST", code=2)


def test_the_list_in_words(aex: Aex, calls: list[str]) -> None:
    """A row has what it cost, exactly."""
    first, second = aex("executions", "list").stdout.splitlines()[1:]
    assert first.split()[-3:] == ["DENIED", "403", "$0.00"]
    assert second.split()[-3:] == ["COMMITTED", "200", "$0.0000012"]
    assert aex("executions", "list", "--state", "FAILED").stdout == "no such calls\n"


def test_what_a_cost_rests_on_is_told(aex: Aex, calls: list[str]) -> None:
    """A bill above its reserve and one that is not exact have a note; others have none."""
    assert aex("executions", "list").stdout.splitlines()[2].endswith(" $0.0000012")
    aex("ledger", "adjust", "ex_1", "--actual", "0.5", "--reason", "the bill")
    assert aex("executions", "list").stdout.splitlines()[2].endswith("above its reserve, adjusted")


def test_no_calls_yet(aex: Aex, shop: str) -> None:
    """Nothing yet is no failure; an agent that never was is one, also for a program."""
    assert aex("executions", "list").stdout == "no calls yet\n"
    assert aex.json("executions", "list", "--agent", "shop") == []
    assert "there is no agent 'x'" in aex("executions", "list", "--agent", "x", code=1).stderr


def test_show_tells_the_story(aex: Aex, calls: list[str]) -> None:
    """One call comes with its events, each linked to the one before."""
    shown = aex.json("executions", "show", "ex_1")
    events = shown["events"]
    assert [event["type"] for event in events][-1] == "execution.committed"
    assert all(len(event["event_hash"]) == 64 for event in events)
    for before, after in pairwise(events):
        assert after["prev_hash"] == before["event_hash"]
    assert events[0]["event_hash"] in aex("executions", "show", "ex_1").stdout


def test_show_prints_no_control_characters(aex: Aex, calls: list[str]) -> None:
    """What an agent put into the log cannot reach the terminal raw."""
    assert "\x1b" not in aex("executions", "show", "ex_2").stdout


def test_an_unknown_call_is_named(aex: Aex, shop: str) -> None:
    """The refusal says where to look."""
    assert "`aex executions list`" in aex("executions", "show", "ex_9", code=1).stderr
