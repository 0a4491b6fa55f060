"""A worker: the process in which plugins run. It is started as a file, and imports nothing of AEX.

Owns: loading the plugins that it is sent, asking them about calls, and what they may not do here:
start processes or threads, reach those of others, change files, or take more memory than they are
given. That guards against faults; a plugin is the operator's own program, and no stranger's.
Refuses to know: what an answer must look like. Whoever hears it believes none of its words.

    worker.py DESCRIPTOR      messages both ways: 4 bytes of length (big-endian), then JSON

    <- {"memory": BYTES, "loading": S, "seconds": S, "plugins": [{"name": …, "source": …}, …]}
    -> {"loaded": [null | TEXT, …]}                     why each cannot be used, or null
    <- N as 4 bytes (big-endian), then {…}, the context
    -> {"id": N, "answers": [{"answer": …} | {"error": TEXT}, …], "last": BOOL}
                                                        last: it is to be asked nothing more
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import struct
import sys
from types import ModuleType
from typing import Any

_ERROR_MAX = 200
_ANSWER_MAX = 16 * 1024
_PIECE = 64 * 1024
_REFUSED = (
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
    *("subprocess.Popen", "_thread.start_new_thread", "_thread.start_joinable_thread"),
)
_CHANGES = (
    *("os.chflags", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.removexattr"),
    *("os.rename", "os.rmdir", "os.setxattr", "os.symlink", "os.truncate", "os.utime"),
    *("resource.prlimit", "resource.setrlimit"),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _Channel:
    """Whole messages of the gateway, which says nothing more before it has heard the answer."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def hear(self) -> bytes | None:
        """The next message; None when the gateway has gone."""
        data = bytearray(self._socket.recv(_PIECE))
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4]):
            piece = self._socket.recv(_PIECE)
            if not piece:
                return None
            data += piece
        return bytes(data[4:])

    def say(self, text: str) -> None:
        """One message, of JSON."""
        body = text.encode()
        self._socket.sendall(struct.pack(">I", len(body)) + body)


def _limit(memory: int) -> None:
    """No core, no files written, no processes of its own, and so much memory."""
    limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_NPROC": 0, "RLIMIT_AS": memory}
    for name, limit in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            try:
                resource.setrlimit(kind, (limit, limit))
            except (OSError, ValueError):
                # A system without this limit, such as macOS for memory; the deadline still holds.
                continue
    # A write beyond the limit is an error then, not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """What the limits of the system leave open: root has no number of processes, and a file that
    nothing can be written to may be emptied all the same."""
    if event in _REFUSED:
        raise PermissionError(f"a plugin may start no process and no thread ({event})")
    if event == "open":
        path, _, flags = arguments
        refused = bool(flags & _WRITES) and path != os.devnull
    elif event in ("os.kill", "os.killpg"):
        refused = arguments[0] not in (0, os.getpid())
    else:
        refused = event in _CHANGES
    if refused:
        raise PermissionError(f"a plugin may change no file and no other process ({event})")


def _shown(error: BaseException) -> str:
    """An error in one line, whatever its own text does."""
    try:
        text = f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 - the text is the plugin's own code
        text = type(error).__name__
    line = " ".join(text.encode("ascii", "backslashreplace").decode().split())
    return "".join(char if char.isprintable() else "?" for char in line)[:_ERROR_MAX]


def _load(name: str, source: str) -> Any:
    """The plugin's `evaluate`."""
    module = ModuleType(f"aex_policy_{name.removesuffix('.py')}")
    module.__file__ = name
    sys.modules[module.__name__] = module
    exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - that is what it is for
    evaluate = getattr(module, "evaluate", None)
    if not callable(evaluate):
        raise TypeError("it has no function evaluate(context)")
    return evaluate


def _ask(evaluate: Any, context: str) -> tuple[str, bool]:
    """What one plugin says, as JSON; and whether the worker is of use after that."""
    try:
        answer = evaluate(json.loads(context))
        text = json.dumps(answer, allow_nan=False)
    except MemoryError:
        return _error("it needs more memory than memory_mib of [policy]"), False
    except BaseException as error:  # noqa: BLE001 - SystemExit and the like, too
        return _error(_shown(error)), True
    if len(text) > _ANSWER_MAX:
        return _error(f"its answer is larger than {_ANSWER_MAX} bytes"), True
    return f'{{"answer":{text}}}', True


def _error(text: str) -> str:
    return json.dumps({"error": text})


def serve(descriptor: int) -> None:
    """Serves until the gateway goes."""
    channel = _Channel(descriptor)
    said = channel.hear()
    if said is None:
        return
    hello = json.loads(said)
    _limit(hello["memory"])
    sys.addaudithook(_refuse)
    _end_in(hello["loading"])
    plugins: list[Any] = []
    loaded: list[str | None] = []
    for plugin in hello["plugins"]:
        try:
            plugins.append(_load(plugin["name"], plugin["source"]))
            loaded.append(None)
        except BaseException as error:  # noqa: BLE001 - whatever a file does when it is loaded
            loaded.append(_shown(error))
    _end_in(0)
    channel.say(json.dumps({"loaded": loaded}))
    while (asked := channel.hear()) is not None:
        number, context = int.from_bytes(asked[:4]), asked[4:].decode()
        _end_in(hello["seconds"])
        told = [_ask(evaluate, context) for evaluate in plugins]
        _end_in(0)
        if _has_children():
            return
        last = not all(useful for _, useful in told)
        answers = ",".join(answer for answer, _ in told)
        channel.say(f'{{"id":{number},"answers":[{answers}],"last":{json.dumps(last)}}}')
        if last:
            return


def _end_in(seconds: float) -> None:
    """If the gateway is killed in the meantime, nobody else ends a plugin that loops. 0: never."""
    if seconds:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _has_children() -> bool:
    """A process that was started all the same ends with this one's group."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    with contextlib.suppress(ConnectionError):  # the gateway has gone in the middle of a word
        serve(int(sys.argv[1]))
    # What a plugin left to be done at the end is not waited for.
    os._exit(0)
