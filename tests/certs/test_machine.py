"""Laws of certs/machine.py."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from aex_addon.home import private_umask
from certs import machine as machine_module
from certs.errors import StoreFailed
from certs.machine import Command, Edit, this_machine
from tests.certs.tools import Fake


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake.make(tmp_path)


def test_a_command_is_what_a_person_would_type(tmp_path: Path) -> None:
    """The line does in a shell what the command does, whatever its words hold."""
    words = ("printf", "%s|", "a b", "it's", "$HOME", "")
    line = Command(words, cwd=tmp_path).shell()
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    assert said == "a b|it's|$HOME||"
    assert Command(("x", "y"), as_root=True).shell() == "sudo x y"


def test_a_tool_that_is_missing_has_a_remedy(fake: Fake) -> None:
    """It is that of the package manager which this machine has, and else the bare name."""
    with pytest.raises(StoreFailed, match=r"^certutil is missing: install certutil$"):
        fake.machine.run(Command(("certutil",)))
    fake.tool("dnf")
    with pytest.raises(StoreFailed, match=r"^certutil is missing: dnf install nss-tools$"):
        fake.machine.run(Command(("certutil",)))


def test_a_tool_that_fails_is_quoted(fake: Fake) -> None:
    """The last line that it said, on either stream, or else its exit code."""
    for does, message in (
        ("echo first >&2; echo last >&2; exit 3", "x: last"),
        ("echo out; exit 3", "x: out"),
        ("exit 3", "x: it ended with 3"),
    ):
        fake.tool("x", does)
        with pytest.raises(StoreFailed) as caught:
            Command(("x",)).perform(fake.machine)
        assert str(caught.value) == message
    Command(("x",), may_fail=True).perform(fake.machine)


def test_a_tool_cannot_ask(fake: Fake) -> None:
    """Its standard input is at its end, so a question fails instead of waiting for ever."""
    fake.tool("x", "read answer || { echo 'no answer' >&2; exit 1; }")
    with pytest.raises(StoreFailed, match="no answer"):
        Command(("x",)).perform(fake.machine)


def test_a_tool_that_hangs_is_ended(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that it did not end."""
    monkeypatch.setattr(machine_module, "_TIMEOUT_S", 0.2)
    fake.tool("x", "exec sleep 60")
    (fake.folder / "bin" / "sleep").symlink_to("/bin/sleep")
    with pytest.raises(StoreFailed, match=r"did not end within"):
        Command(("x",)).perform(fake.machine)


def test_a_tool_that_is_no_program(fake: Fake) -> None:
    """What cannot be executed is one sentence too."""
    fake.tool("x").write_bytes(b"\x7fELF garbage")
    with pytest.raises(StoreFailed, match=r"^x: "):
        Command(("x",)).perform(fake.machine)


def test_tools_speak_english(fake: Fake) -> None:
    """Answers are read, so the language of the user does not reach them; the rest does."""
    speaking = replace(fake.machine, environ={**fake.machine.environ, "LC_ALL": "de_DE", "A": "b"})
    fake.tool("x", 'echo "$LC_ALL $LANGUAGE $A"')
    assert speaking.run(Command(("x",))).out == b"C.UTF-8 en b\n"


def test_what_tools_write_can_be_read(fake: Fake) -> None:
    """AEX's own files are private; a trust store that only root can read serves nobody else."""
    made = fake.folder / "made"
    fake.tool("x", f"touch {made}")
    with private_umask():
        Command(("x",)).perform(fake.machine)
    assert stat.S_IMODE(made.stat().st_mode) == 0o644


def test_roots_own_tools_are_found(fake: Fake) -> None:
    """Users' PATHs often lack sbin."""
    path = fake.directory("/usr/sbin") / "update-x"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    assert fake.machine.which("update-x") == path


def test_an_edit_cuts_and_appends(fake: Fake) -> None:
    """What matches goes, the addition begins a line of its own, and the mode stays."""
    path = fake.folder / "file"
    path.write_bytes(b"one\n#cut\ntwo")
    path.chmod(0o640)
    Edit(path, b"#cut\n", b"three\n", "").perform(fake.machine)
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    Edit(path, b"three\n", b"", "").perform(fake.machine)
    assert path.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_edit_spares_other_names_of_the_file(fake: Fake) -> None:
    """A hard link, as package caches make them, keeps the old content."""
    path, cached = fake.folder / "file", fake.folder / "cached"
    path.write_bytes(b"one\n")
    os.link(path, cached)
    Edit(path, b"$^", b"two\n", "").perform(fake.machine)
    assert cached.read_bytes() == b"one\n"


def test_this_machine_is_the_users(tmp_path: Path) -> None:
    """Home is what the environment says it is."""
    found = this_machine({"HOME": str(tmp_path)})
    assert (found.home, found.superuser, found.root) == (tmp_path, os.geteuid() == 0, Path("/"))
    assert this_machine({}).home == Path.home()
