"""What a sandbox holds is counted from outside, and told in the manifest's words."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from aex_addon.tools import watch

STATUS = (
    "Name:\tx\nVmRSS:\t 9999 kB\nRssAnon:\t  {anon} kB\n"
    "RssFile:\t 9999 kB\nRssShmem:\t {shared} kB\n"
    "VmPTE:\t {tables} kB\nVmSwap:\t {swapped} kB\nHugetlbPages:\t {huge} kB\n"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root of a sandbox with a /proc of its own, in the place of the first process's."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "dev" / "shm").mkdir(parents=True)
    (tmp_path / "proc" / "self").mkdir(parents=True)
    monkeypatch.setattr(watch, "Path", lambda name: tmp_path if "/root" in name else Path(name))
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_files=50_000, f_ffree=49_990))
    return tmp_path


def process(root: Path, pid: int, **held: int) -> None:
    """A process with so many KiB of each kind."""
    folder = root / "proc" / str(pid)
    folder.mkdir(exist_ok=True)
    kinds = dict.fromkeys(("anon", "shared", "tables", "swapped", "huge"), 0)
    (folder / "status").write_text(STATUS.format_map(kinds | held))


def test_all_processes_count_together(root: Path) -> None:
    """What is theirs alone and what has no file; programs that are mapped do not count."""
    process(root, 1, anon=10_000)
    process(root, 2, shared=6_384)
    assert watch.beyond(7, 16) == ""
    process(root, 3, anon=1)
    assert watch.beyond(7, 16) == "it used more memory than memory_max_mib allows, 16 MiB"


@pytest.mark.parametrize("kind", ["anon", "shared", "tables", "swapped", "huge"])
def test_every_kind_of_memory_counts(root: Path, kind: str) -> None:
    """Wherever the kernel keeps it, and what it takes to find it again."""
    process(root, 1, **{kind: 16_384})
    assert watch.beyond(7, 16) == ""
    process(root, 1, **{kind: 16_385})
    assert watch.beyond(7, 16) == "it used more memory than memory_max_mib allows, 16 MiB"


def test_files_count(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of both folders together, for an empty file is memory too."""
    assert root
    for used, told in ((10_000, ""), (10_001, "it made more than 20000 files")):
        found = SimpleNamespace(f_files=50_000, f_ffree=50_000 - used)
        monkeypatch.setattr(os, "statvfs", lambda path, found=found: found)
        assert watch.beyond(7, 16) == told


def test_a_process_that_ends_meanwhile(root: Path) -> None:
    """It counts for nothing, and its sandbox neither."""
    (root / "proc" / "9").mkdir()
    assert watch.beyond(7, 16) == ""
    assert watch.beyond(2**22 + 1, 16) == ""


def test_what_cannot_be_counted_is_too_much(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that nobody can watch does not go on."""

    def forbid(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    assert root
    monkeypatch.setattr(os, "statvfs", forbid)
    assert watch.beyond(7, 16) == "what it uses could not be counted: Permission denied"


def test_a_session_is_made_polite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, again where the kernel puts it off, and not where it shares otherwise."""
    session = tmp_path / "autogroup"
    monkeypatch.setattr(watch, "Path", lambda name: session if "/7/autogroup" in name else name)
    assert watch.made_polite(7)
    session.write_text("/autogroup-9 nice 0\n")
    assert watch.made_polite(7)
    assert session.read_text() == "10"
    session.write_text("/autogroup-9 nice 10\n")
    session.chmod(0o400)
    assert watch.made_polite(7)
    assert session.read_text() == "/autogroup-9 nice 10\n"

    def later(_: Path, __: str) -> None:
        raise BlockingIOError(11, "try again")

    session.chmod(0o600)
    session.write_text("/autogroup-9 nice 0\n")
    monkeypatch.setattr(Path, "write_text", later)
    assert not watch.made_polite(7)
