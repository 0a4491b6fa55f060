"""What a manifest grants is what the operator meant, and never what is AEX's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aex_addon.tools import machine
from aex_addon.tools.machine import Granted, Machine, NotGranted, Python
from tests.aex_addon.tools.hostile import manifest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def granted(path: Path, *private: Path) -> list[Granted]:
    package = path.parent / "main.py"
    package.touch()
    return list(machine.granted(manifest(package, allowed_fs=(f"rw:{path}",)), private))


def test_a_folder_is_granted(data: Path, tmp_path: Path) -> None:
    """As its manifest names it, with the right to write if that says so."""
    (found,) = granted(data, tmp_path / "home")
    assert found == (data, True, (data.stat().st_dev, data.stat().st_ino))


def test_a_link_is_not_followed(data: Path, tmp_path: Path) -> None:
    """Neither as the last part nor on the way: what it leads to may be another by then."""
    link = tmp_path / "link"
    link.symlink_to(data)
    (data / "in").mkdir()
    for path in (link, link / "in"):
        with pytest.raises(NotGranted, match=f"leads to {data}"):
            granted(path)


@pytest.mark.parametrize("leads", ["data", "secret", "elsewhere"])
def test_what_is_seen_is_what_was_found(tmp_path: Path, data: Path, leads: str) -> None:
    """Another folder in its place, or none, is told, also where the way to it leads elsewhere."""
    (data / "in").mkdir()
    (tmp_path / "secret" / "in").mkdir(parents=True)
    shown = granted(data / "in")
    machine.seen(os.getpid(), shown)
    data.rename(tmp_path / "old")
    data.symlink_to(tmp_path / ("old" if leads == "data" else leads))
    if leads == "data":
        machine.seen(os.getpid(), shown)
        return
    with pytest.raises(NotGranted, match=r"was exchanged|cannot be seen"):
        machine.seen(os.getpid(), shown)


def test_what_is_not_there(tmp_path: Path) -> None:
    """A folder that is missing, and what is no folder or file, are told."""
    with pytest.raises(NotGranted, match="cannot be opened"):
        granted(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotGranted, match="neither a folder nor a file"):
        granted(tmp_path / "pipe")


def test_aex_is_never_granted(data: Path, tmp_path: Path) -> None:
    """Neither its home, nor a folder around it or in it, by whichever name it is known."""
    inner = data / "keys"
    inner.mkdir()
    other = tmp_path / "other-name"
    other.symlink_to(data)
    for path, private in ((data, data), (data, inner), (inner, data), (data, other)):
        with pytest.raises(NotGranted, match="is shown to no tool"):
            granted(path, private)


def test_a_home_is_never_granted(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own, wherever it is, nor what it lies in; a folder in it may be."""
    home = data / "me"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for path in (home, data):
        with pytest.raises(NotGranted, match="which holds the home"):
            granted(path)
    assert granted(home / "project")
    assert tmp_path


def test_the_interpreter_is_aex_own_base() -> None:
    """It runs with what is shown of it alone, below the environment that AEX is installed in."""
    found = machine.base_python()
    said = subprocess.check_output(
        [found.program, "-I", "-S", "-c", "import sys; print(sys.prefix)"]
    )
    assert said.decode().strip() == sys.base_prefix
    assert not any(path.is_relative_to(sys.prefix) for path in found.shown)
    for path in found.shown:
        assert path.exists()


def test_what_is_private_is_covered(tmp_path: Path) -> None:
    """Where it lies below a folder that every tool is shown; elsewhere it is not there at all."""
    shown, ledger, elsewhere = tmp_path / "usr", tmp_path / "usr" / "l.db", tmp_path / "x"
    (shown / "aex").mkdir(parents=True)
    ledger.touch()
    elsewhere.mkdir()
    here = Machine("bwrap", True, Python(Path("/usr/bin/python3"), ()), (shown,), ())
    found = machine.covered(here, [shown / "aex", ledger, elsewhere, shown / "missing"])
    assert list(found) == [(shown / "aex", True), (ledger, False)]


def test_the_system_is_as_it_is_here() -> None:
    """Each folder of programs is there, as itself or as the link that it is."""
    found = machine.this_machine("/usr/bin/bwrap")
    assert Path("/usr") in found.folders
    for target, link in found.links:
        assert str(link.readlink()) == target
    assert found.root == (os.geteuid() == 0)
    assert not any(path.is_relative_to("/etc/ssl") for path in found.folders)


def test_bubblewrap_is_found_by_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nowhere else."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.find_bwrap() is None
    (tmp_path / "bwrap").touch(mode=0o755)
    assert machine.find_bwrap() == str(tmp_path / "bwrap")
