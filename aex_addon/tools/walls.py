"""The sandbox of one run, as the words that bwrap is started with.

Owns: what a tool sees, and with what rights. Refuses to know: processes (run.py), limits
(inside.py), what the machine has (machine.py).

All that is not named here does not exist inside: no home, no AEX_HOME, no /sys, no network but the
sandbox's own loopback. What is shown of the system is read-only, and so is the package.

Needs bubblewrap 0.8: https://manpages.debian.org/bookworm/bubblewrap/bwrap.1.en.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aex_addon.tools import enter
from aex_addon.tools.machine import Machine
from aex_addon.tools.manifest import PYTHON, Manifest

MIB = 1024 * 1024
TMP_BYTES_MAX = 64 * MIB
FILE_BYTES_MAX = 256 * MIB
OPEN_FILES_MAX = 256
# The library alone, nothing from the environment, nothing written beside the program.
PYTHON_OPTIONS = ("-E", "-s", "-S", "-B")
TOOL, INSIDE = "/tool", "/aex/inside.py"
_ACCOUNTS = {
    "/etc/passwd": f"nobody:x:{enter.NOBODY}:{enter.NOBODY}:nobody:/tmp:/bin/sh\n",
    "/etc/group": f"nogroup:x:{enter.NOBODY}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}
_ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108 - the sandbox's own
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
    "TMPDIR": "/tmp",  # noqa: S108
}


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is in the sandbox from the start: written there from memory, by nobody else."""

    path: str
    executable: bool
    content: bytes


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What is handed to bwrap: `files` belong to the written files one by one."""

    control: int
    info: int
    seccomp: int
    files: tuple[int, ...]


def own_files() -> tuple[Written, ...]:
    """What every sandbox holds beside its package."""
    inside = Path(enter.__file__).with_name("inside.py").read_bytes()
    accounts = [Written(path, False, text.encode()) for path, text in _ACCOUNTS.items()]
    return (Written(INSIDE, False, inside), *accounts)


def argv(
    machine: Machine,
    granted: Sequence[tuple[Path, bool]],
    covered: Sequence[tuple[Path, bool]],
    written: Sequence[Written],
    descriptors: Descriptors,
) -> list[str]:
    """The options of bwrap, in the order in which it takes them; no program is among them."""
    words = [*_walls(machine), "--info-fd", str(descriptors.info)]
    words += ["--seccomp", str(descriptors.seccomp)]
    for target, link in machine.links:
        words += ["--symlink", target, str(link)]
    for folder in (*machine.folders, *machine.python.shown):
        words += [*_way(folder), "--ro-bind", str(folder), str(folder)]
    for path, is_folder in covered:
        words += (
            ["--perms", "0555", "--tmpfs", str(path), "--remount-ro", str(path)]
            if is_folder
            else ["--ro-bind", "/dev/null", str(path)]
        )
    words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    # A shared mapping of it is memory that no count finds (seccomp.py).
    words += ["--ro-bind", "/dev/null", "/dev/zero"]
    size = str(TMP_BYTES_MAX)
    for own in ("/dev/shm", "/tmp"):  # noqa: S108 - the sandbox's own
        words += ["--perms", "1777", "--size", size, "--tmpfs", own]
    for path, writable in granted:
        words += [*_way(path), "--bind" if writable else "--ro-bind", str(path), str(path)]
    for each, descriptor in zip(written, descriptors.files, strict=True):
        words += [*_way(Path(each.path)), "--perms", "0555" if each.executable else "0444"]
        words += ["--file", str(descriptor), each.path]
    return [*words, "--remount-ro", "/", "--chdir", TOOL]


def _way(path: Path) -> Iterator[str]:
    """Folders on the way to something, through which any user may go: bwrap would make its own."""
    for folder in reversed(path.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(folder))


def _walls(machine: Machine) -> Iterator[str]:
    """New namespaces, no capabilities, no terminal, and an end with AEX's own."""
    for kind in ("ipc", "pid", "net", "uts", "cgroup"):
        yield f"--unshare-{kind}"
    yield from ("--hostname", "tool", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
    if machine.root:
        # For inside.py, which goes on as nobody and has none from there on.
        for name in ("SETUID", "SETGID", "SETPCAP"):
            yield from ("--cap-add", f"CAP_{name}")
    else:
        # bwrap's own process would be the tool's to change, being of its user, and has no filter.
        yield "--as-pid-1"
        yield from ("--unshare-user", "--disable-userns")
        yield from ("--uid", str(enter.NOBODY), "--gid", str(enter.NOBODY))


def started(machine: Machine, python: str, options: int, words: Sequence[str]) -> list[str]:
    """What to start: bwrap, its options read from a descriptor so that no tool can, and `words`.

    `python` is an interpreter of this machine's; it makes the namespaces where AEX runs as root.
    """
    bwrap = [machine.bwrap, "--args", str(options), "--", *words]
    return [python, "-I", "-S", enter.__file__, *bwrap] if machine.root else bwrap


def inside(machine: Machine, control: int, *ports: int) -> list[str]:
    """The first program in the sandbox; `ports` as inside.py has them."""
    return [str(machine.python.program), "-I", "-S", INSIDE, *map(str, (control, *ports))]


def command(machine: Machine, manifest: Manifest) -> list[str]:
    """The tool's own command, as it is inside."""
    program, *words = manifest.entrypoint
    if program == PYTHON:
        return [str(machine.python.program), *PYTHON_OPTIONS, *words]
    return [f"{TOOL}/{program.removeprefix('./')}", *words]


def environment(manifest: Manifest) -> dict[str, str]:
    """All that the tool finds in its environment."""
    return _ENVIRONMENT | manifest.env


def limits(manifest: Manifest) -> dict[str, int]:
    """What each process of the tool may take, by the names of Python's `resource`.

    Of memory the kernel counts here what a process may write to and shares with nobody; all of a
    tool's together is watched (watch.py). Processes are counted in the sandbox alone.
    """
    return {
        "RLIMIT_CPU": manifest.ttl_seconds + 1,
        "RLIMIT_DATA": manifest.memory_max_mib * MIB,
        "RLIMIT_FSIZE": FILE_BYTES_MAX,
        "RLIMIT_NOFILE": OPEN_FILES_MAX,
        "RLIMIT_NPROC": manifest.processes_max,
        "RLIMIT_CORE": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_MEMLOCK": 64 * 1024,
    }
