"""Laws of the models: two ledgers can be read in one process, each through its own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ledger.models import tables
from tests.ledger.making import create, open_at


def test_models_belong_to_one_ledger(tmp_path: Path) -> None:
    """Models of two ledgers read each its own rows."""
    with (
        closing(open_at(tmp_path, "sqlite:///a.db")) as a,
        closing(open_at(tmp_path, "sqlite:///b.db")) as b,
    ):
        a.one(create("anna"))
        b.one(create("bert"))
        names = [[row.name for row in tables(store.engine.db).agents.select()] for store in (a, b)]
    assert names == [["anna"], ["bert"]]
