"""What Linux tells of sockets and processes, in /proc.

Owns: reading it. A process that ends meanwhile, or belongs to somebody else, is passed over.
Refuses to know: which sockets matter, providers.

Format: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
# A listening socket leads nowhere, and one in TIME_WAIT belongs to nobody any more.
_NOBODYS = frozenset(("0A", "06"))


class Socket(NamedTuple):
    """A TCP socket; both ends as the kernel writes them (see `written`)."""

    local: str
    remote: str
    inode: int


def written(address: str, port: int | None = None) -> set[str]:
    """How the kernel may write an address: words of 32 bits in the machine's order, in hex.

    IPv4 has two forms, for IPv6 sockets carry it too. With a port, ":PORT" follows.
    """
    parsed = ipaddress.ip_address(address)
    forms = [parsed]
    if isinstance(parsed, ipaddress.IPv4Address):
        forms.append(ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + parsed.packed))
    end = "" if port is None else f":{port:04X}"
    return {_words(form.packed) + end for form in forms}


def _words(packed: bytes) -> str:
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(word[::-1].hex().upper() for word in words)


def sockets(pid: int | str = "self") -> Iterator[Socket]:
    """Every connection in the network of a process."""
    for table in ("tcp", "tcp6"):
        for line in _read(PROC / str(pid) / "net" / table).splitlines()[1:]:
            fields = line.split(None, 10)
            if len(fields) > 9 and fields[3] not in _NOBODYS:
                yield Socket(fields[1], fields[2], int(fields[9]))


def processes() -> dict[int, int]:
    """Each process and its parent."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            # The name, in parentheses, may hold blanks and parentheses itself.
            fields = _read(entry / "stat").rpartition(")")[2].split()
            if len(fields) > 1:
                found[int(entry.name)] = int(fields[1])
    return found


def below(root: int) -> Iterator[int]:
    """The children of a process, theirs, and so on; only those that still have their parents.

    Nothing on kernels that list no children.
    """
    waiting = [root]
    while waiting:
        for thread in _entries(PROC / str(waiting.pop()) / "task"):
            children = [int(word) for word in _read(thread / "children").split()]
            yield from children
            waiting += children


def family(root: int, mark: bytes) -> Iterator[int]:
    """The processes below `root`, and those elsewhere whose environment holds `mark`.

    Children that went into the background lose their parent, but keep their environment. It looks
    at every process there is.
    """
    parents = processes()
    for pid in parents:
        above = pid
        while above and above != root:
            above = parents.get(above, 0)
        if above == root:
            if pid != root:
                yield pid
        elif mark in _bytes(PROC / str(pid) / "environ").split(b"\0"):
            yield pid


def inodes(pid: int) -> Iterator[int]:
    """The sockets that a process holds."""
    for entry in _entries(PROC / str(pid) / "fd"):
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield int(target[8:-1])


def name(pid: int) -> str:
    """What the process is called: never its arguments, which may hold secrets."""
    return _read(PROC / str(pid) / "comm").strip()


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _read(path: Path) -> str:
    return _bytes(path).decode(errors="replace")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
