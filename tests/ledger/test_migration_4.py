"""Laws of migration 4: a ledger without batches gets their table, on both engines the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger import migration_1, migration_2, migration_3
from ledger.engine import connect, migrate
from ledger.errors import LedgerUnavailable
from ledger.migration_4 import POSTGRES, SQLITE


def test_an_old_ledger_is_brought_up(tmp_path: Path) -> None:
    """The table is there, empty, and holds a ref once."""
    with closing(connect("sqlite:///old.db", tmp_path)) as engine:
        for statement in (
            *migration_1.SQLITE,
            *migration_2.SQLITE,
            *migration_3.SQLITE,
            "PRAGMA user_version = 3",
        ):
            engine.rows(statement)
        assert migrate(engine) == 3
        assert engine.rows("SELECT * FROM bulks") == []
        engine.rows("INSERT INTO bulks VALUES ('a/1', 'batch', 'e1', '{}', '', 0)")
        with pytest.raises(LedgerUnavailable, match="UNIQUE"):
            engine.rows("INSERT INTO bulks VALUES ('a/1', 'file', 'e2', '{}', '', 0)")


def test_both_engines_take_the_same_steps() -> None:
    """The statements of both engines are the same but for the width of types."""
    plain = [text.replace("BIGINT", "INTEGER").rstrip() for text in POSTGRES]
    assert [text.removesuffix(" STRICT") for text in SQLITE] == plain
