"""A ledger with an agent, `bot`, and the calls that page tests make in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.read import Reader
from ledger.store import Store
from tests.ledger.making import URL, create, open_at


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The ledger, for writing; its agent has a budget of one dollar."""
    opened = open_at(tmp_path)
    opened.one(create("bot", 10**9))
    yield opened
    opened.close()


@pytest.fixture
def open_reader(store: Store, tmp_path: Path) -> Callable[[], Reader]:
    """Opens the same ledger for reading."""
    return lambda: Reader(URL, tmp_path)
