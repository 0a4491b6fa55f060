"""Laws of back-up: one whole file of one moment, taken while others write."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from ledger import backup as module
from ledger.audit import audit
from ledger.backup import backup, copy_pages, examine
from ledger.errors import IntegrityBroken, LedgerError, LedgerUnavailable, SchemaTooNew
from ledger.read import Reader
from ledger.schema import VERSION
from ledger.store import Store
from tests.ledger.making import URL, admit, commit, create, read_all


@pytest.fixture
def filled(store: Store) -> Store:
    """A ledger of many pages, most of it still in the WAL."""
    store.one(create(budget=10**12))
    for number in range(40):
        keys = [f"e{number}-{index}" for index in range(20)]
        store.execute([admit(key, fingerprint="f" * 200) for key in keys])
        store.execute([commit(key, 7) for key in keys])
    return store


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a back-up goes."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "copy.db"


def test_a_backup_is_the_ledger(
    filled: Store, reader: Reader, tmp_path: Path, target: Path
) -> None:
    """The copy has every row, passes the audit, and is what is told of it."""
    info = backup(URL, tmp_path, target)
    head = reader.head()
    assert (info.events, info.head_hash) == (head.seq, head.event_hash)
    assert (info.file, info.bytes, info.schema) == (target, target.stat().st_size, VERSION)
    with Reader("sqlite:///copy.db", target.parent) as copy:
        assert read_all(copy) == read_all(reader)
        assert list(copy.log()) == list(reader.log())
        assert all(finding.holds for finding in audit(copy))


def test_a_backup_is_one_private_file(filled: Store, tmp_path: Path, target: Path) -> None:
    """Nothing lies beside the copy, not even once it was read, and only its owner may read it."""
    before = os.umask(0)
    try:
        backup(URL, tmp_path, target)
    finally:
        os.umask(before)
    with Reader("sqlite:///copy.db", target.parent) as copy:
        copy.head()
        assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o600


def test_it_is_of_one_moment(
    filled: Store, reader: Reader, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that writes between any two steps neither waits, nor shows, nor starts it anew."""
    monkeypatch.setattr(module, "_PAGES", 8)
    head = reader.head()
    done: list[int] = []

    def write(_what: str, pages: int, _total: int) -> None:
        filled.one(admit(f"late-{len(done)}"))
        done.append(pages)
        assert len(done) < 1_000, "it is never done"

    info = backup(URL, tmp_path, target, write)
    assert (info.events, info.head_hash) == (head.seq, head.event_hash)
    assert len(done) > 10
    assert done == sorted(done)
    assert reader.head().seq == head.seq + 2 * len(done)
    with Reader("sqlite:///copy.db", target.parent) as copy:
        assert all(finding.holds for finding in audit(copy))


def test_progress_ends_at_the_whole(
    filled: Store, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress is told in pages, up to all of them."""
    monkeypatch.setattr(module, "_PAGES", 10)
    told: list[tuple[str, int, int]] = []
    info = backup(URL, tmp_path, target, lambda *words: told.append(words))
    assert told[0] == ("copying", 10, told[-1][2])
    assert told[-1][1] == told[-1][2] == info.bytes // 4096


def test_files_are_not_overwritten(filled: Store, tmp_path: Path, target: Path) -> None:
    """A file of that name stays, unless it may be overwritten."""
    target.write_text("dear")
    with pytest.raises(LedgerError, match="already"):
        backup(URL, tmp_path, target)
    assert target.read_text() == "dear"
    backup(URL, tmp_path, target, overwrite=True)
    assert examine(target).events > 1


def test_the_ledger_itself_is_no_target(filled: Store, tmp_path: Path) -> None:
    """Even where overwriting is wanted, the ledger is not overwritten by its own copy."""
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "ledger.db")
    for target in (tmp_path / "ledger.db", link):
        with pytest.raises(LedgerError, match="is the ledger itself"):
            backup(URL, tmp_path, target, overwrite=True)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE ledger_head SET event_hash = 'x'", "does not end at its head"),
        ("UPDATE ledger_head SET seq = seq - 1", "does not end at its head"),
        ("DELETE FROM ledger_head", "does not end at its head"),
        ("DELETE FROM event_log", "does not end at its head"),
    ],
)
def test_a_torn_log_is_no_backup(
    filled: Store, tmp_path: Path, target: Path, statement: str, told: str
) -> None:
    """A ledger whose log does not end at its head gives an error and no file."""
    filled.engine.rows("DROP TRIGGER event_log_no_delete")
    filled.engine.rows(statement)
    with pytest.raises(IntegrityBroken, match=told):
        backup(URL, tmp_path, target)
    assert list(target.parent.iterdir()) == []


def test_a_damaged_page_is_no_backup(filled: Store, tmp_path: Path, target: Path) -> None:
    """A copy whose pages are damaged is not kept."""
    filled.close()
    file = tmp_path / "ledger.db"
    raw = bytearray(file.read_bytes())
    raw[20 * 4096 : 24 * 4096] = b"\xff" * (4 * 4096)
    file.write_bytes(raw)
    with pytest.raises((IntegrityBroken, LedgerUnavailable), match=r"damaged|malformed"):
        backup(URL, tmp_path, target)
    assert list(target.parent.iterdir()) == []


def test_there_must_be_a_ledger(tmp_path: Path, target: Path) -> None:
    """Without a ledger there is no back-up, and none is made of an empty file."""
    with pytest.raises(LedgerUnavailable, match="no ledger at"):
        backup(URL, tmp_path, target)
    with closing(apsw.Connection(str(tmp_path / "ledger.db"))) as empty:
        empty.execute("CREATE TABLE t (n)")
    with pytest.raises(IntegrityBroken, match="no ledger in the file"):
        backup(URL, tmp_path, target)
    assert list(target.parent.iterdir()) == []


def test_a_newer_ledger_is_refused(store: Store, tmp_path: Path, target: Path) -> None:
    """What a newer AEX has written cannot be vouched for."""
    store.engine.rows(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(SchemaTooNew, match="upgrade AEX"):
        backup(URL, tmp_path, target)


def test_a_full_disk_leaves_nothing(
    filled: Store, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the copy cannot be finished there is no file."""

    def full(source: Any, copy: apsw.Connection, *rest: Any) -> None:
        copy.execute("PRAGMA max_page_count = 5")
        copy_pages(source, copy, *rest)

    monkeypatch.setattr(module, "copy_pages", full)
    with pytest.raises(LedgerUnavailable, match="FullError"):
        backup(URL, tmp_path, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:geheim@db/aex", "postgresql://ann@db/aex"),
        ("postgres://db/aex?password=geheim&sslmode=require", "postgres://db/aex?sslmode=require"),
        ("postgresql://ann:geheim@[x", "URL"),
    ],
)
def test_a_server_has_tools_of_its_own(tmp_path: Path, url: str, shown: str) -> None:
    """For PostgreSQL the command to run is named, without the password."""
    with pytest.raises(LedgerError) as caught:
        backup(url, tmp_path, tmp_path / "a b.dump")
    command = f"pg_dump --format=custom --file='{tmp_path}/a b.dump' "
    assert command in str(caught.value)
    assert shown in str(caught.value)
    assert "geheim" not in str(caught.value)
