"""Laws of migration 1: alone it makes the first books, with their guards."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger.engine import connect
from ledger.errors import LedgerUnavailable
from ledger.migration_1 import POSTGRES, SQLITE


@pytest.mark.parametrize("table", ["event_log", "reservations"])
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "UPDATE {} SET seq = 9"])
def test_the_first_books_are_guarded(tmp_path: Path, table: str, verb: str) -> None:
    """Its log and its reserve book take rows and give none back."""
    with closing(connect("sqlite:///old.db", tmp_path)) as engine:
        for statement in SQLITE:
            engine.rows(statement)
        engine.rows("INSERT INTO reservations VALUES ('e1', 'reserve', 1, 1)")
        engine.rows("INSERT INTO event_log VALUES (1, 1, 1, NULL, NULL, 'x', '{}', '', '')")
        with pytest.raises(LedgerUnavailable, match="append-only"):
            engine.rows(verb.format(table))


def test_both_engines_have_the_same_tables() -> None:
    """Every table, index and view of one engine is one of the other."""

    def made(statements: tuple[str, ...]) -> set[str]:
        lines = (" ".join(text.split()).partition("(")[0] for text in statements)
        return {line for line in lines if "TRIGGER" not in line and "FUNCTION" not in line}

    assert made(SQLITE) == made(POSTGRES)
