"""Laws of certs/files.py."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from certs import files
from certs.errors import KeyExposed


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_write_replaces_content_and_mode(tmp_path: Path) -> None:
    """The new file has the asked mode whatever the umask or the old file's mode."""
    target = tmp_path / "file"
    target.write_bytes(b"old")
    target.chmod(0o666)
    before = os.umask(0o077)
    try:
        files.write_whole(target, b"new", files.PUBLIC)
    finally:
        os.umask(before)
    assert (target.read_bytes(), mode(target)) == (b"new", 0o644)
    files.write_whole(target, b"secret", files.PRIVATE)
    assert (target.read_bytes(), mode(target)) == (b"secret", 0o600)


@pytest.mark.parametrize("step", ["fchmod", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever step fails, the old file is whole and no other is left behind."""

    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    target = tmp_path / "file"
    target.write_bytes(b"old")
    monkeypatch.setattr(Path if step == "replace" else os, step, fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_whole(target, b"new", files.PRIVATE)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("bits", [0o640, 0o620, 0o604, 0o602, 0o601, 0o660, 0o644])
def test_an_exposed_key_is_refused_with_the_remedy(tmp_path: Path, bits: int) -> None:
    """Any right of group or others is refused, and the message holds the command to run."""
    path = tmp_path / "a key.pem"
    path.write_bytes(b"key")
    path.chmod(bits)
    with pytest.raises(KeyExposed, match=rf"mode {bits:04o}.*chmod 600 '.*a key\.pem'"):
        files.read_private(path)
    path.chmod(0o600)
    assert files.read_private(path) == b"key"


def test_a_private_directory_is_made_private(tmp_path: Path) -> None:
    """A new directory is the owner's alone."""
    files.private_directory(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700


@pytest.mark.parametrize("bits", [0o770, 0o707, 0o1777])
def test_a_directory_that_others_write_is_refused(tmp_path: Path, bits: int) -> None:
    """Who may write to the directory could exchange the key, sticky bit or not."""
    tmp_path.chmod(bits)
    with pytest.raises(KeyExposed, match="chmod 700"):
        files.private_directory(tmp_path)
    tmp_path.chmod(0o755)
    files.private_directory(tmp_path)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """The second waits until the first is done."""
    order = []

    def second() -> None:
        with files.locked(tmp_path):
            order.append("second")

    with files.locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
