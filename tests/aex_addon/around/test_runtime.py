"""What a command runs in: found in real files, and in files that are made to look so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aex_addon.around.runtime import Runtime, runtime_of

# The head of an ELF file with one program header, of the type that follows.
ELF = b"\x7fELF\x02\x01" + b"\0" * 26 + (64).to_bytes(8, "little") + b"\0" * 14
ELF += (56).to_bytes(2, "little") + (1).to_bytes(2, "little") + b"\0" * 6


def program(folder: Path, name: str, content: bytes) -> None:
    """A file that may be run."""
    (folder / name).write_bytes(content)
    (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has one of each kind."""
    for name, content in {
        "node": b"#!/bin/sh\necho v20.20.2\n",
        "npx": b"#!/usr/bin/env node\n",
        "agent": b"#!/usr/bin/env -S node --no-warnings\n",
        "python3": b"#!/usr/bin/env bash\n",
        "script": b"#!/bin/sh\n",
        "sh": b"",
        "env": b"",
        "timeout": b"",
        "loop": b"#!" + str(tmp_path / "loop").encode() + b"\n",
        "gopher": ELF + (1).to_bytes(4, "little") + b"..\xff Go buildinf:..",
        "crab": ELF + (3).to_bytes(4, "little") + b"../rustc/..",
        "bundled": ELF + (3).to_bytes(4, "little") + b"..\n---- Bun! ----\n",
        "mystery": ELF + (1).to_bytes(4, "little") + b"nothing",
        "text": b"plain",
        "uvx": b"",
        "docker": b"",
    }.items():
        program(tmp_path, name, content)
    return {"PATH": str(tmp_path)}


@pytest.mark.parametrize(
    ("command", "kind", "linked"),
    [
        ("npx some-agent", "node", True),
        ("agent --fast", "node", True),
        ("python3 a.py", "python", True),
        ("uvx tool", "python", True),
        ("script", "shell", True),
        ("gopher", "go", False),
        ("crab", "rust", True),
        ("bundled", "bun", True),
        ("mystery", "binary", False),
        ("text", "binary", True),
        ("docker run x", "elsewhere", True),
        ("timeout -k 1 5 npx x", "node", True),
        ("env A=1 gopher", "go", False),
        ("no-such", "missing", True),
        ("env", "missing", True),
        ("loop", "missing", True),
    ],
)
def test_each_kind(path: dict[str, str], command: str, kind: str, linked: bool) -> None:
    """By first lines, by names, by what makers leave in binaries; wrappers are looked through."""
    found = runtime_of(command.split(), path)
    assert (found.kind, found.linked) == (kind, linked)
    assert found.cleared is False


def test_an_interpreter_is_asked_for_its_version(path: dict[str, str]) -> None:
    """Of Node the version decides; one that says nothing has none."""
    assert runtime_of(["npx"], path).version == (20, 20, 2)
    assert runtime_of(["python3"], path).version == ()
    program(Path(path["PATH"]), "node", b"#!/bin/sh\nexit 1\n")
    assert runtime_of(["node"], path).version == ()


def test_a_cleared_environment_is_told(path: dict[str, str]) -> None:
    """env takes the variables away when it is told to."""
    assert runtime_of(["env", "-i", "gopher"], path).cleared
    assert runtime_of(["env", "-", "gopher"], path).cleared


def test_this_very_interpreter() -> None:
    """A real Python is one, with the options that it is given."""
    found = runtime_of([sys.executable, "-I", "x.py"], {})
    assert isinstance(found, Runtime)
    assert (found.kind, found.options) == ("python", ("-I", "x.py"))
