"""Laws of opening: nothing is served from books that do not add up."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import opening
from ledger.admin_commands import DeleteAgent
from ledger.engine import SqliteEngine, connect
from ledger.errors import IntegrityBroken, LedgerError, SchemaTooNew
from ledger.opening import quick_check
from ledger.read import Reader
from ledger.schema import VERSION
from ledger.store import Store
from tests.ledger.making import URL, admit, commit, create, open_at


@pytest.fixture
def long(store: Store) -> Store:
    """A log of 34 events that nothing guards."""
    store.one(create(budget=10_000))
    for number in range(10):
        store.execute([admit(f"e{number}"), commit(f"e{number}", 7)])
    store.one(DeleteAgent("alice", "operator"))
    for name in ("event_log_no_update", "event_log_no_delete"):
        store.engine.rows(f"DROP TRIGGER {name}")
    assert store.engine.rows("SELECT seq FROM ledger_head") == [(35,)]
    return store


def test_a_ledger_begins_with_its_name(tmp_path: Path) -> None:
    """The first event of a new ledger holds its id and the version that made it."""
    open_at(tmp_path).close()
    with Reader(URL, tmp_path) as reader:
        (first,) = reader.log()
    assert first.event.type == "ledger.created"
    assert first.event.data() == {"ledger_id": "test", "version": "0"}


def test_what_cannot_be_opened_is_closed(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An opening that fails leaves no connection behind."""
    store.engine.rows(f"PRAGMA user_version = {VERSION + 1}")
    opened: list[SqliteEngine] = []

    def noted(*words: object) -> SqliteEngine:
        engine = connect(*words)  # type: ignore[arg-type]
        assert isinstance(engine, SqliteEngine)
        opened.append(engine)
        return engine

    monkeypatch.setattr(opening, "connect", noted)
    with pytest.raises(SchemaTooNew):
        open_at(tmp_path)
    with pytest.raises(LedgerError):
        opened[0].rows("SELECT 1")


@pytest.mark.parametrize("events", [20_000, 35, 34, 10, 1])
def test_a_sound_ledger_passes(long: Store, reader: Reader, events: int) -> None:
    """A sound ledger passes, however much of its end is looked at."""
    quick_check(reader, events)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE event_log SET payload = '{}' WHERE seq = 30", "event 30"),
        ("UPDATE event_log SET version = 7 WHERE seq = 30", "event 30"),
        ("DELETE FROM event_log WHERE seq = 30", "event 30 is missing"),
        ("DELETE FROM event_log WHERE seq = 26", "event 26 is missing"),
        ("DELETE FROM event_log WHERE seq = 35", "head: "),
        ("DELETE FROM event_log WHERE seq >= 20", "head: "),
        ("UPDATE ledger_head SET event_hash = ''", "head: "),
    ],
)
@pytest.mark.parametrize("events", [10, 20_000])
def test_a_broken_end_is_refused(
    long: Store, reader: Reader, statement: str, told: str, events: int
) -> None:
    """A break in the end of the log is found by the short look and by the whole one."""
    long.engine.rows(statement)
    with pytest.raises(IntegrityBroken, match=f"{told}.*`aex audit` shows all"):
        quick_check(reader, events)


def test_a_short_log_gets_the_whole_audit(long: Store, reader: Reader) -> None:
    """A wrong balance is found where the log is short, which the look at its end cannot find."""
    long.engine.rows("UPDATE agents SET spent_nanousd = 0")
    quick_check(reader, 10)
    with pytest.raises(IntegrityBroken, match="agents: row alice was altered"):
        quick_check(reader, 35)


def test_the_look_is_at_one_moment(
    long: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another gateway that writes during the look is no reason to refuse."""
    log = reader.log

    def busy(after: int = 0) -> object:
        long.one(create(f"agent-{after}", token_hash=f"t{after}"))
        return log(after)

    monkeypatch.setattr(reader, "log", busy)
    quick_check(reader, 10)
    assert reader.head().seq == 37
