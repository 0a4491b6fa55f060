"""aex_addon/policy/worker.py: it stands alone, and ends by itself. (Its words: worker_process.)"""

from __future__ import annotations

import ast
import json
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aex_addon.policy import worker
from tests.aex_addon.policy.plugins import plugin

PROGRAM = Path(worker.__file__)


def say(channel: socket.socket, message: Any, head: bytes = b"") -> None:
    data = head + json.dumps(message).encode()
    channel.sendall(struct.pack(">I", len(data)) + data)


def started_with(source: str, **seconds: float) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A worker that has been told of one plugin."""
    ours, theirs = socket.socketpair()
    with theirs:
        started = subprocess.Popen(
            [sys.executable, "-s", "-P", str(PROGRAM), str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            env={},
        )
    plugins = [{"name": "a.py", "source": source}]
    given = {"loading": 20.0, "seconds": 20.0, **seconds}
    say(ours, {"memory": 2**29, "plugins": plugins, **given})
    return started, ours


def begin(*body: str, seconds: float = 20.0) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A worker with one plugin, loaded."""
    started, ours = started_with(plugin("a.py", *body).source, seconds=seconds)
    (size,) = struct.unpack(">I", ours.recv(4, socket.MSG_WAITALL))
    assert json.loads(ours.recv(size, socket.MSG_WAITALL)) == {"loaded": [None]}
    return started, ours


def test_it_imports_nothing_of_aex() -> None:
    """It starts quickly and in a clean room, from the standard library alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(PROGRAM.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    assert found <= {*sys.stdlib_module_names}


def test_it_goes_when_the_gateway_goes() -> None:
    """A worker whose gateway was killed ends, at once where it is idle."""
    started, ours = begin("return None")
    ours.close()
    assert started.wait(20) == 0


def test_a_loop_ends_without_a_gateway() -> None:
    """A plugin that loops is ended by the worker's own timer, where nobody else is left to."""
    started, ours = begin("while True: pass", seconds=0.2)
    say(ours, {}, b"\0\0\0\1")
    ours.close()
    assert started.wait(20) == -14


def test_a_file_that_loops_ends_without_a_gateway() -> None:
    """Where a plugin never comes to an end of being loaded, too."""
    started, ours = started_with("while True: pass", loading=0.2)
    ours.close()
    try:
        assert started.wait(20) == -14
    finally:
        started.kill()


@pytest.mark.parametrize("event", ["os.fork", "subprocess.Popen", "os.system"])
def test_what_is_refused_is_refused_for_good(event: str) -> None:
    """The hook names what it refuses, and lets all else pass."""
    with pytest.raises(PermissionError, match=event):
        worker._refuse(event, ())
    worker._refuse("socket.connect", ())


@pytest.mark.parametrize(
    "does",
    [
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)",
        "os.kill(-1, signal.SIGKILL)",
        "open(PATH, 'w')",
        "open(PATH, 'r+b')",
        "os.open(PATH, os.O_RDONLY | os.O_TRUNC)",
        "os.open(PATH + 'x', os.O_RDONLY | os.O_CREAT)",
        "os.truncate(PATH, 0)",
        "os.unlink(PATH)",
        "os.replace(PATH, PATH + 'x')",
        "os.symlink(PATH, PATH + 'x')",
        "os.link(PATH, PATH + 'x')",
        "os.mkdir(PATH + 'x')",
        "os.chmod(PATH, 0o777)",
    ],
)
def test_no_file_and_no_other_process_is_changed(tmp_path: Path, does: str) -> None:
    """Neither the gateway's own process nor a file, though nothing could be written to it."""
    kept = tmp_path / "kept"
    kept.write_text("kept")
    # Were the guard gone, this test would end all there is; a signal of none tells the same.
    harmless = does.replace("signal.SIGKILL", "0").replace("PATH", repr(str(kept)))
    started, ours = begin(harmless, "return None")
    say(ours, {}, b"\0\0\0\1")
    (size,) = struct.unpack(">I", ours.recv(4, socket.MSG_WAITALL))
    (told,) = json.loads(ours.recv(size, socket.MSG_WAITALL))["answers"]
    assert "may change no file and no other process" in told["error"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert kept.read_text() == "kept"
    ours.close()
    assert started.wait(20) == 0


def test_what_changes_nothing_passes(tmp_path: Path) -> None:
    """A plugin may read, throw away what it writes, and end itself."""
    table = tmp_path / "table"
    table.write_text("allow")
    started, ours = begin(
        "open(os.devnull, 'w').write('x')",
        "os.kill(os.getpid(), 0)",
        f"return {{'decision': open({str(table)!r}).read()}}",
    )
    say(ours, {}, b"\0\0\0\1")
    (size,) = struct.unpack(">I", ours.recv(4, socket.MSG_WAITALL))
    (told,) = json.loads(ours.recv(size, socket.MSG_WAITALL))["answers"]
    assert told == {"answer": {"decision": "allow"}}
    ours.close()
    assert started.wait(20) == 0
