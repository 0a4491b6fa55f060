"""Tools that do not mean well, each run for real: by this program, as root or as somebody else.

    python -m tests.aex_addon.tools.hostile (root | user) FOLDER NAME …
    python -m tests.aex_addon.tools.hostile (root | user) FOLDER stays MARK

It prints one JSON object, by names, of how each ended; of the one that stays, its output. As
somebody else it leaves root for good once everything is loaded, so that its sandboxes are those of
an ordinary user.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aex_addon.tools.machine import Python
from aex_addon.tools.manifest import Manifest
from aex_addon.tools.package import digest
from aex_addon.tools.run import Ran, run

ORDINARY = 23_456
SECRET = "find-me-if-you-can"
TOGETHER = 3

# What a tool is told on its standard input, for those that look for it: see `asked`.
_ASKED = "import json, os, sys\nasked = json.load(sys.stdin)\n"
_TRY = """
def attempt(what, do):
    try:
        said[what] = str(do())
    except (OSError, ValueError) as error:
        said[what] = type(error).__name__
said = {}
"""
_SAY = "\nprint(json.dumps(said))\n"

SNOOPS = """
for path in asked["paths"]:
    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path).read())
for process in os.listdir("/proc"):
    if process.isdigit():
        for name in ("environ", "cmdline", "mountinfo", "fd"):
            path = f"/proc/{process}/{name}"
            attempt(path, lambda: [os.readlink(f"{path}/{fd}") for fd in os.listdir(path)]
                    if name == "fd" else open(path).read())
attempt("environment", lambda: dict(os.environ))
attempt("root", lambda: os.listdir("/"))
attempt("homes", lambda: os.listdir("/home"))
attempt("sys", lambda: os.listdir("/sys"))
"""
REACHES = """
import socket
for port in asked["ports"]:
    attempt(f"port {port}", lambda: socket.create_connection(("127.0.0.1", port), 2))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\\0" + asked["abstract"]))
attempt("outside", lambda: socket.create_connection(("192.0.2.1", 53), 2))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("packets", lambda: socket.socket(17, socket.SOCK_RAW))
attempt("names", lambda: [name for _, name in socket.if_nameindex()])
"""
ASKS = """
import ctypes, fcntl
kernel = ctypes.CDLL(None, use_errno=True)
def call(name, *words):
    attempt(name, lambda: getattr(kernel, name)(*words) or "did it")
    if said[name].startswith("-"):
        said[name] = os.strerror(ctypes.get_errno())
call("unshare", 0x10000000)
call("unshare", 0x20000)
call("mount", b"none", b"/tmp", b"tmpfs", 0, None)
call("ptrace", 16, 1, 0, 0)
call("setns", 0, 0)
call("memfd_create", b"x", 0)
call("prctl", 1, 0, 0, 0, 0)
call("setuid", 0)
call("shmget", 0, 4096, 0o1600)
call("vmsplice", 1, None, 0, 0)
attempt("typing", lambda: fcntl.ioctl(0, 0x5412, b"x"))
attempt("package", lambda: open("/tool/main.py", "a"))
attempt("beside the package", lambda: open("/tool/new", "w"))
attempt("inside", lambda: open("/aex/inside.py", "a"))
attempt("system", lambda: open("/usr/new", "w"))
attempt("chmod", lambda: os.chmod("/tool/main.py", 0o777))
attempt("rights", lambda: (open("/tmp/s", "w"), os.chmod("/tmp/s", 0o4755)))
attempt("rights at once", lambda: os.open("/tmp/t", os.O_CREAT | os.O_WRONLY, 0o2755))
attempt("device", lambda: os.mknod("/tmp/device", 0o60600, 0x0801))
attempt("memory of nobody", lambda: mmap.mmap(-1, 4096))
attempt("as much of zeros", lambda: open("/dev/zero"))
attempt("status", lambda: [line.split() for line in open("/proc/self/status")
                           if line.startswith(("Cap", "NoNewPrivs", "Groups"))])
def politeness():
    while (last := open("/proc/self/autogroup").read().split()[-1]) != "10":
        time.sleep(0.05)
    return last
attempt("politeness", politeness)
attempt("session", lambda: os.getsid(0) > 0 and os.ttyname(0))
"""
FORKS = """
import time
forked = 0
try:
    while True:
        if not os.fork():
            time.sleep(600)
            os._exit(0)
        forked += 1
except OSError as error:
    print(forked)
"""
GRANDCHILD = """
import time
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    for descriptor in (0, 2):
        os.close(descriptor)
    os.write(1, b"here")
    os.close(1)
    time.sleep(600)
"""

# Name: its source, and what its manifest says beside the defaults. `leave` in it: the run is
# cancelled as soon as the tool has said anything.
TOOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "snoops": (_ASKED + _TRY + SNOOPS + _SAY, {}),
    "reaches": (_ASKED + _TRY + REACHES + _SAY, {}),
    "asks": ("import json, mmap, os, time\n" + _TRY + ASKS + _SAY, {}),
    "forks": ("import os" + FORKS, {"processes_max": 8}),
    "leaves a grandchild": ("import os" + GRANDCHILD + "os.wait()\n", {}),
    "waits with a grandchild": (
        "import os" + GRANDCHILD + "while True: time.sleep(9)\n",
        {"leave": True},
    ),
    "is late with a grandchild": (
        "import os" + GRANDCHILD + "while True: time.sleep(9)\n",
        {"ttl_seconds": 4},
    ),
    "ignores signals": (
        (
            "import signal, time\n"
            "for number in range(1, 65):\n"
            "    try: signal.signal(number, signal.SIG_IGN)\n"
            "    except (OSError, ValueError): pass\n"
            "print('here', flush=True)\n"
            "while True: time.sleep(9)\n"
        ),
        {"leave": True},
    ),
    "is deaf": ("while True: pass\n", {"ttl_seconds": 1}),
    "closes all": (
        "import os, time\nfor n in range(3): os.close(n)\ntime.sleep(600)\n",
        {"ttl_seconds": 1},
    ),
    "wants 10 GB": ("held = bytearray(10 << 30)\nprint('had it')\n", {}),
    "shares memory": (
        (
            "import mmap, time\nfile = open('/tmp/x', 'w+b')\nfile.truncate(60 << 20)\n"
            "held = mmap.mmap(file.fileno(), 60 << 20)\n"
            "for at in range(0, 60 << 20, 4096): held[at] = 1\n"
            "time.sleep(600)\n"
        ),
        {"memory_max_mib": 32},
    ),
    "maps a file": (
        (
            "import sys, time\n"
            "from ctypes import *\n"
            "map = CDLL(None).mmap\nmap.restype = c_void_p\n"
            "map.argtypes = [c_void_p, c_size_t, *[c_int] * 3, c_long]\n"
            "file = open(sys.executable, 'rb')\n"
            "for at in range(1 << 40, (1 << 40) + (16384 << 21), 1 << 21):\n"
            "    string_at(map(at, 4096, 1, 1, file.fileno(), 0), 1)\n"
            "time.sleep(600)\n"
        ),
        {"memory_max_mib": 64},
    ),
    "spreads memory": (
        (
            "import os, time\n"
            "for _ in range(8):\n"
            "    if not os.fork():\n"
            "        held = bytearray(b'x') * (60 << 20)\n"
            "        time.sleep(600)\n"
            "os.wait()\n"
        ),
        {"memory_max_mib": 128},
    ),
    "fills its files": (
        (
            "import os\n"
            "for folder in ('/tmp', '/dev/shm'):\n"
            "    try:\n"
            "        with open(folder + '/x', 'wb') as file:\n"
            "            while True: file.write(bytes(1 << 20))\n"
            "    except OSError as error: print(error.strerror, os.stat(folder + '/x').st_size)\n"
        ),
        {},
    ),
    "makes files": ("import os\nn = 0\nwhile True: os.mknod(f'/tmp/{n}'); n += 1\n", {}),
    "stays": (
        (
            "import ctypes, signal, time\n"
            "ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "print('here', flush=True)\n"
            "while True: time.sleep(9)\n"
        ),
        {"leave": True},
    ),
    "floods": ("while True: print('x' * 65535)\n", {"output_max_kib": 64}),
    "floods errors": ("import sys\nwhile True: sys.stderr.write('x' * 65535)\n", {}),
}


def manifest(package: Path, **fields: Any) -> Manifest:
    """A manifest of a package that is one Python file, or a folder with main.py."""
    name = "main.py" if package.is_dir() else package.name
    given = {
        "name": "tool",
        "version": "1",
        "entrypoint": ("python", name),
        "sha256": digest(package),
    }
    return Manifest.model_validate(given | fields)


async def end_of(name: str, folder: Path, python: Python | None, request: bytes) -> dict[str, Any]:
    """How one of TOOLS ended, and whether any process of it did not."""
    mark, private = uuid.uuid4().hex, [folder]
    package, ours, leave = made(name, folder, mark)
    if not leave:
        ran = await run(ours, package, request, private=private, python=python)
        return _told(ran) | {"left": len(processes(mark))}
    heard = asyncio.Event()
    work = asyncio.ensure_future(
        run(ours, package, request, private=private, python=python, on_output=lambda _: heard.set())
    )
    await heard.wait()
    there = processes(mark)
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    return {"status": "cancelled", "was there": len(there), "left": len(processes(mark))}


def made(name: str, folder: Path, mark: str) -> tuple[Path, Manifest, bool]:
    """The package of one of TOOLS, its manifest, and whether to leave it; a word to know it by."""
    source, fields = TOOLS[name]
    package = folder / name / "main.py"
    package.parent.mkdir()
    package.write_text(source)
    given = {key: value for key, value in fields.items() if key != "leave"}
    entrypoint = ("python", "main.py", mark)
    return package, manifest(package, entrypoint=entrypoint, **given), "leave" in fields


async def stay(who: str, folder: Path, mark: str) -> None:
    """Runs the one that stays, and passes on what it says."""
    package, ours, _ = made("stays", folder, mark)

    def say(piece: bytes) -> None:
        sys.stdout.write(piece.decode())
        sys.stdout.flush()

    await run(ours, package, b"", private=[folder], python=PYTHONS[who](), on_output=say)


def _told(ran: Ran) -> dict[str, Any]:
    return asdict(ran) | {"output": ran.output.decode(errors="replace")}


def processes(mark: str) -> list[int]:
    """The tools of this machine that have this word in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"main.py\0{mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def other_python() -> Python | None:
    """The interpreter of a sandbox that is not root's: the system's, where ours is out of reach."""
    system = Path("/usr/bin/python3")
    return Python(system.resolve(), ()) if system.exists() else None


async def everything(who: str, folder: Path, names: list[str]) -> dict[str, Any]:
    """How each of these ended, a few at a time."""
    abstract = f"aex-{uuid.uuid4().hex}"
    gate = asyncio.Semaphore(TOGETHER)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as hidden:
        hidden.bind(f"\0{abstract}")
        hidden.listen()
        asked = {"abstract": abstract, "ports": [server.getsockname()[1]], "paths": PATHS}
        server.set_inheritable(True)
        asked: dict[str, Any] = {"abstract": abstract, "ports": [server.getsockname()[1]]}
        asked["paths"] = [*PATHS, str(folder), str(folder / "secret")]
        request = json.dumps(asked).encode()

        async def one(name: str) -> dict[str, Any]:
            async with gate:
                return await end_of(name, folder, PYTHONS[who](), request)

        ends = await asyncio.gather(*map(one, names))
    return dict(zip(names, ends, strict=True))


PATHS = ["/root", "/home", "/etc/shadow", "/etc/passwd", "/var", "/work", "/sys", "/run", "/mnt"]
PYTHONS = {"root": lambda: None, "user": other_python}


def become_ordinary() -> None:
    """Leaves root, if it is root, having loaded what is loaded late."""
    if not os.geteuid():
        os.setgroups([])
        os.setgid(ORDINARY)
        os.setuid(ORDINARY)
    os.environ["HOME"] = "/nonexistent"


def main(who: str, folder: str, *names: str) -> None:
    """Runs what is named and prints how it ended."""
    where = Path(folder)
    if who == "user":
        warm = where / "warm"
        warm.mkdir()
        TOOLS["warm"] = ("print('warm')\n", {})
        asyncio.run(end_of("warm", warm, None, b""))
        become_ordinary()
    if names[0] == "stays" and len(names) > 1:
        asyncio.run(stay(who, where, names[1]))
    else:
        json.dump(asyncio.run(everything(who, where, list(names))), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
