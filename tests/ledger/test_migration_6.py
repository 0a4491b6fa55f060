"""Laws of migration 6: a ledger without tools gets their table, on both engines the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger.admin_commands import SetTool
from ledger.engine import connect
from ledger.errors import LedgerUnavailable
from ledger.migration_6 import POSTGRES, SQLITE
from ledger.outcomes import Done
from ledger.read import Reader
from tests.ledger.making import URL, install, open_at
from tests.ledger.test_migrations import make_old, program_of


def test_an_old_ledger_takes_tools_in(tmp_path: Path) -> None:
    """The table is there, empty, and holds a name once."""
    make_old(URL, tmp_path, 5)
    with closing(open_at(tmp_path)) as store:
        assert store.tool("lookup") is None
        assert store.one(install()) == Done("lookup")
        assert store.one(SetTool("lookup", "enabled", "cli:ann")) == Done("lookup")
    with closing(connect(URL, tmp_path)) as engine:
        row = "'lookup', '2', '', '', '', 0, 'enabled', 0, 0"
        with pytest.raises(LedgerUnavailable, match="UNIQUE"):
            engine.rows(f"INSERT INTO tool_plugins VALUES ({row})")


def test_a_ledger_from_before_tools_can_be_read(tmp_path: Path) -> None:
    """A reader does not ask an older ledger for the table that it lacks."""
    make_old(URL, tmp_path, 5)
    with program_of(5), Reader(URL, tmp_path) as reader:
        assert reader.tools() == {}


def test_both_engines_take_the_same_steps() -> None:
    """The statements of both engines are the same but for the width of types."""
    plain = [text.replace("BIGINT", "INTEGER").rstrip() for text in POSTGRES]
    assert [text.removesuffix(" STRICT") for text in SQLITE] == plain
