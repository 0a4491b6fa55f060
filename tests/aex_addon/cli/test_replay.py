"""`aex replay`: the books as they were, and whether the tables say the same."""

from __future__ import annotations

import apsw
import pytest

from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex


def test_the_books_of_now(aex: Aex, calls: list[str]) -> None:
    """Without a moment the fold is that of the whole log, as `aex agent list` shows it."""
    shape = aex.json("replay")
    assert shape["agents"] == aex.json("agent", "list")
    assert shape["executions"] == {"COMMITTED": 1, "DENIED": 1}
    shown = aex("replay").stdout
    assert "1 COMMITTED, 1 DENIED" in shown
    assert "shop" in shown


def test_the_books_of_then(aex: Aex, calls: list[str]) -> None:
    """At an event or a time the balances are those of that moment."""
    before = aex.json("executions", "show", "ex_1")
    reserved = before["events"][0]
    for at in (reserved["seq"], reserved["time"]):
        shape = aex.json("replay", "--at", at)
        assert shape["agents"][0]["reserved_nanousd"] in (0, 2_000)
    shape = aex.json("replay", "--at", reserved["seq"])
    assert (shape["seq"], shape["time"]) == (reserved["seq"], reserved["time"])
    assert shape["agents"][0]["reserved_nanousd"] == 2_000
    assert aex.json("replay", "--at", "1970-01-01")["seq"] == 0


def test_one_call(aex: Aex, calls: list[str]) -> None:
    """A call is shown as it stood, and not before it was."""
    seq = aex.json("executions", "show", "ex_1")["events"][0]["seq"]
    shape = aex.json("replay", "--execution", "ex_1", "--at", seq)
    assert shape["execution"]["state"] == "RESERVED"
    assert aex.json("replay", "--execution", "ex_1")["execution"]["state"] == "COMMITTED"
    assert "COMMITTED" in aex("replay", "--execution", "ex_1").stdout
    too_early = aex("replay", "--execution", "ex_1", "--at", seq - 1, code=1)
    assert f"up to event {seq - 1} there is no execution" in too_early.stderr


def test_verify(aex: Aex, home: Home, calls: list[str]) -> None:
    """It compares every table, and one that was edited gives exit code 1."""
    shape = aex.json("replay", "--verify")
    assert shape["verified"] is True
    assert {"agents", "executions"} <= {finding["law"] for finding in shape["findings"]}
    connection = apsw.Connection(str(home.path / "ledger.db"))
    connection.execute("UPDATE agents SET spent_nanousd = 0")
    connection.close()
    assert aex.json("replay", "--verify", code=1)["verified"] is False
    assert "DIFFER  agents: row shop was altered" in aex("replay", "--verify", code=1).stdout


@pytest.mark.parametrize("words", [("--at", "soon"), ("--verify", "--at", "3")])
def test_wrong_usage(aex: Aex, calls: list[str], words: tuple[str, ...]) -> None:
    """What is no moment, and a comparison of then with now, are wrong usage."""
    aex("replay", *words, code=2)


def test_a_place_that_is_none(aex: Aex, calls: list[str]) -> None:
    """It is told that an event's number is one, beside the forms of a time."""
    refused = aex("replay", "--at", "soon", code=2).stderr
    assert "write 2026-07-01" in refused
    assert "the number of an event" in refused
