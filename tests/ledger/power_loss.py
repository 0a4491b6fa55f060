"""A disk that keeps only what was synced: a SQLite VFS that loses power, or fails one call.

Owns: which call to the disk is which, and what happens at the one that is arranged for. Files
are written through to the real disk (without its syncs), so that a ledger works on it as on any
other; `left` is what a machine would find after the loss (page_cache.py).
Refuses to know: ledgers, what the files mean.
"""

from __future__ import annotations

import random
from collections.abc import Buffer, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import apsw

from tests.ledger.page_cache import DELETED, Image, Resize, Write

JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
Failures = Mapping[str, type[apsw.Error]]


class DiskFile(apsw.VFSFile):
    """A file on the disk."""

    def __init__(self, disk: Disk, name: apsw.URIFilename | str | None, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.disk = disk
        self.image = disk.image(path)
        # As SQLite's own: the first sync of a new journal or log is one of its directory, too.
        self.new = bool(flags[0] & apsw.SQLITE_OPEN_CREATE) and bool(flags[0] & JOURNALS)
        super().__init__(disk.base, name, flags)

    def xWrite(self, data: Buffer, offset: int) -> None:  # noqa: N802
        whole = bytes(data)
        self.image.unsynced.append(Write(offset, whole))
        try:
            self.disk.touch("write")
        except apsw.Error:
            # A write that fails may have been done in part.
            half = whole[: len(whole) // 2]
            self.image.unsynced[-1] = Write(offset, half)
            super().xWrite(half, offset)
            raise
        super().xWrite(whole, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self.image.unsynced.append(Resize(newsize))
        try:
            self.disk.touch("truncate")
        except apsw.Error:
            self.image.unsynced.pop()
            raise
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        try:
            self.disk.touch("sync")
        except apsw.Error:
            # As Linux has it: what a failed sync did not write, no later one will.
            self.image.unsynced = []
            raise
        self.image.sync()
        if self.new:
            self.new = False
            self.disk.sync_directory()

    def xLock(self, level: int) -> None:  # noqa: N802
        self.disk.touch("lock")
        super().xLock(level)


class Disk(apsw.VFS):
    """The disk of every connection opened while it stands; see `disk`.

    A call is a write, sync, truncate, delete, lock or open. Either the power goes at the call
    number `dark_at`, as `chance` has it, or the calls that `failures` names fail: the one of them
    whose number is `fails_at`, and if `lasting` all after it until `mend`.
    """

    NAME = "aex-disk"

    def __init__(self) -> None:
        self.files: dict[str, Image] = {}
        self.calls = 0
        self.dark_at = 0
        self.chance: random.Random | None = None
        self.left: dict[str, bytes] | None = None
        self.unsynced: set[str] = set()
        self.failures: Failures = {}
        self.fails_at = 0
        self.lasting = False
        self.failed = 0
        self.base = apsw.vfs_names()[0]
        super().__init__(self.NAME, self.base, makedefault=True)

    @property
    def dark(self) -> bool:
        """Whether the power is gone."""
        return self.left is not None

    def image(self, path: str | None) -> Image:
        """The file's image; one without a name is nobody else's."""
        if path is None:
            return Image(None)
        if path not in self.files:
            self.files[path] = Image(Path(path))
        return self.files[path]

    def touch(self, what: str) -> None:
        """Counts a call, and raises what is arranged for it."""
        if self.dark:
            # What is left is decided; nothing that happens to the dead machine's files matters.
            return
        if self.failures:
            self._fail(what)
            return
        self.calls += 1
        if self.calls == self.dark_at:
            self.lose_power()
            raise apsw.IOError("the power is lost")

    def _fail(self, what: str) -> None:
        error = self.failures.get(what)
        if error is None:
            return
        self.calls += 1
        if self.calls == self.fails_at or (self.lasting and self.failed):
            self.failed += 1
            raise error("rehearsed")

    def mend(self) -> None:
        """Nothing fails any more."""
        self.failures = {}

    def sync_directory(self) -> None:
        """What was deleted is gone for good."""
        for image in self.files.values():
            image.sync_name()

    def lose_power(self) -> None:
        """Decides what is left of every file; notes which had changes that were not synced."""
        self.unsynced = {Path(path).name for path, image in self.files.items() if image.unsynced}
        contents = {path: image.left(self.chance) for path, image in self.files.items()}
        self.left = {path: bytes(held) for path, held in contents.items() if held is not None}

    def restore(self, directory: Path) -> None:
        """Puts what is left into another directory; SQLite's shared memory, in any state."""
        assert self.left is not None, "the power was not lost"
        for path, held in self.left.items():
            (directory / Path(path).name).write_bytes(held)
        for path in list(self.files):
            shared = Path(f"{path}-shm")
            if self.chance is not None and shared.exists() and self.chance.random() < 0.7:
                held = shared.read_bytes()
                end = self.chance.choice((0, len(held) // 2, len(held)))
                (directory / shared.name).write_bytes(held[:end] + bytes(len(held) - end))

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> DiskFile:  # noqa: N802
        self.touch("open")
        return DiskFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.touch("delete")
        super().xDelete(filename, syncdir)
        image = self.image(filename)
        image.unsynced.append(DELETED)
        if syncdir:
            self.sync_directory()


@contextmanager
def disk() -> Iterator[Disk]:
    """A disk for all connections that are opened within; they must be closed within, too."""
    made = Disk()
    try:
        yield made
    finally:
        made.unregister()
