"""What a command runs in: an interpreter and its version, or a binary of some make.

Owns: finding that out from the command's words, the files that they name, and what an interpreter
says of its version. Nothing of the command itself is run.
Refuses to know: what follows from it (cli/checks/command.py).
"""

from __future__ import annotations

import mmap
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_HOPS_MAX = 8
_HEAD = 4096
_PATIENCE_S = 10

# A program that starts the one that its arguments name.
_WRAPPERS = frozenset(("env", "nice", "nohup", "setsid", "stdbuf", "time", "timeout", "ionice"))
_CLEARS = frozenset(("-", "-i", "--ignore-environment"))
# A program that starts others where the variables of this one do not reach.
_ELSEWHERE = frozenset(("docker", "podman", "kubectl", "nerdctl", "ssh", "sudo", "su", "doas"))
# By its name where the file does not tell: names of interpreters, and what their launchers start.
_NAMES = (
    (r"node|nodejs|npx|npm|pnpm|yarn|tsx", "node"),
    (r"python[\d.]*|pypy[\d.]*|uv|uvx|pipx|poetry|pdm|hatch", "python"),
    (r"deno|dx", "deno"),
    (r"bun|bunx", "bun"),
    (r"java|jshell|jbang|mvn|gradle", "java"),
    (r"ruby[\d.]*|irb|bundle", "ruby"),
    (r"go", "go"),
    (r"dotnet|pwsh", "dotnet"),
    (r"php[\d.]*", "php"),
    (r"curl", "curl"),
    (r"(?:ba|da|z|k|fi|a)?sh", "shell"),
)
# What makers of binaries leave in them, the surest first.
_MARKS = (
    (b"\n---- Bun! ----\n", "bun"),
    (b"d3n0l4nd", "deno"),
    (b"NODE_SEA_FUSE", "node"),
    (b"\xff Go buildinf:", "go"),
    (b"/rustc/", "rust"),
)
_PT_INTERP = 3


@dataclass(frozen=True, slots=True)
class Runtime:
    """`kind` is the runtime's name, or elsewhere, missing, binary; `path` the file that decides.

    version: three numbers, () where they are not known. options: what the interpreter is told.
    linked: whether a binary loads libraries. cleared: the environment is not handed on.
    """

    kind: str
    path: str
    version: tuple[int, ...] = ()
    options: tuple[str, ...] = ()
    linked: bool = True
    cleared: bool = False


def runtime_of(command: Sequence[str], environ: Mapping[str, str]) -> Runtime:
    """Follows wrappers and scripts' first lines to what really runs."""
    words, cleared = list(command), False
    for _ in range(_HOPS_MAX):
        if not words:
            break
        name = Path(words[0]).name
        if name in _WRAPPERS:
            cleared = cleared or (name == "env" and not _CLEARS.isdisjoint(words))
            words = _wrapped(words[1:], environ)
            continue
        if name in _ELSEWHERE:
            return Runtime("elsewhere", name, cleared=cleared)
        found = shutil.which(words[0], path=environ.get("PATH"))
        if found is None:
            return Runtime("missing", words[0], cleared=cleared)
        interpreter = _first_line(Path(found))
        # Launchers of python or ruby are often shell scripts of the same name.
        by_shell = interpreter and _by_name(Path(interpreter[-1]).name) == "shell"
        if interpreter and not (by_shell and _by_name(name)):
            words = [*interpreter, found, *words[1:]]
            continue
        return _judged(name, Path(found), tuple(words[1:]), cleared)
    return Runtime("missing", " ".join(command[:1]), cleared=cleared)


def _wrapped(words: list[str], environ: Mapping[str, str]) -> list[str]:
    """The command inside: from the first word on that is one."""
    for at, word in enumerate(words):
        plain = not word.startswith("-") and "=" not in word
        if plain and shutil.which(word, path=environ.get("PATH")):
            return words[at:]
    return words[-1:]


def _first_line(path: Path) -> list[str]:
    """The words of `#!…`; an interpreter that env looks for stands by its own name."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return []
    if not head.startswith(b"#!"):
        return []
    words = head[2:].partition(b"\n")[0].decode(errors="replace").split()
    return [word for word in words if word != "-S"] if "env" in words[:1] else words


def _judged(name: str, path: Path, options: tuple[str, ...], cleared: bool) -> Runtime:
    kind, linked = _by_name(name), True
    if not kind:
        kind, linked = _inside(path)
    version = _version(path) if kind == "node" and re.fullmatch("node|nodejs", name) else ()
    return Runtime(kind, str(path), version, options, linked, cleared)


def _by_name(name: str) -> str:
    return next((kind for names, kind in _NAMES if re.fullmatch(names, name)), "")


def _inside(path: Path) -> tuple[str, bool]:
    """The make of a binary, and whether it loads libraries."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            kind = next((kind for mark, kind in _MARKS if data.find(mark) >= 0), "binary")
            return kind, _PT_INTERP in set(_segments(data)) or data[:4] != b"\x7fELF"
    except (OSError, ValueError):
        return "binary", True


def _segments(data: mmap.mmap) -> Iterator[int]:
    """The types of an ELF file's program headers.

    Format: https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
    """
    if data[:4] != b"\x7fELF" or data[5] != 1:
        return
    wide = data[4] == 2
    number = int.from_bytes
    start = number(data[32:40] if wide else data[28:32], "little")
    size_at, count_at = (54, 56) if wide else (42, 44)
    size, count = (number(data[at : at + 2], "little") for at in (size_at, count_at))
    for at in range(start, start + size * count, size or 1):
        yield number(data[at : at + 4], "little")


def _version(path: Path) -> tuple[int, ...]:
    """What an interpreter calls itself; () where it says nothing that can be read."""
    try:
        done = subprocess.run(
            [str(path), "--version"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            env={},
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else ()
