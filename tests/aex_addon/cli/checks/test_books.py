"""The ledger is read, its end is checked, and a clock behind it is told."""

from __future__ import annotations

import apsw
import pytest

from aex_addon.cli.checks.books import look
from aex_addon.home import Home
from ledger.read import Reader
from ledger.schema import VERSION
from tests.aex_addon.cli.conftest import Aex

URL = "sqlite:///ledger.db"
SECOND = 1_000_000_000


def levels(home: Home, now_ns: int) -> dict[str, str]:
    return {verdict.about: verdict.level for verdict in look(home, URL, now_ns)}


def newest(home: Home) -> int:
    with Reader(URL, home.path) as reader:
        return reader.head().time_ns


def change(home: Home, *statements: str) -> None:
    """As somebody would who edits the file by hand."""
    with apsw.Connection(str(home.path / "ledger.db")) as connection:
        for statement in statements:
            connection.execute(statement)


def test_none_yet(home: Home) -> None:
    """A ledger that nobody has needed so far is no trouble."""
    assert levels(home, 0) == {"ledger": "ok"}


@pytest.mark.parametrize(("behind", "expected"), [(0, "ok"), (2, "ok"), (3, "warn")])
def test_the_clock(aex: Aex, home: Home, shop: str, behind: int, expected: str) -> None:
    """It may be a little behind the newest event, as a clock that is kept right may."""
    now = newest(home) - behind * SECOND
    assert levels(home, now) == {"ledger": "ok", "chain": "ok", "clock": expected}


def test_an_edited_log(aex: Aex, home: Home, shop: str) -> None:
    """An event that was changed is found, and the whole audit recommended."""
    change(home, "DROP TRIGGER event_log_no_update", "UPDATE event_log SET time_ns = time_ns + 1")
    (found,) = [one for one in look(home, URL, newest(home)) if one.about == "chain"]
    assert found.level == "fail"
    assert "aex audit --full" in found.remedy


def test_a_newer_schema(aex: Aex, home: Home, shop: str) -> None:
    """A ledger of a newer AEX is not read."""
    change(home, f"PRAGMA user_version = {VERSION + 1}")
    (found,) = look(home, URL, 0)
    assert (found.about, found.level) == ("ledger", "fail")
    assert "newer AEX" in found.remedy


def test_no_ledger_at_all(home: Home) -> None:
    """What is no database is named, and mended by a copy."""
    home.ensure()
    (home.path / "ledger.db").write_bytes(b"not a database at all, but long enough to be read" * 9)
    (found,) = look(home, URL, 0)
    assert (found.about, found.level) == ("ledger", "fail")
    assert "file is not a database" in found.said
    assert "aex ledger restore" in found.remedy
