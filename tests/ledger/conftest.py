"""Ledgers to test on: SQLite in a temporary directory. PostgreSQL is in the conftest above."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.read import Reader
from ledger.store import Store
from tests.ledger.making import URL, Hand, open_at

# Their asserts are tests: failures show the values.
pytest.register_assert_rewrite(
    "tests.ledger.contract",
    "tests.ledger.contract_crowd",
    "tests.ledger.contract_refusals",
    "tests.ledger.worker",
)


@pytest.fixture
def hand() -> Hand:
    """The time, which stands still."""
    return Hand()


@pytest.fixture
def store(tmp_path: Path, hand: Hand) -> Iterator[Store]:
    """A new SQLite ledger."""
    opened = open_at(tmp_path, clock=hand.clock())
    yield opened
    opened.close()


@pytest.fixture
def reader(tmp_path: Path, store: Store) -> Iterator[Reader]:
    """The same ledger, for reading."""
    with Reader(URL, tmp_path) as opened:
        yield opened
