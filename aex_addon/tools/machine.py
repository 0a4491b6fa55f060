"""What this machine has for sandboxes: bwrap, a Python, and folders of the system.

Owns: finding them, and whether what a manifest grants may be shown. Refuses to know: how they are
put together (walls.py).
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from aex_addon.tools.manifest import Manifest

_SYSTEM = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
# What programs look up there, none of it secret.
_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")


class NotGranted(Exception):
    """The manifest names a place that no tool is shown, or that is not there; says which."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter: the program, what else of it a sandbox shows, and what it hides of that."""

    program: Path
    shown: tuple[Path, ...]
    hidden: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """`root` says whether AEX runs as root; `links` are those folders of / that lead into /usr."""

    bwrap: str
    root: bool
    python: Python
    folders: tuple[Path, ...]
    links: tuple[tuple[str, Path], ...]


def base_python() -> Python:
    """The interpreter that AEX itself runs on, below its environment: its library, no packages."""
    program = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    prefix = Path(sys.base_prefix).resolve()
    if prefix.is_relative_to("/usr"):
        return Python(program, ())
    shown = tuple(folder for name in ("lib", "lib64") if (folder := prefix / name).is_dir())
    hidden = tuple(found for each in shown for found in each.glob("python3*/site-packages"))
    return Python(program, (program, *shown), hidden)


def find_bwrap() -> str | None:
    """Where bubblewrap is, by this process's PATH."""
    found = shutil.which("bwrap")
    return os.path.realpath(found) if found else None


def this_machine(bwrap: str, python: Python | None = None) -> Machine:
    """What a sandbox here is made of."""
    folders, links = [Path("/usr")], []
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            links.append((str(path.readlink()), path))
        elif path.is_dir():
            folders.append(path)
    folders += [path for name in _ETC if (path := Path("/etc", name)).exists()]
    root = os.geteuid() == 0
    return Machine(bwrap, root, python or base_python(), tuple(folders), tuple(links))


class Granted(NamedTuple):
    """A folder or file that a manifest grants, and what was found there: a device and a number."""

    path: Path
    writable: bool
    found: tuple[int, int]


def granted(manifest: Manifest, private: Sequence[Path]) -> Iterator[Granted]:
    """Each folder or file that the manifest grants. Raises NotGranted.

    No link may lead elsewhere than the manifest says, and none of `private`, nor the home of the
    user that AEX runs as, may lie in it; nor it in one of `private`.
    """
    closed = [Path(os.path.realpath(each)) for each in private]
    home = Path(os.path.realpath(Path.home()))
    for path, writable in manifest.folders:
        try:
            real, found = _opened(path)
        except OSError as error:
            raise NotGranted(f"allowed_fs names {path}, which cannot be opened: {error}") from None
        if real != path:
            raise NotGranted(f"allowed_fs names {path}, which leads to {real}; name that")
        if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
            raise NotGranted(f"allowed_fs names {path}, which is neither a folder nor a file")
        for each in closed:
            if real.is_relative_to(each) or each.is_relative_to(real):
                raise NotGranted(f"allowed_fs names {path}, but {each} is shown to no tool")
        if home.is_relative_to(real):
            raise NotGranted(f"allowed_fs names {path}, which holds the home {home}")
        yield Granted(path, writable, (found.st_dev, found.st_ino))


def _opened(path: Path) -> tuple[Path, os.stat_result]:
    """What is there, and its own place: both of one thing, whoever exchanges it meanwhile."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink(), os.fstat(descriptor)
    finally:
        os.close(descriptor)


def seen(pid: int, shown: Sequence[Granted]) -> None:
    """Looks whether the sandbox whose first process this is shows what was found. bwrap goes by the
    path once more, and whoever may write beside it can exchange it. Raises NotGranted."""
    for each in shown:
        try:
            inside = Path(f"/proc/{pid}/root{each.path}").stat(follow_symlinks=False)
        except OSError as error:
            raise NotGranted(f"{each.path} cannot be seen in the sandbox: {error}") from None
        if (inside.st_dev, inside.st_ino) != each.found:
            raise NotGranted(f"{each.path} was exchanged while the sandbox was made; try again")


def covered(machine: Machine, private: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """What lies below a folder that the sandbox shows and must not be seen; whether it is one."""
    shown = [*machine.folders, *machine.python.shown]
    for path in [*(Path(os.path.realpath(each)) for each in private), *machine.python.hidden]:
        if path.exists() and any(path.is_relative_to(each) for each in shown):
            yield path, path.is_dir()
