"""`aex audit`: its exit code is what scripts go by."""

from __future__ import annotations

import re
from pathlib import Path

import apsw
import pytest

from aex_addon import audited
from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex


def test_sound_books_pass(aex: Aex, calls: list[str]) -> None:
    """Every law has its line, and the exit code is 0."""
    found = aex.json("audit")
    assert found["ok"] is True
    assert found["events"] >= 6
    assert all(set(finding) == {"law", "holds", "detail"} for finding in found["findings"])
    lines = aex("audit").stdout.splitlines()
    assert len(lines) == len(found["findings"]) + 2
    assert re.fullmatch(rf"{found['events']} events replayed, \d+/s", lines[-2])
    assert found["events_per_second"] > 0
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


def broken(found: dict[str, object]) -> dict[str, str]:
    """The laws that do not hold, with their details."""
    findings: object = found["findings"]
    assert isinstance(findings, list)
    return {one["law"]: one["detail"] for one in findings if not one["holds"]}


def test_it_goes_on_where_it_ended(
    aex: Aex, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second audit replays what is new, and says so; --full replays everything."""
    monkeypatch.setattr(audited, "WORTH_EVENTS", 1)
    aex("checkpoint")
    first = aex.json("audit")
    aex("agent", "top-up", "shop", "1")
    second = aex.json("audit")
    assert (first["since"], second["since"]) == (0, first["events"])
    assert second["ok"]
    shown = aex("audit").stdout.splitlines()
    assert shown[-2].startswith("0 events replayed, ")
    assert f"to the {second['events']} before the last audit vouches" in shown[-2]
    assert aex.json("audit", "--full")["since"] == 0


def test_what_is_wrong_is_looked_at_whole(
    aex: Aex, home: Home, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an audit that goes on finds something, the findings are those of a whole one."""
    monkeypatch.setattr(audited, "WORTH_EVENTS", 1)
    aex("checkpoint")
    aex("audit")
    edit(home, "UPDATE event_log SET time_ns = 1 WHERE seq = 2")
    assert aex.json("audit")["ok"]
    edit(home, "UPDATE agents SET rpm = 9")
    found = aex.json("audit", code=1)
    assert found["since"] == 0
    assert "event 2 (agent.created) was altered" in broken(found)["chain"]


def edit(home: Home, statement: str) -> None:
    """Writes into the ledger behind the back of AEX."""
    connection = apsw.Connection(str(home.path / "ledger.db"))
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for (name,) in names:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    connection.close()


def test_a_witness_and_a_key_from_outside(
    aex: Aex, home: Home, calls: list[str], tmp_path: Path
) -> None:
    """Copies that were kept elsewhere are held against the log, whatever the home says."""
    note, key = tmp_path / "note", tmp_path / "pub"
    note.write_text(aex("checkpoint").stdout)
    key.write_text((home.keys / "checkpoint.pub").read_text())
    given = ("--witness", note, "--vkey-file", key)
    assert aex.json("audit", *given)["ok"]
    for path in (*home.checkpoints.iterdir(), *home.keys.iterdir()):
        path.unlink()
    edit(home, "DELETE FROM checkpoints")
    edit(home, "UPDATE event_log SET event_hash = prev_hash WHERE seq = 2")
    assert "outside" not in broken(aex.json("audit", code=1))
    found = aex.json("audit", *given, code=1)
    told = f"{note}: the first {found['events']} events are not the ones"
    assert broken(found)["outside"].startswith(told)
    note.write_bytes(b"\xff")
    assert "outside" in broken(aex.json("audit", *given, code=1))
