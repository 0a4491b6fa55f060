"""Ledgers to test on: SQLite in a temporary directory, PostgreSQL of the test run's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.read import Reader
from ledger.store import Store
from tests.ledger.making import URL, Hand, open_at
from tests.ledger.postgres import Server, serve

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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server that nobody else uses. Fails, and says what to install, without one."""
    with serve() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> str:
    """The URL of an empty database."""
    return postgres.create_database(f"aex_{uuid.uuid4().hex}")
