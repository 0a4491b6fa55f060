"""`aex audit`: its exit code is what scripts go by."""

from __future__ import annotations

import apsw
import pytest

from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex


def test_sound_books_pass(aex: Aex, calls: list[str]) -> None:
    """Every law has its line, and the exit code is 0."""
    found = aex.json("audit")
    assert found["ok"] is True
    assert found["events"] >= 6
    assert all(set(finding) == {"law", "holds", "detail"} for finding in found["findings"])
    lines = aex("audit").stdout.splitlines()
    assert len(lines) == len(found["findings"]) + 1
    assert lines[-1] == "the books hold"


def test_an_altered_balance_is_found(aex: Aex, home: Home, calls: list[str]) -> None:
    """A row that was edited fails its law by name, with exit code 1 in both forms."""
    connection = apsw.Connection(str(home.path / "ledger.db"))
    connection.execute("UPDATE agents SET spent_nanousd = 0")
    connection.close()
    found = aex.json("audit", code=1)
    assert found["ok"] is False
    assert [one["law"] for one in found["findings"] if not one["holds"]] == ["agents"]
    assert "BROKEN  agents" in aex("audit", code=1).stdout


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_ledger_is_no_pass(aex: Aex, form: tuple[str, ...]) -> None:
    """Where there is nothing to audit, nothing is vouched for."""
    result = aex("audit", *form, code=1)
    assert result.stderr.startswith("aex: there is no ledger at ")
    assert result.stdout == ""
