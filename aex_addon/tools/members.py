"""The files of a tool's package: what may be one, how many, and the hash that all of them have.

Owns: the limits of a package and its hash. Refuses to know: where files come from, or go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Each file is a descriptor of the gateway for as long as a run takes to begin.
FILES_MAX = 256
BYTES_MAX = 64 * 1024 * 1024
DEPTH_MAX = 16
NAME_BYTES_MAX = 512
# What Python leaves beside a program that is run where it lies.
IGNORED = "__pycache__"


class PackageError(Exception):
    """The package cannot be used, or is not the one that it should be; says what to do."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a package; `name` is relative, with slashes."""

    name: str
    executable: bool
    content: bytes


Package = tuple[Member, ...]


def named(name: str, where: Path) -> str:
    """A member's name if it is one that can be kept anywhere. Raises PackageError."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in name or not name.isprintable():
        raise PackageError(f"{where}: {name!r} is no plain relative name; such files are refused")
    if len(parts) > DEPTH_MAX or len(name.encode()) > NAME_BYTES_MAX:
        raise PackageError(f"{where}: {name!r} is longer, or deeper in folders, than is kept")
    return name


def ignored(name: str) -> bool:
    """Whether a name is of no part of any package."""
    return IGNORED in name.split("/")


def whole(found: Iterable[Member], where: Path) -> Package:
    """All files in the order of their names. Raises PackageError beyond the limits."""
    members: dict[str, Member] = {}
    size = 0
    for member in found:
        size += len(member.content)
        if member.name in members:
            raise PackageError(f"{where} holds {member.name} twice")
        members[member.name] = member
        if len(members) > FILES_MAX or size > BYTES_MAX:
            raise PackageError(
                f"{where} holds more than {FILES_MAX} files or {BYTES_MAX >> 20} MiB; "
                "leave out what the tool does not need"
            )
    if not members:
        raise PackageError(f"{where} holds no files")
    folders = {name[:n] for name in members for n, sign in enumerate(name) if sign == "/"}
    if both := folders & members.keys():
        raise PackageError(f"{where} holds {min(both)} as a file and as a folder")
    return tuple(sorted(members.values(), key=lambda member: member.name.encode()))


def hashed(package: Package) -> str:
    """The hash of a package, as 64 hexadecimal digits."""
    total = hashlib.sha256(b"aex tool package 1\n")
    for member in package:
        name = member.name.encode()
        mode = b"x" if member.executable else b"-"
        # The length first, so that no two packages are written alike.
        total.update(b"%d:%s%s" % (len(name), name, mode))
        total.update(hashlib.sha256(member.content).digest())
    return total.hexdigest()
