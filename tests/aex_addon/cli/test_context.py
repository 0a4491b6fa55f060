"""What commands work with."""

from __future__ import annotations

import getpass
import stat

import pytest

from aex_addon.cli.context import Context
from aex_addon.home import HomeError
from ledger.admin_commands import CreditAgent
from ledger.errors import CommandRefused, LedgerUnavailable


def test_writing_makes_home_and_ledger(context: Context) -> None:
    """The first write needs no set-up, reading does."""
    with pytest.raises(LedgerUnavailable):
        context.reader()
    assert not context.has_ledger()
    with context.store():
        pass
    assert context.has_ledger()
    assert stat.S_IMODE(context.home.path.stat().st_mode) == 0o700
    with context.reader() as reader:
        assert reader.head().seq == 1


def test_a_refusal_is_raised(context: Context) -> None:
    """A command that contradicts the books is an error with the kernel's sentence."""
    with pytest.raises(CommandRefused, match="no agent 'x'"):
        context.execute(CreditAgent("x", 1, "", "cli:me"))


def test_an_open_home_is_not_read(context: Context) -> None:
    """Books in a home that others may enter are not trusted."""
    with context.store():
        pass
    context.home.path.chmod(0o750)
    with pytest.raises(HomeError, match="chmod 700"):
        context.reader()


def test_the_actor_is_the_user(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log names the user; a user id without a name is named as that."""
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    assert context.actor == "cli:ann"

    def nameless() -> str:
        raise OSError

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert context.actor.startswith("cli:uid-")


def test_other_ledgers_are_taken_to_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a file can be looked for without asking a server."""
    assert Context({"AEX_LEDGER": "postgresql://h/d"}).has_ledger()
