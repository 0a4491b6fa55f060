"""`aex ledger backup`."""

from __future__ import annotations

from pathlib import Path

from aex_addon.home import Home
from ledger.backup import examine
from tests.aex_addon.cli.conftest import Aex


def test_a_backup_in_the_home(aex: Aex, home: Home, calls: list[str]) -> None:
    """Without a name, a back-up has the time as its name and lies in a private folder."""
    made = aex.json("ledger", "backup")
    file = Path(made["file"])
    assert file.parent == home.path / "backups"
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert made["events"] == aex.json("audit")["events"]
    found = examine(file)
    assert made["head_hash"] == found.head_hash
    assert (made["bytes"], made["schema"]) == (found.bytes, found.schema)


def test_a_backup_by_name(aex: Aex, tmp_path: Path, calls: list[str]) -> None:
    """A file is made where it is named, and in a directory under the time."""
    aex("ledger", "backup", tmp_path / "mine.db")
    assert (tmp_path / "mine.db").exists()
    folder = tmp_path / "folder"
    folder.mkdir()
    made = aex.json("ledger", "backup", folder)
    assert [str(path) for path in folder.iterdir()] == [made["file"]]


def test_files_are_overwritten_only_if_asked(aex: Aex, tmp_path: Path, calls: list[str]) -> None:
    """A second back-up of the same name is refused in a line, and made with --force."""
    file = tmp_path / "mine.db"
    file.write_text("dear")
    result = aex("ledger", "backup", file, code=1)
    said = f"there is a file {file} already; it stays as it is (--force overwrites it)"
    assert result.stderr == f"aex: {said}\n"
    assert file.read_text() == "dear"
    assert f"file       {file}" in aex("ledger", "backup", file, "--force").stdout


def test_nothing_to_back_up(aex: Aex, home: Home, tmp_path: Path) -> None:
    """Without a ledger the refusal is a line, and neither home nor file is made."""
    for words in ((), (tmp_path / "x.db",)):
        result = aex("ledger", "backup", *words, code=1)
        assert result.stderr.startswith("aex: there is no ledger at ")
    assert not home.path.exists()
    assert list(tmp_path.iterdir()) == []


def test_an_open_home_is_not_copied(aex: Aex, home: Home, calls: list[str]) -> None:
    """Books in a home that others may enter are not trusted."""
    home.path.chmod(0o755)
    assert "chmod 700" in aex("ledger", "backup", code=1).stderr
