"""A ledger that cannot be written says so, writes nothing, and goes on once it can be again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import apsw
import pytest

from ledger.engine import connect
from ledger.errors import LedgerBusy, LedgerUnavailable
from ledger.outcomes import Admitted, Settled
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import sound
from tests.ledger.making import URL, admit, commit, create, open_at, read_all


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A ledger whose store waits for nobody."""
    with closing(open_at(tmp_path, busy_timeout_ms=0)) as opened:
        opened.one(create(budget=10**9))
        yield opened


def test_a_busy_ledger(store: Store, reader: Reader, tmp_path: Path) -> None:
    """While another process writes the store is busy at once, writes nothing, and goes on after."""
    with closing(connect(URL, tmp_path)) as other:
        other.begin()
        before = read_all(reader)
        with pytest.raises(LedgerBusy, match="another process is writing"):
            store.one(admit("e1"))
        assert read_all(reader) == before
        other.rollback()
    assert isinstance(store.one(admit("e1")), Admitted)
    assert sound(reader)


def test_a_busy_ledger_cannot_be_opened_without_waiting(store: Store, tmp_path: Path) -> None:
    """A new file that somebody else is writing to is busy for who waits for nobody."""
    path = tmp_path / "new.db"
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN EXCLUSIVE; CREATE TABLE t (n)")
        with pytest.raises(LedgerBusy):
            connect("sqlite:///new.db", tmp_path, busy_timeout_ms=0)


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_is_not_the_ledger_any_more(store: Store, tmp_path: Path, how: str) -> None:
    """A ledger that was deleted or replaced takes no further writes, which would be lost."""
    file = tmp_path / "ledger.db"
    kept = tmp_path / "kept.db"
    file.rename(kept)
    if how == "replaced":
        file.write_bytes(kept.read_bytes())
    with pytest.raises(LedgerUnavailable, match="is gone" if how == "deleted" else "was replaced"):
        store.one(admit("e1"))
    kept.rename(file)
    assert isinstance(store.one(admit("e1")), Admitted)


def test_a_full_disk(store: Store, reader: Reader) -> None:
    """A full disk fails the batch as a whole; with space again the same store goes on."""
    assert isinstance(store.one(admit("e0")), Admitted)
    (pages,) = store.engine.rows("PRAGMA page_count")[0]
    store.engine.rows(f"PRAGMA max_page_count = {pages}")
    before = read_all(reader)
    calls = [admit(f"e{number}", model="m" * 500) for number in range(1, 200)]
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="FullError"):
            store.execute(calls)
        assert read_all(reader) == before
        assert not store.engine._connection.in_transaction  # type: ignore[union-attr]
    store.engine.rows("PRAGMA max_page_count = 1000000")
    assert all(isinstance(outcome, Admitted) for outcome in store.execute(calls))
    assert sound(reader)


def test_a_ledger_that_may_only_be_read(store: Store, tmp_path: Path) -> None:
    """A store without the right to write is unavailable, while readers still read."""
    store.close()
    engine = connect(URL, tmp_path, read_only=True)
    powerless = Store(engine)
    with pytest.raises(LedgerUnavailable, match="ReadOnlyError"):
        powerless.one(admit("e1"))
    powerless.close()
    with Reader(URL, tmp_path) as reader:
        assert sound(reader)


@contextmanager
def somebody(directory: Path) -> Iterator[None]:
    """Gives a directory to somebody whom permissions hold, unlike root, and acts as them."""
    nobody = 65_534
    if os.geteuid() != 0:
        yield
        return
    os.chown(directory, nobody, nobody)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_file() -> None:
    """A file that has been made read-only cannot be opened for writing."""
    directory = Path(mkdtemp(prefix="aex-faults-"))
    with somebody(directory):
        with closing(open_at(directory)) as store:
            store.one(create())
        (directory / "ledger.db").chmod(0o400)
        with pytest.raises(LedgerUnavailable, match=r"ReadOnlyError|CantOpenError"):
            open_at(directory).one(admit("e1"))
        with Reader(URL, directory) as reader:
            assert sound(reader)
    shutil.rmtree(directory)


class FailingFile(apsw.VFSFile):
    """A file on which the n-th write or sync fails."""

    def __init__(self, vfs: FailingDisk, name: apsw.URIFilename | str | None, flags: list[int]):
        self.vfs = vfs
        super().__init__(vfs.base, name, flags)  # type: ignore[arg-type]

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's name
        self.vfs.count(apsw.FullError)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's name
        self.vfs.count(apsw.IOError)
        super().xSync(flags)


class FailingDisk(apsw.VFS):
    """A disk of which one operation fails, once it is armed."""

    def __init__(self) -> None:
        self.left = -1
        self.failed = 0
        self.base = apsw.vfs_names()[0]
        super().__init__("aex-failing", self.base, makedefault=True)

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> FailingFile:  # noqa: N802
        return FailingFile(self, name, flags)

    def count(self, error: type[apsw.Error]) -> None:
        """Fails when the count is down."""
        self.left -= 1
        if self.left == 0:
            self.failed += 1
            raise error("rehearsed")


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    """The disk of every connection that is opened from here on."""
    made = FailingDisk()
    yield made
    made.unregister()


def test_each_write_may_fail(disk: FailingDisk, tmp_path: Path) -> None:
    """Whichever write or sync of a batch fails, the books are sound and the store goes on."""
    with closing(open_at(tmp_path)) as store, Reader(URL, tmp_path) as reader:
        store.one(create(budget=10**9))
        number = 0
        while disk.failed == number:
            number += 1
            key = f"e{number}"
            store.execute([admit(key)])
            before = reader.execution(key)
            disk.left = number
            try:
                store.one(commit(key, 5))
            except LedgerUnavailable:
                assert reader.execution(key) == before
            disk.left = -1
            settled = store.one(commit(key, 5))
            assert isinstance(settled, Settled)
            assert (settled.state, settled.actual_nanousd) == ("COMMITTED", 5)
            assert sound(reader)
        assert disk.failed > 4
        assert sum(agent.spent_nanousd for agent in reader.agents()) == 5 * number
