"""A tool's package: its hash, and its place below AEX_HOME/tools.

Owns: reading folders and files; copying a package to its place, whole or not at all.
Refuses to know: what is in archives (archive.py), what the package does.

A package is a directory, one file, a .tar.gz or a .zip. All four come to the same hash where they
hold the same files: names, whether each may be executed, contents. Folders that hold nothing, and
`__pycache__`, are no part of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from aex_addon.tools import archive
from aex_addon.tools.manifest import PYTHON, Manifest
from aex_addon.tools.members import (
    BYTES_MAX,
    IGNORED,
    Member,
    Package,
    PackageError,
    hashed,
    named,
    whole,
)


def read(path: Path) -> Package:
    """The files of a package, ordered by name, held in memory. Raises PackageError."""
    try:
        if path.is_symlink():
            raise PackageError(f"{path} is a symbolic link; name what it leads to")
        if path.is_dir():
            found: Iterable[Member] = _folder(path)
        elif path.name.endswith(archive.SUFFIXES):
            found = archive.members(path)
        else:
            found = [_file(path.parent, path.name)]
        return whole(found, path)
    except OSError as error:
        raise PackageError(f"{path} cannot be read: {error.strerror or error}") from None


def digest(path: Path) -> str:
    """The hash of the package at a path, for the manifest. Raises PackageError."""
    return hashed(read(path))


def place(store: Path, manifest: Manifest) -> Path:
    """Where this version of a tool is kept; `store` is AEX_HOME/tools."""
    return store / manifest.name / manifest.sha256


def verified(path: Path, manifest: Manifest) -> Package:
    """The package at a path, if it is the one of the manifest. Raises PackageError."""
    package = read(path)
    if (found := hashed(package)) != manifest.sha256:
        raise PackageError(
            f"{path} has the sha256 {found}, the manifest of {manifest.name} {manifest.version} "
            f"names {manifest.sha256}; nothing of it was run. Install what you have looked at"
        )
    program = manifest.entrypoint[0] if manifest.entrypoint[0] != PYTHON else ""
    if program and not any(m.executable for m in package if m.name == program.removeprefix("./")):
        raise PackageError(f"{program}, the entrypoint, is no executable file of the package")
    return package


def checked(store: Path, manifest: Manifest) -> Path:
    """The directory of an installed tool, if what lies there still has the manifest's hash.

    A look that tells early. What runs is hashed once more as the very bytes that are handed to the
    sandbox (run.py), so nothing that changes after this look is ever run. Raises PackageError.
    """
    where = place(store, manifest)
    if not where.is_dir():
        raise PackageError(f"{manifest.name} {manifest.version} is not in {store}; install it")
    verified(where, manifest)
    return where


def install(store: Path, manifest: Manifest, package: Path) -> Path:
    """Copies a package to its place, readable to its owner alone, or raises PackageError.

    What is there already, and whole, is left; what is there and is damaged is replaced.
    """
    members = verified(package, manifest)
    where = place(store, manifest)
    with contextlib.suppress(PackageError):
        return checked(store, manifest)
    try:
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=where.parent))
        try:
            _write(new, members)
            if where.exists():
                _remove(where)
            new.rename(where)
        except BaseException:
            _remove(new)
            raise
        _sync(where.parent)
    except OSError as error:
        # Another install of the same package may have been quicker.
        with contextlib.suppress(PackageError):
            return checked(store, manifest)
        raise PackageError(f"cannot write to {store}: {error.strerror or error}") from error
    return where


def _folder(root: Path) -> Iterator[Member]:
    for folder, folders, files in root.walk(on_error=_raise):
        folders[:] = sorted(each for each in folders if each != IGNORED)
        for each in [*folders, *files]:
            if (folder / each).is_symlink():
                raise PackageError(f"{folder / each} is a symbolic link; packages hold none")
        for each in files:
            yield _file(root, (folder / each).relative_to(root).as_posix())


def _raise(error: OSError) -> None:
    raise error


def _file(root: Path, name: str) -> Member:
    # Neither a link that took its place meanwhile is followed, nor a pipe waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(root / named(name, root), flags)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PackageError(f"{root / name} is neither a file nor a folder")
        if status.st_size > BYTES_MAX:
            raise PackageError(f"{root / name} is larger than {BYTES_MAX >> 20} MiB")
        return Member(name, bool(status.st_mode & 0o100), file.read(BYTES_MAX + 1))


def _write(root: Path, members: Package) -> None:
    folders = {root}
    for member in members:
        target = root / member.name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders.update(p for p in target.parents if p.is_relative_to(root))
        with target.open("xb") as file:
            file.write(member.content)
            file.flush()
            os.fsync(file.fileno())
        target.chmod(0o500 if member.executable else 0o400)
    for folder in sorted(folders, reverse=True):
        _sync(folder)
        folder.chmod(0o500)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(root: Path) -> None:
    """Removes a copy, whose folders its owner must open first."""
    for folder, _, _ in root.walk():
        folder.chmod(0o700)
    shutil.rmtree(root)
