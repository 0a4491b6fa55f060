"""Laws of restore: verified first, recorded always, and whatever is replaced is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from ledger import backup as pages
from ledger import restore as module
from ledger.audit import audit
from ledger.backup import backup
from ledger.clock import KernelClock
from ledger.errors import IntegrityBroken, LedgerBusy, LedgerError, LedgerUnavailable
from ledger.files import SIDE_FILES
from ledger.read import Reader
from ledger.restore import RestoreInfo, planned, restore
from ledger.store import Store
from tests.ledger.making import SECOND, URL, Hand, admit, commit, create, open_at, read_all

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def saved(store: Store, hand: Hand, tmp_path: Path) -> Path:
    """A back-up of 6 events; the ledger has 8 by now, and is closed."""
    file = tmp_path / "saved.db"
    store.execute([create(budget=10_000), admit("e1"), commit("e1", 7)])
    backup(URL, tmp_path, file)
    hand.now += SECOND
    store.one(admit("e2"))
    store.close()
    return file


def watch(hand: Hand) -> KernelClock:
    """A clock that shows the hand's time from the start."""
    return KernelClock(wall=hand, steady=lambda: 0)


def perform(source: Path, base: Path, hand: Hand, **more: Any) -> RestoreInfo:
    """A restore that everybody agrees with."""
    hand.now += SECOND
    with planned(source, URL, base) as plan:
        return restore(plan, actor="cli:ann", reason="a test", clock=watch(hand), **more)


def log_of(file: Path) -> list[Any]:
    """All events in a file."""
    with Reader(f"sqlite:///{file.name}", file.parent) as reader:
        return list(reader.log())


def held(base: Path) -> dict[str, bytes]:
    """The files of a directory, with what is in them."""
    return {path.name: path.read_bytes() for path in base.iterdir() if path.is_file()}


def test_the_earlier_state_is_back(saved: Path, tmp_path: Path, hand: Hand) -> None:
    """The ledger is the back-up and one event more, which says who, why, and what was replaced."""
    old = log_of(tmp_path / "ledger.db")
    info = perform(saved, tmp_path, hand)
    *log, last = log_of(tmp_path / "ledger.db")
    assert log == log_of(saved)
    assert last.event.type == "ledger.restored"
    assert last.event.data() == {
        "actor": "cli:ann",
        "reason": "a test",
        "epoch": info.epoch,
        "replaced_seq": old[-1].event.seq,
        "replaced_hash": old[-1].digest.hex(),
        "restore_id": info.restore_id,
        "signed_seq": 0,
    }
    assert (info.events, info.head_hash) == (last.event.seq, last.digest.hex())
    assert (info.replaced_seq, info.replaced_hash) == (8, old[-1].digest.hex())


def test_the_books_hold_and_go_on(saved: Path, tmp_path: Path, hand: Hand) -> None:
    """The audit passes after a restore, and calls are admitted and settled as before."""
    perform(saved, tmp_path, hand)
    with closing(open_at(tmp_path, clock=hand.clock())) as store:
        store.execute([admit("e2"), commit("e2", 9)])
    with Reader(URL, tmp_path) as reader:
        assert [finding for finding in audit(reader) if not finding.holds] == []
        assert [row.execution_id for row in reader.executions()] == ["e2", "e1"]


def test_what_was_replaced_is_kept(saved: Path, tmp_path: Path, hand: Hand) -> None:
    """The old ledger lies beside the new one, whole and private, and nothing else does."""
    old = log_of(tmp_path / "ledger.db")
    info = perform(saved, tmp_path, hand)
    assert info.replaced_file == tmp_path / "ledger.db.replaced-20270115T080002.000Z"
    assert log_of(info.replaced_file) == old
    assert info.replaced_file.stat().st_mode & 0o777 == 0o600
    assert set(held(tmp_path)) == {"ledger.db", "saved.db", info.replaced_file.name}
    # It can itself be restored.
    perform(info.replaced_file, tmp_path, hand)
    assert log_of(tmp_path / "ledger.db")[:-1] == old


def test_the_plan_says_what_would_happen(saved: Path, tmp_path: Path) -> None:
    """A plan names both heads, whether the back-up is an earlier state, and changes nothing."""
    before = held(tmp_path)
    with planned(saved, URL, tmp_path) as plan:
        assert plan.backup.seq == 6
        assert plan.current is not None
        assert (plan.current.seq, plan.earlier) == (8, True)
    # Reading may leave an empty WAL beside the ledger.
    assert {name: held(tmp_path)[name] for name in before} == before


def test_another_ledger_is_told(saved: Path, tmp_path: Path, hand: Hand) -> None:
    """A back-up of a ledger with another history is not called an earlier state."""
    (tmp_path / "other").mkdir()
    with closing(open_at(tmp_path / "other", clock=hand.clock())) as other:
        other.execute([create("bob", budget=1), create("zoe"), create("carl")])
    with planned(saved, URL, tmp_path / "other") as plan:
        assert plan.current is not None
        assert not plan.earlier


def test_where_there_was_no_ledger(saved: Path, tmp_path: Path, hand: Hand) -> None:
    """A restore into an empty home needs no ledger, and says that there was none."""
    home = tmp_path / "new"
    home.mkdir()
    info = perform(saved, home, hand)
    assert (info.replaced_file, info.replaced_seq) == (None, 0)
    assert info.replaced_hash == "0" * 64
    assert set(held(home)) == {"ledger.db"}
    assert (home / "ledger.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("rest", ["garbage", "torn"])
def test_what_cannot_be_read_is_replaced_too(
    saved: Path, tmp_path: Path, hand: Hand, rest: str
) -> None:
    """A ledger that no longer opens is kept, with what lies beside it, and replaced."""
    file = tmp_path / "ledger.db"
    damaged = b"no database at all" * 999 if rest == "garbage" else file.read_bytes()[:2_000]
    file.write_bytes(damaged)
    (tmp_path / "ledger.db-wal").write_bytes(b"a WAL of who knows what")
    info = perform(saved, tmp_path, hand)
    assert info.replaced_file is not None
    assert (info.replaced_seq, info.replaced_hash) == (0, "")
    assert info.replaced_file.read_bytes() == damaged
    assert not (tmp_path / "ledger.db-wal").exists()
    assert log_of(file)[:-1] == log_of(saved)


def test_a_wal_without_its_ledger_is_not_taken_for_the_new_ones(
    saved: Path, tmp_path: Path, hand: Hand
) -> None:
    """What is left beside a ledger that is gone does not become a part of the restored one."""
    (tmp_path / "ledger.db").unlink()
    (tmp_path / "ledger.db-wal").write_bytes(b"left over")
    perform(saved, tmp_path, hand)
    assert not (tmp_path / "ledger.db-wal").exists()


def damage(file: Path, *statements: str) -> None:
    """Edits a back-up behind the ledger's back."""
    with closing(apsw.Connection(str(file))) as database:
        for name in ("event_log_no_update", "event_log_no_delete"):
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE event_log SET payload = '{}' WHERE seq = 3", "chain: event 3"),
        ("DELETE FROM event_log WHERE seq = 6", "does not end at its head"),
        ("UPDATE agents SET spent_nanousd = 0", "agents: row alice"),
        ("UPDATE executions SET usage = '{}'", "executions: row e1"),
        ("DELETE FROM tokens", "tokens: row"),
    ],
)
def test_a_backup_that_does_not_hold_is_refused(
    saved: Path, tmp_path: Path, hand: Hand, statement: str, told: str
) -> None:
    """A back-up that was edited is refused by the broken law, and nothing is touched."""
    damage(saved, statement)
    before = held(tmp_path)
    with pytest.raises(IntegrityBroken, match=told):
        perform(saved, tmp_path, hand)
    assert held(tmp_path) == before


def test_other_files_are_refused(saved: Path, tmp_path: Path, hand: Hand) -> None:
    """No file, a file of another kind, and the ledger itself are each refused by name."""
    other = tmp_path / "other"
    for content, told in (
        (None, "no file"),
        (b"", "no ledger in"),
        (b"x" * 9999, "not a database"),
    ):
        if content is not None:
            other.write_bytes(content)
        with pytest.raises(LedgerError, match=told):
            perform(other, tmp_path, hand)
    with pytest.raises(LedgerError, match="is the ledger itself"):
        perform(tmp_path / "ledger.db", tmp_path, hand)
    command = "pg_restore --clean --if-exists --dbname=postgres://h/d"
    with pytest.raises(LedgerError, match=command), planned(saved, "postgres://h/d", tmp_path):
        pytest.fail("a server is not restored from a file")


@pytest.fixture
def visitor(saved: Path, tmp_path: Path) -> Iterator[Store]:
    """Another process that has the ledger open."""
    with closing(open_at(tmp_path)) as opened:
        yield opened


def test_nobody_else_may_have_it_open(
    visitor: Store, saved: Path, tmp_path: Path, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While anybody has the ledger open it is not replaced, and whoever has it can go on."""
    monkeypatch.setattr(module, "_PATIENCE_MS", 10)
    with pytest.raises(LedgerBusy, match="another process has"):
        perform(saved, tmp_path, hand)
    visitor.one(admit("e3"))
    with Reader(URL, tmp_path) as reader:
        assert reader.head().seq == 10
    assert not list(tmp_path.glob("*replaced*"))


def test_what_is_written_after_the_plan_is_recorded(
    saved: Path, tmp_path: Path, hand: Hand
) -> None:
    """The event names the head at the instant of the restore, not that of the plan."""
    with planned(saved, URL, tmp_path) as plan:
        with closing(open_at(tmp_path, clock=hand.clock())) as store:
            store.one(admit("e3"))
        info = restore(plan, actor="a", reason="r", clock=watch(hand))
    assert info.replaced_seq == 10
    assert info.replaced_file is not None
    assert len(log_of(info.replaced_file)) == 10


@pytest.mark.parametrize("step", ["keeping the old ledger", "restoring"])
def test_an_error_on_the_way_changes_nothing(
    saved: Path, tmp_path: Path, hand: Hand, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Where the old ledger cannot be kept, or the new one not be written, the old one stays."""
    monkeypatch.setattr(pages, "_PAGES", 5)
    old = log_of(tmp_path / "ledger.db")

    def fail(what: str, *_pages: int) -> None:
        if what == step:
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        perform(saved, tmp_path, hand, progress=fail)
    assert log_of(tmp_path / "ledger.db") == old
    assert set(held(tmp_path)) <= {"ledger.db", "saved.db", "ledger.db-wal", "ledger.db-shm"}


DYING = """
import os, sys
from pathlib import Path
from ledger import backup
from ledger.restore import planned, restore

backup._PAGES = 4
left = int(sys.argv[3])

def die(*_told):
    global left
    left -= 1
    if left < 0:
        os._exit(9)

with planned(Path(sys.argv[1]), "sqlite:///ledger.db", Path(sys.argv[2])) as plan:
    restore(plan, actor="a", reason="r", progress=die)
"""


def test_a_kill_on_the_way_leaves_one_or_the_other(saved: Path, tmp_path: Path) -> None:
    """Whenever the process is killed, the ledger is the old one or the restored one, whole."""
    original = held(tmp_path)
    old, new = log_of(tmp_path / "ledger.db"), log_of(saved)
    kills = code = 9
    for kills in range(1, 200, 3):
        for path in tmp_path.glob("*ledger.db*"):
            path.unlink()
        (tmp_path / "ledger.db").write_bytes(original["ledger.db"])
        command = [sys.executable, "-c", DYING, str(saved), str(tmp_path), str(kills)]
        code = subprocess.run(command, check=False, cwd=ROOT).returncode
        found = log_of(tmp_path / "ledger.db")
        assert found == old or found[:-1] == new
        if code != 9:
            break
        with closing(open_at(tmp_path)) as store:
            store.one(admit("e9"))
    assert (code, found[:-1]) == (0, new)
    assert kills > 10


def test_an_error_at_the_very_end_loses_nothing(saved: Path, tmp_path: Path, hand: Hand) -> None:
    """Where the exchange took place before the error, the old ledger is still kept."""
    old = log_of(tmp_path / "ledger.db")

    def fail(what: str, done: int, total: int) -> None:
        if (what, done) == ("restoring", total):
            raise OSError("too late")

    with pytest.raises(OSError, match="too late"):
        perform(saved, tmp_path, hand, progress=fail)
    assert log_of(tmp_path / "ledger.db")[:-1] == log_of(saved)
    (kept,) = tmp_path.glob("ledger.db.replaced-*Z")
    assert log_of(kept) == old


def test_an_unwritable_ledger_is_told(
    saved: Path, tmp_path: Path, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SQLite refuses while the pages are exchanged is an error of the ledger."""

    def fail(*_words: Any) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(module, "_exchange", fail)
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        perform(saved, tmp_path, hand)


def test_a_raw_copy_with_its_wal_is_a_backup(
    store: Store, reader: Reader, tmp_path: Path, hand: Hand
) -> None:
    """The ledger's own files, copied by hand while it was open, can be restored as well."""
    store.execute([create(), admit("e1")])
    copies = tmp_path / "copies"
    copies.mkdir()
    for suffix in ("", *SIDE_FILES):
        part = tmp_path / f"ledger.db{suffix}"
        if part.exists():
            (copies / part.name).write_bytes(part.read_bytes())
    expected = read_all(reader)
    home = tmp_path / "home"
    home.mkdir()
    info = perform(copies / "ledger.db", home, hand)
    with Reader(URL, home) as restored:
        assert read_all(restored) == expected
    assert info.events == reader.head().seq + 1
