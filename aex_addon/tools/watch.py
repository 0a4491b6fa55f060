"""How much a sandbox holds: memory of all its processes together, and files.

Owns: counting it from outside, and the verdict; that all of it stands back behind others.
Refuses to know: what is done about it.

A limit of a process is none of a hundred, and control groups are not everybody's to make. So what
is there is counted a few times a second, which between two looks leaves a tool what it can fill
in that time: a bound for machines, not for arithmetic.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from aex_addon.tools.inside import NICENESS

MIB = 1024 * 1024
INODES_MAX = 20_000
EVERY_S = 0.1
# Kept by the process alone, or in memory that has no file: what a fork shares counts for each. Also
# what of it was put elsewhere, and the tables that lead to all that is mapped, files too.
_HELD = re.compile(rb"^(?:Rss(?:Anon|Shmem)|VmSwap|VmPTE|HugetlbPages):\s+(\d+) kB$", re.MULTILINE)
_TEMPORARY = ("tmp", "dev/shm")


def beyond(pid: int, memory_max_mib: int) -> str:
    """What is too much in the sandbox whose first process this is, or ""; also once it is gone."""
    root = Path(f"/proc/{pid}/root")
    try:
        used = sum(_held(root / "proc"))
        inodes = sum(_inodes(root / name) for name in _TEMPORARY)
    except (FileNotFoundError, ProcessLookupError):
        return ""
    except OSError as error:
        return f"what it uses could not be counted: {error.strerror}"
    if used > memory_max_mib * MIB:
        return f"it used more memory than memory_max_mib allows, {memory_max_mib} MiB"
    return f"it made more than {INODES_MAX} files" if inodes > INODES_MAX else ""


def made_polite(pid: int) -> bool:
    """Whether the session of this process lets others go first, or cannot; False: try again."""
    session = Path(f"/proc/{pid}/autogroup")
    try:
        if not session.read_text().endswith(f" nice {NICENESS}\n"):
            session.write_text(str(NICENESS))
    except BlockingIOError:
        return False
    except OSError:
        # It is gone, or the kernel shares otherwise.
        return True
    return True


def _held(proc: Path) -> Iterator[int]:
    """Bytes of each process; the sandbox's own /proc lists no others."""
    for name in os.listdir(proc):  # noqa: PTH208 - names are all that is wanted
        if name.isdigit():
            try:
                status = (proc / name / "status").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield sum(int(found) * 1024 for found in _HELD.findall(status))


def _inodes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_files - found.f_ffree
