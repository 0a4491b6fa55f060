"""Laws of taking checkpoints: each extends the last, costs what is new, and never signs a fork."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger import checkpoints
from ledger.checkpoint import Checkpoint, verify
from ledger.checkpoints import Taker, origin, refuse_rollback
from ledger.engine import connect
from ledger.engine_sqlite import SqliteEngine
from ledger.errors import IntegrityBroken, LedgerBusy
from ledger.merkle import leaf_hash, root
from ledger.note import Signer, generate_key
from ledger.read import Reader
from ledger.store import Store
from ledger.tree import Tree
from tests.ledger.making import URL, create, open_at
from tests.ledger.postgres import Server
from tests.ledger.signing import recorded_restore, said

SIGNER = Signer("aex/test", generate_key())


@pytest.fixture
def engine(tmp_path: Path, store: Store) -> Iterator[SqliteEngine]:
    """A connection beside the store's own."""
    with closing(connect(URL, tmp_path, busy_timeout_ms=0)) as opened:
        assert isinstance(opened, SqliteEngine)
        yield opened


class Counting:
    """An engine that counts the rows it gives."""

    def __init__(self, engine: SqliteEngine) -> None:
        self.engine = engine
        self.given = 0

    def rows(self, *query: Any) -> Any:
        found = self.engine.rows(*query)
        self.given += len(found)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


def agents(store: Store, *names: str) -> None:
    """Two events a name."""
    store.execute([create(name, token_hash=name) for name in names])


def test_a_checkpoint_says_what_the_log_is(
    store: Store, engine: SqliteEngine, reader: Reader
) -> None:
    """Size and root are those of the log, the key signed them, and the row says the same."""
    agents(store, "a", "b")
    taken = Taker(engine, SIGNER).take(7)
    leaves = [leaf_hash(logged.digest) for logged in reader.log()]
    assert taken is not None
    found = verify(taken.note, [SIGNER.vkey], origin(engine))
    assert (found.size, found.root) == (len(leaves), root(leaves)) == (5, root(leaves))
    assert reader.checkpoints() == [taken]
    assert (taken.size, taken.root, taken.time_ns) == (5, found.root.hex(), 7)


def test_nothing_new_is_no_checkpoint(store: Store, engine: SqliteEngine, reader: Reader) -> None:
    """A log that did not grow is not signed twice, by the same taker or by another."""
    taker = Taker(engine, SIGNER)
    assert taker.waiting() == 1
    assert taker.take(1) is not None
    assert (taker.waiting(), taker.take(2), Taker(engine, SIGNER).take(3)) == (0, None, None)
    agents(store, "a")
    assert taker.waiting() == 2
    assert taker.take(4) is not None
    assert [row.size for row in reader.checkpoints()] == [1, 3]
    assert [row.size for row in reader.checkpoints(newest=True)] == [3]


def test_the_cost_is_what_is_new(
    store: Store, engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree in memory, or one that was kept, spares reading the log again; chunks do not show."""
    monkeypatch.setattr(checkpoints, "_CHUNK", 7)
    agents(store, *(f"a{number}" for number in range(100)))
    counting = Counting(engine)
    taker = Taker(counting, SIGNER)
    assert taker.take(1) is not None
    assert counting.given > 200
    kept = Tree.load(taker.tree.dump())
    for again in (taker, Taker(counting, SIGNER, kept)):
        agents(store, f"b{id(again)}")
        counting.given = 0
        taken = again.take(2)
        assert taken is not None
        assert counting.given < 10
    fresh = Taker(engine, SIGNER)
    agents(store, "c")
    grown, whole = taker.take(3), None
    engine.rows("DELETE FROM checkpoints")
    whole = fresh.take(3)
    assert grown is not None
    assert whole is not None
    assert grown.root == whole.root


def test_a_tree_that_nobody_vouches_for_is_not_used(store: Store, engine: SqliteEngine) -> None:
    """A kept tree of other hashes, or of another place, is rebuilt from the log."""
    first = Taker(engine, SIGNER).take(1)
    assert first is not None
    forged = Tree()
    forged.grow(1, "ab" * 32)
    agents(store, "a")
    taker = Taker(engine, SIGNER, forged)
    taken = taker.take(2, said(first.note))
    engine.rows("DELETE FROM checkpoints")
    honest = Taker(engine, SIGNER).take(3)
    assert taken is not None
    assert honest is not None
    assert taken.root == honest.root


def test_no_fork_is_signed(store: Store, engine: SqliteEngine, reader: Reader) -> None:
    """A log that does not begin with what was signed is refused, whoever remembers it."""
    agents(store, "a")
    taker = Taker(engine, SIGNER)
    taken = taker.take(1)
    assert taken is not None
    engine.rows("DROP TRIGGER event_log_no_update")
    engine.rows(f"UPDATE event_log SET event_hash = '{'ab' * 32}' WHERE seq = 3")
    agents(store, "b")
    for one in (taker, Taker(engine, SIGNER, taker.tree), Taker(engine, SIGNER)):
        with pytest.raises(IntegrityBroken, match="the first 3 events are not the ones"):
            one.take(2)
    engine.rows("DELETE FROM checkpoints")
    with pytest.raises(IntegrityBroken, match="the first 3 events are not the ones"):
        taker.take(3, said(taken.note))
    assert reader.checkpoints() == []


def test_a_shorter_log_is_not_signed(store: Store, engine: SqliteEngine) -> None:
    """Where more was signed than there is, nothing is."""
    more = Checkpoint("aex/test", 99, b"r" * 32)
    with pytest.raises(IntegrityBroken, match="the log has 1 events, but 99 were signed"):
        Taker(engine, SIGNER).take(1, more)
    with pytest.raises(IntegrityBroken, match="the log has 1 events"):
        refuse_rollback(engine, more, Tree())


def test_a_gap_is_not_signed(store: Store, engine: SqliteEngine) -> None:
    """A log with a hole has no tree."""
    agents(store, "a", "b")
    engine.rows("DROP TRIGGER event_log_no_delete")
    engine.rows("DELETE FROM event_log WHERE seq = 3")
    with pytest.raises(IntegrityBroken, match="event 3 is missing"):
        Taker(engine, SIGNER).take(1)


@pytest.mark.parametrize("size", [2, 3, 9])
def test_a_recorded_restore_is_no_fork(store: Store, engine: SqliteEngine, size: int) -> None:
    """What was signed of the log that was replaced does not stop the one that goes on."""
    other = Checkpoint("aex/test", size, b"r" * 32)
    recorded_restore(store, replaced_seq=9)
    agents(store, "a")
    refuse_rollback(engine, other, Tree())
    taken = Taker(engine, SIGNER).take(1, other)
    assert taken is not None
    assert taken.size == 4


def test_the_look_at_a_start(store: Store, engine: SqliteEngine) -> None:
    """One event tells whether the log runs through what was signed outside."""
    agents(store, "a")
    taker = Taker(engine, SIGNER)
    taken = taker.take(1)
    assert taken is not None
    agents(store, "b")
    known = said(taken.note)
    refuse_rollback(engine, known, taker.tree)
    engine.rows("DROP TRIGGER event_log_no_update")
    engine.rows(f"UPDATE event_log SET event_hash = '{'ab' * 32}' WHERE seq = 3")
    refuse_rollback(engine, known, Tree())  # without its tree only the length is known
    with pytest.raises(IntegrityBroken, match="the log was rewritten"):
        refuse_rollback(engine, known, taker.tree)


def test_a_busy_ledger(store: Store, engine: SqliteEngine) -> None:
    """Where another process writes, none is taken; afterwards it is."""
    taker = Taker(engine, SIGNER)
    store.engine.begin()
    with pytest.raises(LedgerBusy):
        taker.take(1)
    store.engine.rollback()
    assert taker.take(2) is not None


@pytest.mark.postgres
def test_on_postgresql(postgres: Server, tmp_path: Path) -> None:
    """The same on the other engine, beside a store that goes on writing."""
    url = postgres.create_database("aex_checkpoints")
    with closing(open_at(tmp_path, url)) as store, closing(connect(url, tmp_path)) as engine:
        taker = Taker(engine, SIGNER)
        assert taker.take(1) is not None
        agents(store, "a")
        assert taker.take(2) is not None
        with Reader(url, tmp_path) as reader:
            assert [row.size for row in reader.checkpoints()] == [1, 3]
            assert [seq for seq, _ in reader.hashes()] == [1, 2, 3]
