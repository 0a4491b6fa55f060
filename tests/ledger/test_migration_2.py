"""Laws of migration 2: a ledger of the first release goes on, and its rows mean what they did."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger import migration_1
from ledger.engine import connect, migrate
from ledger.errors import LedgerUnavailable
from ledger.migration_2 import POSTGRES, SQLITE
from ledger.schema import VERSION

AGENT = "'alice', 'agent', NULL, 1000, 5, 0, 0, 0, 'clamp', 1, 'READY', '', 1"
TOKEN = "'hash', 'alice-1', 'alice', 'execution', '', 1, 0, 0"
CALL = (
    "'e1', 'alice', 'alice-1', 'gw-1', 'proxy', 'openai', 'm', '/', 0, 'f', 'COMMITTED', 9, 1, 0, "
    "1, 1, 1, 200, 5, '', '', 'exact', ''"
)


def test_an_old_ledger_is_brought_up(tmp_path: Path) -> None:
    """Old accounts have one budget for all time, and old tokens and calls pay for themselves."""
    with closing(connect("sqlite:///old.db", tmp_path)) as engine:
        for statement in (*migration_1.SQLITE, "PRAGMA user_version = 1"):
            engine.rows(statement)
        for table, row in (("agents", AGENT), ("tokens", TOKEN), ("executions", CALL)):
            engine.rows(f"INSERT INTO {table} VALUES ({row})")
        assert migrate(engine) == 1
        assert engine.rows("PRAGMA user_version") == [(VERSION,)]
        found = "SELECT budget_window, window_start, spent_before_nanousd, expires_at, "
        assert engine.rows(f"{found} spent_nanousd FROM agents") == [("total", 0, 0, 0, 5)]
        assert engine.rows("SELECT account FROM tokens") == [("alice",)]
        found = "SELECT account, retry_of, idempotency_key, tpm_cells FROM executions"
        assert engine.rows(found) == [("alice", "", "", 0)]
        engine.rows("UPDATE executions SET actual_nanousd = 7")
        with pytest.raises(LedgerUnavailable, match="never moves"):
            engine.rows("UPDATE executions SET state = 'RELEASED'")


def test_both_engines_take_the_same_steps() -> None:
    """The statements of both engines are the same but for the guard and the width of types."""
    plain = [text.replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB") for text in POSTGRES[1:-1]]
    strict = [text.removesuffix(" STRICT") for text in SQLITE[1:-1]]
    assert strict == [text.rstrip() for text in plain]
