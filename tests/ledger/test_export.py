"""Laws of the export's rows: every column, exact amounts, oldest first, whatever the chunks."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from ledger import read
from ledger.commands import Quote
from ledger.export import COLUMNS, rows
from ledger.read import Reader
from ledger.state import Execution, columns
from ledger.store import Store
from tests.ledger.making import REFUSED, SECOND, START, Hand, admit, commit, create


@pytest.fixture
def filled(store: Store, hand: Hand) -> Store:
    """Nine calls of two agents, three in each second."""
    store.execute([create(budget=10**13), create("zoe")])
    for number in range(3):
        hand.now += SECOND
        keys = [f"e{number}{letter}" for letter in "cab"]
        store.execute([admit(keys[0]), admit(keys[1], "zoe"), admit(keys[2], refusal=REFUSED)])
    store.execute([commit("e0c", 1_234_567_890_123), commit("e0a", 5, usage=None)])
    return store


def ids(reader: Reader, *words: object) -> list[str]:
    """The executions of an export."""
    return [row["execution_id"] for row in rows(reader, *words)]  # type: ignore[arg-type]


WHOLE = [f"e{number}{letter}" for number in range(3) for letter in "cab"]


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 9, 10])
def test_every_call_once_and_in_order(
    filled: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Calls come in the order of their admission, each once, wherever a chunk ends."""
    monkeypatch.setattr(read, "_CHUNK", chunk)
    assert ids(reader) == WHOLE
    assert ids(reader, "zoe") == ["e0a", "e1a", "e2a"]


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (START + SECOND, START + 2 * SECOND, WHOLE[:3]),
        (START + 2 * SECOND, None, WHOLE[3:]),
        (START + 2 * SECOND + 3, None, WHOLE[6:]),
        (None, START + SECOND, []),
        (START + 9 * SECOND, None, []),
        (0, START + 9 * SECOND, WHOLE),
    ],
)
def test_from_since_until_before(
    filled: Store, reader: Reader, since: int | None, until: int | None, found: list[str]
) -> None:
    """An interval holds its beginning and not its end, so that months add up."""
    assert ids(reader, None, since, until) == found
    assert reader.count_between(since, until) == len(found)
    assert reader.count_between(since, until, "zoe") == len(found) // 3


def test_every_column_is_there(filled: Store, reader: Reader) -> None:
    """A row has all that an execution has, in the order of COLUMNS, and dollars beside amounts."""
    row = next(rows(reader))
    assert list(row) == [column.name for column in COLUMNS]
    more = {name.replace("_nanousd", "_usd") for name in columns(Execution) if "_nanousd" in name}
    assert set(row) == {*columns(Execution), *more}
    assert len(more) == 2


def test_what_a_row_says(filled: Store, reader: Reader) -> None:
    """Amounts are exact in both units; what has not happened is None, not 0."""
    paid, unpriced, denied = list(rows(reader))[:3]
    assert (paid["actual_nanousd"], paid["actual_usd"]) == (1_234_567_890_123, "1234.567890123")
    assert (paid["reserved_usd"], paid["stream"]) == ("0.0000001", False)
    assert paid["created_at"] == START + SECOND
    assert paid["usage"] == '{"input_tokens":3,"output_tokens":4}'
    assert (unpriced["usage"], unpriced["status_code"]) == (None, 200)
    assert (denied["state"], denied["dispatched_at"], denied["actual_usd"]) == (
        "DENIED",
        None,
        "0.00",
    )
    open_call = list(rows(reader))[-3]
    assert (open_call["status_code"], open_call["terminal_at"]) == (None, None)


def test_an_export_is_of_one_moment(
    filled: Store, reader: Reader, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written while rows are taken is in none of them."""
    monkeypatch.setattr(read, "_CHUNK", 2)
    taken = []
    for row in rows(reader):
        taken.append((row["execution_id"], row["state"]))
        assert len(taken) < 100, "it is never done"
        hand.now += SECOND
        filled.execute([admit(f"late{len(taken)}"), commit("e2c", 1)])
    assert [key for key, _ in taken] == WHOLE
    assert ("e2c", "DISPATCHED") in taken
    assert len(ids(reader)) == 18


def test_memory_does_not_grow_with_the_ledger(
    store: Store, reader: Reader, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taking row by row needs the memory of a chunk, not of the ledger."""
    monkeypatch.setattr(read, "_CHUNK", 50)
    store.one(create(budget=10**12))

    def peak(calls: range) -> int:
        for number in calls:
            hand.now += 1
            store.one(admit(f"e{number}", quote=Quote(1), fingerprint="f" * 500))
        list(zip(rows(reader), range(1), strict=False))
        tracemalloc.start()
        assert sum(1 for _ in rows(reader)) == calls.stop
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    small = peak(range(200))
    assert peak(range(200, 2_000)) < 2 * small


def test_the_index_on_the_time_is_used(filled: Store, tmp_path: Path) -> None:
    """A page late in a large ledger is found through the index, not by reading what precedes."""
    plan = filled.engine.rows(
        "EXPLAIN QUERY PLAN SELECT * FROM executions WHERE created_at >= 5 AND created_at >= 7 "
        "AND (created_at > 7 OR execution_id > 'x') ORDER BY created_at, execution_id LIMIT 9"
    )
    assert "USING INDEX executions_created (created_at>?)" in plan[0][-1]
