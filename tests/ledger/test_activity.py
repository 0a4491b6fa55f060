"""Laws of watching the books: pages by cursor, a bounded look, and spending along the book."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import activity
from ledger.activity import ActivityReader, Filter, Spent
from ledger.commands import Adjust, Judged
from ledger.store import Store
from tests.ledger.making import SECOND, START, URL, Hand, admit, commit, create, open_at, run

HOUR = 3600 * SECOND


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def store(tmp_path: Path, hand: Hand) -> Iterator[Store]:
    opened = open_at(tmp_path, clock=hand.clock())
    opened.execute([create(budget=10**9), create("bob", 10**9)])
    yield opened
    opened.close()


@pytest.fixture
def reader(store: Store, tmp_path: Path) -> Iterator[ActivityReader]:
    with ActivityReader(URL, tmp_path) as opened:
        yield opened


def ids(reader: ActivityReader, wanted: Filter, reach: int) -> tuple[list[str], int]:
    """All calls that a filter finds page by page, and how many pages that took."""
    found: list[str] = []
    before = pages = 0
    while True:
        page = reader.activity(wanted, before, 3)
        assert len(page.rows) <= min(3, reach)
        found += [row.execution_id for row in page.rows]
        before, pages = page.before, pages + 1
        if not before:
            return found, pages


@pytest.mark.parametrize("reach", [1, 2, 5, 10_000])
def test_a_look_has_a_reach(
    store: Store, reader: ActivityReader, reach: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few calls a page looks at, its cursors lead to every one that fits, once."""
    monkeypatch.setattr(activity, "REACH", reach)
    for number in range(9):
        model = "rare" if number % 4 == 0 else "common"
        store.one(admit(f"e{number}", "bob" if number % 2 else "alice", model=model))
    newest = [f"e{number}" for number in reversed(range(9))]
    assert ids(reader, Filter(), reach)[0] == newest
    assert ids(reader, Filter(model="rare"), reach)[0] == ["e8", "e4", "e0"]
    assert ids(reader, Filter(agent="bob"), reach)[0] == ["e7", "e5", "e3", "e1"]
    nothing, pages = ids(reader, Filter(model="none"), reach)
    assert nothing == []
    assert pages == 9 // reach + 1


def test_wildcards_are_letters(store: Store, reader: ActivityReader) -> None:
    """A part of a name is looked for as it is."""
    store.execute([admit("e1", model="a%b"), admit("e2", model="a_b"), admit("e3", model="axb")])
    for part, found in (("%", ["e1"]), ("_", ["e2"]), ("A%B", ["e1"]), ("X", ["e3"])):
        assert [row.execution_id for row in reader.activity(Filter(model=part)).rows] == found


def test_times(store: Store, reader: ActivityReader, hand: Hand) -> None:
    """From `since` on, and before `until`."""
    for number in range(4):
        hand.now = START + number * HOUR
        store.one(admit(f"e{number}"))
    times = {row.execution_id: row.created_at for row in reader.executions()}
    page = reader.activity(Filter(since=times["e1"], until=times["e3"]))
    assert [row.execution_id for row in page.rows] == ["e2", "e1"]


def test_what_events_are_about(store: Store, reader: ActivityReader) -> None:
    """Calls and accounts, newest first, each once."""
    after = reader.head().seq
    assert reader.touched(after) == ([], [])
    store.execute([admit("e1"), admit("e2", "bob"), commit("e1", 5)])
    assert reader.touched(after) == (["e1", "e2"], ["alice", "bob"])
    assert [row.execution_id for row in reader.executions_named(["e1", "e2", "no"])] == ["e2", "e1"]


def test_runs(store: Store, reader: ActivityReader, hand: Hand) -> None:
    """The newest that have not ended, so many at the most."""
    store.execute([run("alice", label, 5) for label in ("r1", "r2", "r3")])
    names = [one.name for one in reader.runs(hand.now, 2, "alice")]
    assert names == ["alice/r3", "alice/r2"] == [one.name for one in reader.runs(hand.now, 2)]
    assert reader.runs(hand.now, 2, "bob") == []
    assert [one.name for one in reader.lasting()] == ["alice", "bob"]


def test_spending(store: Store, reader: ActivityReader, hand: Hand) -> None:
    """By agent, model and the hour of admission, whenever it was booked; adjustments move it."""
    store.one(run("alice", "r1", 10**6))
    store.execute([admit("e1"), admit("e2", model="m"), admit("e3", "alice/r1")])
    middle = reader.head().seq
    hand.now += 2 * HOUR
    store.execute([commit("e1", 70), commit("e2", 50), admit("e4", "bob")])
    store.execute([commit("e3", 5), commit("e4", 9)])
    first, later = START - START % HOUR, hand.now - hand.now % HOUR
    found = sorted(reader.spent(middle, reader.head().seq), key=repr)
    assert found == [
        Spent("alice", "gpt-4o", first, 75),
        Spent("alice", "m", first, 50),
        Spent("bob", "gpt-4o", later, 9),
    ]
    end = reader.head().seq
    store.execute([Adjust("e1", 90, "late", "operator"), Adjust("e1", 40, "less", "operator")])
    amounts = [one.nanousd for one in reader.spent(end, reader.head().seq)]
    assert amounts == [20, -50]
    assert reader.spent(0, middle) == []


def test_marks_of_very_many_calls(store: Store, reader: ActivityReader) -> None:
    """Those in shadow are found among more calls than a statement takes values."""
    store.one(admit("e9", judged=Judged("ab" * 32, ("rule r: no",))))
    assert reader.shadowed([f"e{number}" for number in range(40_000)]) == {"e9"}
