"""Files that are whole or not there: a private draft beside the target, synced, then renamed.

Owns: what makes a file survive a loss of power, and that nothing is overwritten unasked.
Refuses to know: what is in the files.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ledger.errors import LedgerError

# What SQLite keeps beside a database, and takes for a part of it.
SIDE_FILES = ("-wal", "-shm", "-journal")


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """An empty file beside `target` that only its owner may read; gone at the end.

    Raises LedgerError where there is no such folder.
    """
    if not target.parent.is_dir():
        raise LedgerError(f"there is no folder {target.parent}; make it, or name another")
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for suffix in ("", *SIDE_FILES):
            Path(name + suffix).unlink(missing_ok=True)


@contextmanager
def draft(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A scratch file that takes the target's name at the end, unless something was raised.

    Raises LedgerError where there is a file of that name, unless it may be overwritten.
    """
    if not overwrite and os.path.lexists(target):
        raise LedgerError(_taken(target))
    with scratch(target) as path:
        yield path
        publish(path, target, overwrite=overwrite)


def publish(path: Path, target: Path, *, overwrite: bool) -> None:
    """Gives a whole file its name, durably."""
    sync(path)
    if not overwrite:
        # Takes the name, on every file system, before anybody else can.
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            raise LedgerError(_taken(target)) from None
    path.replace(target)
    # Not every file system can sync a directory.
    with suppress(OSError):
        sync(target.parent)


def sync(path: Path) -> None:
    """Returns once what was written to a file or directory is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Where it exists, as on macOS, only this reaches beyond the cache of the disk itself.
        if hasattr(fcntl, "F_FULLFSYNC"):
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp(time_ns: int) -> str:
    """A time for the name of a file: UTC, to the millisecond."""
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{fraction // 1_000_000:03d}Z"


def _taken(target: Path) -> str:
    return f"there is a file {target} already; it stays as it is (--force overwrites it)"
