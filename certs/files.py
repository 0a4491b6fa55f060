"""Files that hold secrets or that others read at any moment.

Owns: whole-or-nothing writes, the modes of private files, and one writer at a time.
Refuses to know: what is inside.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from certs.errors import KeyExposed

PRIVATE = 0o600
PUBLIC = 0o644


def write_whole(target: Path, data: bytes, mode: int) -> None:
    """Replace `target` by `data` with permission bits `mode`: readers see the old or the new file.

    When this returns the file has survived a power cut. Raises OSError, with the old file intact.
    """
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    with _opened(target.parent) as directory:
        os.fsync(directory)


def read_private(path: Path) -> bytes:
    """Read a file that nobody else may read.

    Raises KeyExposed with the command to run if group or others have any right to it, and
    FileNotFoundError if it is not there.
    """
    with path.open("rb") as file:
        # Asked of the open file, so that it cannot be exchanged between question and reading.
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise KeyExposed(
                f"{path} is open to other users (mode {mode:04o}). "
                f"Run: chmod 600 {shlex.quote(str(path))}"
            )
        return file.read()


def private_directory(path: Path) -> None:
    """Make `path` with mode 0700 if it is not there.

    Raises KeyExposed if it is there and others may write to it: they could exchange the key.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o022:
        raise KeyExposed(
            f"Other users may write to {path} (mode {mode:04o}). "
            f"Run: chmod 700 {shlex.quote(str(path))}"
        )


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory for one writer among all processes; waits for its turn."""
    with _opened(directory) as descriptor:
        # The lock is on the directory itself: no lock file to leave behind. Closing releases it.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
