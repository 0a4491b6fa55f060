"""Tools that do not mean well come to nothing, and those that do are heard."""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aex_addon.tools import sandbox
from aex_addon.tools.prepare import Prepared, SandboxUnavailable
from aex_addon.tools.process import Process
from aex_addon.tools.run import Ran, run
from tests.aex_addon.tools import hostile

ROOT = Path(__file__).resolve().parents[3]
End = dict[str, Any]
WAIT_MS = 60_000
AUTOGROUP = Path("/proc/self/autogroup")

pytestmark = pytest.mark.skipif(bool(sandbox.unavailable()), reason=sandbox.unavailable() or "")
WHO = [
    pytest.param("root", marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root")),
    pytest.param(
        "user",
        marks=pytest.mark.skipif(not hostile.other_python(), reason="needs /usr/bin/python3"),
    ),
]
REFUSED = {"PermissionError", "OSError", "Operation not permitted", "Invalid argument"}


@pytest.fixture(scope="module")
def anybodys() -> Iterator[Path]:
    """A folder that every user may write to; pytest keeps its own to itself."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def program(who: str, folder: Path, *names: str) -> list[str]:
    """The words that start hostile.py, and what it may write to."""
    folder.mkdir()
    folder.chmod(0o777)
    return [sys.executable, "-m", hostile.__name__, who, str(folder), *names]


@pytest.fixture(scope="module", params=WHO)
def ends(request: pytest.FixtureRequest, anybodys: Path) -> dict[str, End]:
    """How each hostile tool ended, where AEX runs as root and where it does not."""
    folder = anybodys / request.param
    words = program(request.param, folder, *(name for name in hostile.TOOLS if name != "stays"))
    (folder / "secret").write_text(hostile.SECRET)
    environ = os.environ | {"AEX_SECRET": hostile.SECRET}
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    found: dict[str, End] = json.loads(done.stdout)
    return found


def said(end: End) -> dict[str, str]:
    assert end["status"] == "ok", end
    answer: dict[str, str] = json.loads(end["output"])
    return answer


def test_nothing_is_left_of_any(ends: dict[str, End]) -> None:
    """No process outlives its run, however it detached itself and whatever signals it ignores."""
    assert {name: end["left"] for name, end in ends.items() if end["left"]} == {}
    was_there = {name: end.get("was there") for name, end in ends.items()}
    # Its parent, itself, and perhaps still the one between.
    assert was_there["waits with a grandchild"] >= 2
    assert was_there["ignores signals"] == 1


def test_a_grandchild_ends_with_its_time(ends: dict[str, End]) -> None:
    """Which said that it was there; its parent had long ended, and its session was its own."""
    end = ends["is late with a grandchild"]
    assert (end["status"], end["output"], end["left"]) == ("timed_out", "here", 0)


def test_nothing_of_the_outside_is_seen(ends: dict[str, End]) -> None:
    """Neither AEX's home, nor its environment, nor another home, nor what processes there are."""
    found = said(ends["snoops"])
    assert hostile.SECRET not in ends["snoops"]["output"]
    shown = {path for path in hostile.PATHS if found[path] != "FileNotFoundError"}
    # The way to this very Python, and accounts of the sandbox's own.
    assert shown <= {"/etc/passwd", "/root", "/home"}
    assert "root" not in found["/etc/passwd"]
    assert "AEX" not in ends["snoops"]["output"]
    assert {found[name] for name in found if name.endswith("secret")} == {"FileNotFoundError"}
    numbers = {name.split("/")[2] for name in found if name.startswith("/proc/")}
    assert numbers <= {"1", "2"}


def test_no_descriptor_is_inherited(ends: dict[str, End]) -> None:
    """Only the three pipes of a tool are open in it, though the gateway has others to inherit."""
    found = said(ends["snoops"])
    listed = [found[name] for name in found if name.endswith("/fd") and found[name][0] == "["]
    for links in listed:
        assert links.count("'") == 2 * links.count("'pipe:[") == 6, links


def test_nobody_is_reached(ends: dict[str, End]) -> None:
    """The network of a tool is its own: no port of the machine, no socket without a path."""
    found = said(ends["reaches"])
    assert found.pop("names") == "['lo']"
    assert set(found.values()) <= {"ConnectionRefusedError", "OSError"}


def test_the_kernel_refuses(ends: dict[str, End]) -> None:
    """No capability, no namespace, no other process, no keystroke, nothing written but its own; and
    its whole session lets others go first."""
    found = said(ends["asks"])
    assert found.pop("politeness") == ("10" if AUTOGROUP.exists() else "FileNotFoundError")
    status = found.pop("status")
    assert status.count("0000000000000000") == 5
    assert "['NoNewPrivs:', '1']" in status
    assert {name: word for name, word in found.items() if word not in REFUSED} == {}


def test_forks_are_bounded(ends: dict[str, End]) -> None:
    """`processes_max` holds whoever AEX runs as; root's own processes would have no limit."""
    assert ends["forks"]["output"] == "7\n"


@pytest.mark.parametrize(
    ("name", "status", "why"),
    [
        ("is deaf", "timed_out", "it took more than 1 s"),
        ("closes all", "timed_out", "it took more than 1 s"),
        ("wants 10 GB", "failed", ""),
        ("shares memory", "killed", "memory_max_mib allows, 32 MiB"),
        ("maps a file", "killed", "memory_max_mib allows, 64 MiB"),
        ("spreads memory", "killed", "memory_max_mib allows, 128 MiB"),
        ("makes files", "killed", "20000 files"),
        ("floods", "output_exceeded", "output_max_kib allows, 64 KiB"),
        ("floods errors", "output_exceeded", "1024 KiB to stderr"),
    ],
)
def test_every_limit_ends_a_run(ends: dict[str, End], name: str, status: str, why: str) -> None:
    """Time, memory of one and of all, files, output: each says which it was."""
    end = ends[name]
    assert (end["status"], why in end["why"]) == (status, True), end
    assert (end["exit_code"] is None) == (status != "failed")
    assert "had it" not in end["output"]
    assert end["truncated"] == (name == "floods")
    assert len(end["output"]) == (65536 if name == "floods" else 0)


def test_what_it_writes_is_bounded(ends: dict[str, End]) -> None:
    """Its files are memory, and end at 64 MiB."""
    assert ends["fills its files"]["output"] == "No space left on device 67108864\n" * 2


@pytest.mark.parametrize("who", WHO)
def test_a_gateway_that_is_killed_leaves_nothing(who: str, anybodys: Path) -> None:
    """A tool ends with AEX, even one that asked the kernel not to tell it."""
    mark = uuid.uuid4().hex
    words = program(who, anybodys / mark, "stays", mark)
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout
        assert gateway.stdout.readline() == b"here\n"
        waiting = select.poll()
        held = [os.pidfd_open(pid) for pid in hostile.processes(mark)]
        assert held
        for pidfd in held:
            waiting.register(pidfd, select.POLLIN)
        gateway.kill()
    for pidfd in held:
        assert waiting.poll(WAIT_MS)
        waiting.unregister(pidfd)
        os.close(pidfd)


async def test_a_tool_answers(tmp_path: Path) -> None:
    """What it reads is the request, what it says is the answer, as it says it."""
    package = tmp_path / "main.py"
    package.write_text("import sys\nprint(sys.stdin.read()[::-1], sys.argv[1:], end='')\n")
    ours = hostile.manifest(package, entrypoint=("python", "main.py", "a b", "--c"))
    pieces: list[bytes] = []
    ran = await run(ours, package, b"olleh", private=(), on_output=pieces.append)
    assert (ran.status, ran.exit_code, ran.output) == ("ok", 0, b"hello ['a b', '--c']")
    assert b"".join(pieces) == ran.output
    assert ran.seconds > 0


async def test_a_large_request_meets_a_large_answer(tmp_path: Path) -> None:
    """Neither waits for the other, and output up to its cap is whole."""
    package = tmp_path / "main.py"
    package.write_text(
        "import sys\nfor n in iter(lambda: sys.stdin.buffer.read(4096), b''):\n"
        "    sys.stdout.buffer.write(n)\n"
    )
    ours = hostile.manifest(package, output_max_kib=4096)
    request = bytes(range(256)) * 4096 * 4
    ran = await run(ours, package, request, private=())
    assert (ran.status, ran.truncated, ran.output == request) == ("ok", False, True)


async def test_a_program_of_the_package_runs(tmp_path: Path) -> None:
    """Any executable file may be the entrypoint, and finds the package around itself."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "tool"
    script.write_text('#!/bin/sh\ncat words.txt; echo "$WORD"; echo oh >&2; exit 3\n')
    script.chmod(0o755)
    (tmp_path / "words.txt").write_text("some words\n")
    ours = hostile.manifest(tmp_path, entrypoint=("bin/tool",), env={"WORD": "said"})
    ran = await run(ours, tmp_path, b"ignored", private=())
    assert (ran.status, ran.exit_code, ran.errors) == ("failed", 3, "oh")
    assert ran.output == b"some words\nsaid\n"


async def test_what_is_granted_is_seen(tmp_path: Path) -> None:
    """A folder as the manifest names it: to read, or to write; what is to be read alone cannot be
    had to write by another name."""
    package, data, out = (tmp_path / name for name in ("package", "data", "out"))
    for folder in (package, data, out):
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
    (data / "in.txt").write_text("seen")
    (data / "in.txt").chmod(0o666)
    (package / "main.py").write_text(
        "import os, sys\ndata, out = sys.argv[1:]\n"
        "open(out + '/copy', 'w').write(open(data + '/in.txt').read())\n"
        "try: open(data + '/in.txt', 'a')\nexcept OSError as error: print(error.strerror)\n"
        "try: os.link(data + '/in.txt', out + '/in.txt')\n"
        "except OSError as error: print(error.strerror)\n"
    )
    ours = hostile.manifest(
        package,
        entrypoint=("python", "main.py", str(data), str(out)),
        allowed_fs=(str(data), f"rw:{out}"),
    )
    ran = await run(ours, package, b"", private=[tmp_path / "home"])
    said = b"Read-only file system\nInvalid cross-device link\n"
    assert (ran.status, ran.output) == ("ok", said), ran
    assert (out / "copy").read_text() == "seen"


@pytest.mark.parametrize("absolute", [True, False])
async def test_a_folder_that_is_exchanged_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool
) -> None:
    """Whoever may write beside it leads no tool elsewhere by a link that comes after the look."""
    package, data, secret = (tmp_path / name for name in ("package", "data", "secret"))
    for folder in (package, data, secret):
        folder.mkdir()
    (package / "main.py").write_text("print('here')\n")
    ours = hostile.manifest(package, allowed_fs=(str(data),))
    start, began = Process.start, list[str]()

    async def late(prepared: Prepared) -> Process:
        data.rmdir()
        data.symlink_to(secret if absolute else Path("secret"))
        return await start(prepared)

    monkeypatch.setattr(Process, "start", late)
    with pytest.raises(SandboxUnavailable, match="was exchanged while the sandbox was made"):
        await run(ours, package, b"", private=[secret], on_begin=lambda: began.append("it"))
    assert began == []


async def test_it_is_told_when_the_tool_begins(tmp_path: Path) -> None:
    """Once, and before any of its output; whoever then refuses has nothing run."""
    package, said = tmp_path / "main.py", list[str]()
    package.write_text("print('here')\n")

    async def runs(on_begin: Callable[[], None]) -> None:
        await run(
            hostile.manifest(package),
            package,
            b"",
            private=(),
            on_begin=on_begin,
            on_output=lambda piece: said.append(piece.decode()),
        )

    await runs(lambda: said.append("begun"))
    assert said == ["begun", "here\n"]

    def refuses() -> None:
        said.append("refused")
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await runs(refuses)
    assert said == ["begun", "here\n", "refused"]


@pytest.mark.parametrize("made", [False, True])
async def test_a_run_that_is_stopped_while_its_sandbox_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    """Or has just been made: the tool never begins."""
    package, said, stands = tmp_path / "main.py", list[str](), Process.stands
    package.write_text("print('here')\n")
    work: asyncio.Task[Ran]

    async def cancels(process: Process) -> bool:
        stood = made and await stands(process)
        work.cancel()
        # Whoever was cancelled comes to know of it.
        await asyncio.sleep(0)
        return stood or await stands(process)

    monkeypatch.setattr(Process, "stands", cancels)
    work = asyncio.ensure_future(
        run(
            hostile.manifest(package),
            package,
            b"",
            private=(),
            on_begin=lambda: said.append("begun"),
            on_output=lambda piece: said.append(piece.decode()),
        )
    )
    with pytest.raises(asyncio.CancelledError):
        await work
    assert said == []


async def test_a_long_run_holds_nobody_up(tmp_path: Path) -> None:
    """While one tool runs, another comes and goes, and the loop serves both."""
    slow, quick = tmp_path / "slow.py", tmp_path / "quick.py"
    slow.write_text("import sys, time\nprint('here', flush=True)\ntime.sleep(600)\n")
    quick.write_text("print('done')\n")
    heard = asyncio.Event()
    first = asyncio.ensure_future(
        run(hostile.manifest(slow), slow, b"", private=(), on_output=lambda _piece: heard.set())
    )
    await heard.wait()
    ran = await run(hostile.manifest(quick), quick, b"", private=())
    assert (ran.output, first.done()) == (b"done\n", False)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_listener_that_fails_ends_the_run(tmp_path: Path) -> None:
    """Its error is the caller's, and nothing of the tool is left."""
    mark = uuid.uuid4().hex
    package, ours, _ = hostile.made("stays", tmp_path, mark)

    def fail(piece: bytes) -> None:
        raise ArithmeticError(piece)

    with pytest.raises(ArithmeticError, match="here"):
        await run(ours, package, b"", private=(), on_output=fail)
    assert hostile.processes(mark) == []


async def test_a_run_that_is_cancelled_before_it_began(tmp_path: Path) -> None:
    """It ends as one that was cancelled, having run nothing."""
    mark = uuid.uuid4().hex
    package, ours, _ = hostile.made("stays", tmp_path, mark)
    work = asyncio.ensure_future(run(ours, package, b"", private=()))
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert hostile.processes(mark) == []


async def test_no_bubblewrap_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool is never run bare: without a sandbox it does not run, and says what to do."""
    package = tmp_path / "main.py"
    package.write_text("open('/tmp/ran', 'w')\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="bubblewrap is not in the PATH; run: aex doctor"):
        await run(hostile.manifest(package), package, b"", private=())


async def test_a_sandbox_that_fails_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel refuses namespaces, bwrap says so, and its words reach the operator."""
    package, bwrap, ran = tmp_path / "main.py", tmp_path / "bwrap", tmp_path / "ran"
    package.write_text(f"open({str(ran)!r}, 'w')\n")
    bwrap.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a namespace' >&2; exit 1\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match="No permissions to create a namespace"):
        await run(hostile.manifest(package), package, b"", private=())
    assert not ran.exists()


async def test_the_network_needs_a_door(tmp_path: Path) -> None:
    """A tool that is granted it is not run without, rather than run with less or more."""
    package = tmp_path / "main.py"
    package.write_text("")
    with pytest.raises(SandboxUnavailable, match="no door leads there"):
        await run(hostile.manifest(package, network="full"), package, b"", private=())


async def test_what_is_private_is_not_granted(tmp_path: Path) -> None:
    """A manifest that names AEX's home, or a folder around it, runs nothing."""
    package = tmp_path / "main.py"
    package.write_text("")
    ours = hostile.manifest(package, allowed_fs=(str(tmp_path),))
    with pytest.raises(SandboxUnavailable, match="is shown to no tool"):
        await run(ours, package, b"", private=[tmp_path / "home"])
