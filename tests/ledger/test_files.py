"""Laws of files: whole or not there, closed to others, never over another unasked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledger.errors import LedgerError
from ledger.files import draft, publish, scratch, stamp, sync


def test_a_draft_becomes_the_file(tmp_path: Path) -> None:
    """What was written has the target's name, and nothing else is left."""
    target = tmp_path / "out"
    with draft(target) as new:
        new.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [target]


def fail_half_way(target: Path, *, overwrite: bool = False) -> None:
    """Writes a part of a file."""
    with draft(target, overwrite=overwrite) as new:
        new.write_bytes(b"ha")
        raise ValueError("half-way")


def test_a_draft_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """An error on the way leaves neither a part of the file nor the draft."""
    with pytest.raises(ValueError, match="half-way"):
        fail_half_way(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_overwriting_keeps_the_old(tmp_path: Path) -> None:
    """The file that was to be overwritten is still whole."""
    target = tmp_path / "out"
    target.write_bytes(b"old")
    with pytest.raises(ValueError, match="half-way"):
        fail_half_way(target, overwrite=True)
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
def test_nothing_is_overwritten_unasked(tmp_path: Path, kind: str) -> None:
    """Whatever has the name already is named, before any work."""
    target = tmp_path / "out"
    if kind == "file":
        target.write_bytes(b"old")
    elif kind == "directory":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(LedgerError, match="already"), draft(target):
        pytest.fail("no work is done for nothing")


def test_a_file_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    """Who takes the name while the draft is written keeps it."""
    target = tmp_path / "out"
    new = tmp_path / "new"
    new.write_bytes(b"mine")
    target.write_bytes(b"theirs")
    with pytest.raises(LedgerError, match="already"):
        publish(new, target, overwrite=False)
    assert target.read_bytes() == b"theirs"


def test_overwriting_when_asked(tmp_path: Path) -> None:
    """The old file is replaced as a whole, its mode too."""
    target = tmp_path / "out"
    target.write_bytes(b"a longer one")
    target.chmod(0o644)
    with draft(target, overwrite=True) as new:
        new.write_bytes(b"new")
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o600)


def test_files_are_private_from_the_start(tmp_path: Path) -> None:
    """Whatever the umask is, no other user can read the draft or the file."""
    before = os.umask(0)
    try:
        with draft(tmp_path / "out") as new:
            assert new.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600


def test_a_scratch_file_goes_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    """What SQLite leaves beside a scratch file goes with it."""
    with scratch(tmp_path / "ledger.db") as path:
        for suffix in ("-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).touch()
    assert list(tmp_path.iterdir()) == []


def test_data_is_synced_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data reaches the disk, then the file gets its name, then the directory is synced."""
    told: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        told.append("directory" if os.fstat(descriptor).st_ino == inode else "data")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        told.append("name")
        return real_replace(self, target)

    inode = tmp_path.stat().st_ino
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    with draft(tmp_path / "out") as new:
        new.write_bytes(b"x")
    assert told == ["data", "name", "directory"]


def test_a_directory_that_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot sync directories is no reason to fail; a file's failure is."""
    file = tmp_path / "new"
    file.touch()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == tmp_path.stat().st_ino:
            raise OSError("not supported")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    publish(file, tmp_path / "out", overwrite=False)
    assert (tmp_path / "out").exists()
    with pytest.raises(OSError, match="not supported"):
        sync(tmp_path)


def test_stamps_sort_as_times_do() -> None:
    """A stamp is UTC, to the millisecond, and holds nothing that a file name may not."""
    assert stamp(1_700_000_000_123_999_999) == "20231114T221320.123Z"
    assert stamp(1_700_000_000_000_000_000) < stamp(1_700_000_000_001_000_000)
