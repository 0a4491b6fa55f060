"""The plugins' files: which there are, whether they can be trusted, what stands in them.

Owns: reading AEX_HOME/policies, once, in the order of names.
Refuses to know: what a plugin does. What others may write to is refused, for it decides.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

FOLDER = "policies"
FILES_MAX = 50
BYTES_MAX = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\.py")


class PolicyError(Exception):
    """Plugins cannot be used; `problems` holds one line for each reason, with its remedy."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class PluginFile:
    """One file as it was read; sha256 is hex."""

    name: str
    source: str = field(repr=False)
    sha256: str


def read(home: Path) -> tuple[PluginFile, ...]:
    """The plugins of a home, in lexical order; none where there is no folder.

    Raises PolicyError with every mistake at once.
    """
    folder = home / FOLDER
    try:
        found = folder.lstat()
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise PolicyError((f"{folder} cannot be read: {error.strerror}",)) from error
    problems = [_open_to_others(folder, found)]
    files: list[PluginFile] = []
    for path in entries:
        if path.suffix != ".py":
            continue
        try:
            files.append(_read(path))
        except PolicyError as error:
            problems += error.problems
    if len(files) > FILES_MAX:
        problems.append(f"{folder} holds {len(files)} plugins; {FILES_MAX} are the most")
    problems = [problem for problem in problems if problem]
    if problems:
        raise PolicyError(tuple(problems))
    return tuple(files)


def _read(path: Path) -> PluginFile:
    if not _NAME.fullmatch(path.name):
        raise PolicyError((f"{path}: a plugin's name is ASCII letters, digits, _ . - and .py",))
    try:
        # What is looked at is what is read, whoever exchanges the file meanwhile.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise PolicyError((f"{path} cannot be read: {error.strerror}",)) from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise PolicyError((f"{path} is no plain file",))
        problem = _open_to_others(path, found)
        if problem:
            raise PolicyError((problem,))
        data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise PolicyError((f"{path} is larger than {BYTES_MAX} bytes",))
    try:
        return PluginFile(path.name, data.decode(), sha256(data).hexdigest())
    except UnicodeDecodeError as error:
        raise PolicyError((f"{path} is no UTF-8 text",)) from error


def _open_to_others(path: Path, found: os.stat_result) -> str:
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a link; put the plugins themselves there"
    if found.st_uid not in (os.geteuid(), 0):
        return f"{path} belongs to another user; run: chown {os.geteuid()} {path}"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(found.st_mode)
        return f"{path} may be written by others (mode {mode:04o}); run: chmod go-w {path}"
    return ""
