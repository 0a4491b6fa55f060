"""`aex ledger restore`."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from aex_addon.cli.context import Context
from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex


@pytest.fixture
def saved(aex: Aex, tmp_path: Path, calls: list[str]) -> Path:
    """A back-up with two calls; since then shop got another dollar."""
    file = tmp_path / "saved.db"
    aex("ledger", "backup", file)
    aex("agent", "top-up", "shop", 1)
    return file


def budget(aex: Aex) -> str:
    """What tells the two states apart."""
    return str(aex.json("agent", "inspect", "shop")["budget_usd"])


def test_a_restore_is_recorded(aex: Aex, context: Context, home: Home, saved: Path) -> None:
    """The earlier state is back, the audit passes, and the document says what was replaced."""
    events = aex.json("audit")["events"]
    done = aex.json("ledger", "restore", saved, "--reason", "a test", "--yes")
    assert budget(aex) == "5.00"
    audited = aex.json("audit")
    assert audited["ok"] is True
    assert (done["events"], done["replaced_seq"]) == (audited["events"], events)
    assert done["restored_from"] == str(saved)
    assert Path(done["replaced_file"]).parent == home.path
    with context.reader() as reader:
        (last,) = reader.log(after=done["events"] - 1)
    assert last.digest.hex() == done["head_hash"]
    payload = last.event.data()
    assert (payload["actor"], payload["reason"]) == (context.actor, "a test")
    assert (payload["epoch"], payload["restore_id"]) == (done["epoch"], done["restore_id"])


def test_no_two_restores_share_an_epoch(aex: Aex, home: Home, saved: Path, tmp_path: Path) -> None:
    """What lies outside the ledger, here or at a witness, says which epochs there were."""
    restored = ("ledger", "restore", saved, "--reason", "a test", "--yes")
    aex("checkpoint")
    assert aex.json(*restored)["epoch"] == 1
    aex("agent", "top-up", "shop", 1)
    note = tmp_path / "witnessed.note"
    note.write_text(aex("checkpoint").stdout)
    # The ledger is gone; the checkpoints of the home are not.
    for path in home.path.glob("ledger.db*"):
        path.unlink()
    assert aex.json(*restored)["epoch"] == 2
    assert aex.json("audit", "--witness", note)["ok"] is True
    # The home is gone too; a witness has its note.
    for path in home.path.glob("ledger.db*"):
        path.unlink()
    for path in home.checkpoints.iterdir():
        path.unlink()
    assert aex.json(*restored)["epoch"] == 1
    assert aex.json("audit", "--witness", note, code=1)["ok"] is False
    for path in home.path.glob("ledger.db*"):
        path.unlink()
    assert aex.json(*restored, "--witness", note)["epoch"] == 2
    assert aex.json("audit", "--witness", note)["ok"] is True


def test_a_person_is_asked(aex: Aex, saved: Path) -> None:
    """What would happen stands above the question, and no is no."""
    said = ("ledger", "restore", saved, "--reason", "r")
    result = aex(*said, text="n\n", code=1)
    assert "1 events that are newer" in result.stderr
    assert budget(aex) == "6.00"
    assert "epoch" in aex(*said, text="y\n").stdout
    assert budget(aex) == "5.00"


def test_the_question_says_what_there_is(
    aex: Aex, home: Home, saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where nothing would be replaced, or another ledger, the question says so."""
    monkeypatch.setenv("AEX_HOME", str(tmp_path / "new"))
    said = ("ledger", "restore", saved, "--reason", "r")
    assert "There is no ledger at" in aex(*said, text="n\n", code=1).stderr
    aex("agent", "create", "other", 1, 1)
    assert "is not an earlier state" in aex(*said, text="n\n", code=1).stderr


def test_not_under_a_running_gateway(aex: Aex, home: Home, saved: Path) -> None:
    """While a gateway holds the home the refusal names the command that stops it."""
    with home.lock_file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = aex("ledger", "restore", saved, "--reason", "r", "--yes", code=1)
    assert "aex daemon stop" in result.stderr
    assert budget(aex) == "6.00"


def test_no_gateway_starts_meanwhile(
    aex: Aex, home: Home, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home's lock is held from the verification to the end."""
    from ledger import restore

    def look(*_words: object, **_more: object) -> None:
        with home.lock_file.open("a") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise OSError("looked")

    monkeypatch.setattr(restore, "restore", look)
    result = aex("ledger", "restore", saved, "--reason", "r", "--yes", code=1)
    assert result.stderr == "aex: looked\n"


@pytest.mark.parametrize("reason", [(), ("--reason", "  ")])
def test_a_reason_is_needed(aex: Aex, saved: Path, reason: tuple[str, ...]) -> None:
    """Nothing is restored without a word on why."""
    aex("ledger", "restore", saved, "--yes", *reason, code=2)
    assert budget(aex) == "6.00"


def test_a_damaged_backup_is_refused(aex: Aex, saved: Path) -> None:
    """A file that is no sound ledger is a line and exit code 1."""
    saved.write_bytes(b"x" * 5_000)
    result = aex("ledger", "restore", saved, "--reason", "r", "--yes", code=1)
    assert "not a database" in result.stderr
    assert budget(aex) == "6.00"
