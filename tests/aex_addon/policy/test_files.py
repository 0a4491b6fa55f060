"""aex_addon/policy/files.py: which files are plugins, and which are not trusted."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from aex_addon.policy import files
from aex_addon.policy.files import PolicyError, read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / files.FOLDER
    made.mkdir(mode=0o700)
    return made


def put(path: Path, source: bytes = b"x", mode: int = 0o600) -> Path:
    path.write_bytes(source)
    path.chmod(mode)
    return path


def refused(home: Path) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        read(home)
    return caught.value.problems


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    """Most homes have no plugins."""
    assert read(tmp_path) == ()


def test_they_come_in_the_order_of_names(folder: Path) -> None:
    """Only files of Python count, by name, with the hash of what was read."""
    for name in ("20_b.py", "10_a.py", "README.md", "9.py"):
        put(folder / name, name.encode())
    (folder / "__pycache__").mkdir()
    found = read(folder.parent)
    assert [file.name for file in found] == ["10_a.py", "20_b.py", "9.py"]
    assert found[0].sha256 == sha256(b"10_a.py").hexdigest()


@pytest.mark.parametrize("mode", [0o660, 0o602, 0o666, 0o620])
def test_what_others_may_write_is_refused(folder: Path, mode: int) -> None:
    """A file that others may write to decides nothing, and the remedy is told."""
    path = put(folder / "a.py", mode=mode)
    (problem,) = refused(folder.parent)
    assert problem.endswith(f"run: chmod go-w {path}")
    path.chmod(0o644)
    assert len(read(folder.parent)) == 1


def test_a_folder_that_others_may_write_is_refused(folder: Path) -> None:
    """Whoever may write to the folder could exchange its files."""
    put(folder / "a.py")
    folder.chmod(0o770)
    assert "may be written by others" in refused(folder.parent)[0]


def test_links_and_devices_are_refused(folder: Path, tmp_path: Path) -> None:
    """What a link leads to may be anybody's; a pipe would never end."""
    (folder / "a.py").symlink_to(put(tmp_path / "elsewhere.py"))
    os.mkfifo(folder / "b.py", 0o600)
    first, second = refused(folder.parent)
    assert "a.py cannot be read" in first
    assert "b.py is no plain file" in second


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    """The folder itself is no link either."""
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / files.FOLDER).symlink_to(tmp_path / "real")
    assert "is a link" in refused(tmp_path)[0]


def test_names_texts_and_sizes_have_limits(folder: Path) -> None:
    """All mistakes are told at once."""
    put(folder / "ä.py")
    put(folder / "b.py", b"\xff")
    put(folder / "c.py", b"#" * (files.BYTES_MAX + 1))
    assert [problem.rpartition(" is ")[2] for problem in refused(folder.parent)] == [
        "no UTF-8 text",
        f"larger than {files.BYTES_MAX} bytes",
        "ASCII letters, digits, _ . - and .py",
    ]
