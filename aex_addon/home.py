"""The home: the one directory in which AEX keeps its files, closed to everybody else.

Owns: where the home is, what each file in it is called, who may read them, and on which line of
the configuration a key stands. Refuses to know: what any key means.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "AEX_HOME"
DEFAULT = ".aex"

Place = tuple[str, ...]


class HomeError(Exception):
    """The home cannot be used; the message ends with the way out."""


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one home. `path` is absolute; the ledger's path is relative to it."""

    path: Path

    @classmethod
    def locate(cls, environ: Mapping[str, str]) -> Home:
        """The home that AEX_HOME names, else ~/.aex; it need not exist. Raises HomeError."""
        named = environ.get(VARIABLE, "")
        try:
            path = Path(named).expanduser() if named else Path.home() / DEFAULT
        except RuntimeError:
            raise HomeError(
                f"this user has no home directory; set {VARIABLE} to a directory of AEX's own"
            ) from None
        return cls(path.absolute())

    @property
    def config(self) -> Path:
        """What the operator decides."""
        return self.path / "aex.toml"

    @property
    def ca_dir(self) -> Path:
        """The CA with its private key; also mitmproxy's `confdir`."""
        return self.path / "ca"

    @property
    def bundle(self) -> Path:
        """All roots that an agent needs, AEX's among them, in one file."""
        return self.path / "ca-bundle.pem"

    @property
    def keys(self) -> Path:
        """Keys that sign, such as the checkpoints' one."""
        return self.path / "keys"

    @property
    def checkpoints(self) -> Path:
        """Signed checkpoints of the ledger, outside of it."""
        return self.path / "checkpoints"

    @property
    def tools(self) -> Path:
        """Packages of governed tools: NAME/SHA256/."""
        return self.path / "tools"

    @property
    def pid_file(self) -> Path:
        """Which process is the gateway, as JSON: pid, started, listen, version."""
        return self.path / "gateway.pid"

    @property
    def lock_file(self) -> Path:
        """Held (flock) by the one gateway of this home for as long as it runs."""
        return self.path / "gateway.lock"

    @property
    def reloads(self) -> Path:
        """Wishes that the gateway reads its configuration anew, and what came of them."""
        return self.path / "reloads"

    @property
    def log_file(self) -> Path:
        """What the gateway in the background writes."""
        return self.path / "gateway.log"

    def ensure(self) -> bool:
        """Makes the directory, 0700; True if it is new. Raises HomeError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700)
            # A parent's default ACL or a set-group bit may have widened what mkdir was asked for.
            self.path.chmod(0o700)
        except FileExistsError:
            if not self.path.is_dir():
                raise HomeError(
                    f"{self.path} is no directory; set {VARIABLE} to another place"
                ) from None
            check_private(self.path)
            return False
        except OSError as error:
            raise HomeError(
                f"cannot make {self.path}: {error.strerror}; set {VARIABLE} to a place you own"
            ) from error
        return True


def check_private(path: Path) -> None:
    """Raises HomeError, with the command that mends it, if others have any right to `path`."""
    try:
        found = path.stat()
    except OSError as error:
        raise HomeError(f"cannot look at {path}: {error.strerror}") from error
    if os.geteuid() and found.st_uid not in (os.geteuid(), 0):
        raise HomeError(f"{path} belongs to another user; set {VARIABLE} to a place you own")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        right = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise HomeError(
            f"{path} is open to other users (mode {mode:04o}); "
            f"run: chmod {right} {shlex.quote(str(path))}"
        )


@contextlib.contextmanager
def private_umask() -> Iterator[int]:
    """Within it no new file is open to others; yields the umask from before, for children."""
    before = os.umask(0o077)
    try:
        yield before
    finally:
        os.umask(before)


def key_lines(text: str) -> Iterator[tuple[Place, int]]:
    """Each table and key of a valid TOML text, with its line, so that a mistake can be shown."""
    part = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
    dotted = rf"\s*({part}(?:\s*\.\s*{part})*)\s*"
    lines, number = text.split("\n"), 0
    table: Place = ()
    counts: dict[Place, int] = {}
    while number < len(lines):
        line, first = lines[number], number + 1
        number += 1
        if header := re.match(rf"\s*\[(\[?){dotted}\]", line):
            table = _numbered(_place(header[2]), counts, new=bool(header[1]))
            yield table, first
        elif key := re.match(f"{dotted}=", line):
            value = line[key.end() :]
            while not _whole(value) and number < len(lines):
                value += "\n" + lines[number]
                number += 1
            yield table + _place(key[1]), first


def _numbered(header: Place, counts: dict[Place, int], *, new: bool) -> Place:
    """A table's place, where those of a list, [[NAME]], stand under their numbers from 0 on."""
    place: Place = ()
    for number, part in enumerate(header, 1):
        place += (part,)
        if new and number == len(header):
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place += (str(counts[place]),)
    return place


def _place(dotted: str) -> Place:
    place: list[str] = []
    table: Any = tomllib.loads(f"{dotted} = 0")
    while isinstance(table, dict):
        ((key, table),) = table.items()
        place.append(key)
    return tuple(place)


def _whole(value: str) -> bool:
    try:
        tomllib.loads(f"x = {value}")
    except tomllib.TOMLDecodeError:
        return False
    return True
