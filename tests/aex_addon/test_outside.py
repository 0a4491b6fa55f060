"""Copies outside the database: nothing that was kept is lost, and what is torn spoils nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.home import Home
from aex_addon.outside import Outside
from ledger.tree import Tree


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    """The folder of a new home."""
    home = Home(tmp_path / "home")
    home.ensure()
    return Outside(home)


def test_nothing_was_kept(outside: Outside) -> None:
    """A home without the folder has no notes and an empty tree."""
    assert (outside.latest(), outside.notes(), outside.tree().size) == ("", [], 0)


def test_every_note_is_kept(outside: Outside) -> None:
    """Notes of many lines come back as they were, oldest first, with their places."""
    tree = Tree()
    tree.grow(1, "ab" * 32)
    for note in ("one\n\n— a b\n", "two ✓\n", "two ✓\n", "three\n"):
        outside.keep(note, tree)
    assert outside.notes() == [
        ("log:1", "one\n\n— a b\n"),
        ("log:2", "two ✓\n"),
        ("log:3", "three\n"),
    ]
    assert outside.latest() == "three\n"
    assert outside.tree().root() == tree.root()
    assert {path.stat().st_mode & 0o777 for path in outside.folder.iterdir()} == {0o600}


def test_a_torn_line_spoils_no_other(outside: Outside) -> None:
    """What a power cut left of a line is passed over, and the next note has a line of its own."""
    outside.keep("one\n", Tree())
    with outside.log.open("a") as file:
        file.write('"tw')
    outside.keep("three\n", Tree())
    assert [note for _, note in outside.notes()] == ["one\n", "three\n"]


def test_the_latest_counts_though_its_line_is_lost(outside: Outside) -> None:
    """Cutting the log alone does not hide the newest note."""
    outside.keep("one\n", Tree())
    outside.keep("two\n", Tree())
    outside.log.write_bytes(b'"one\\n"\n\xff\n7\n')
    assert outside.notes() == [("log:1", "one\n"), ("latest", "two\n")]
