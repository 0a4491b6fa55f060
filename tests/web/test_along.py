"""Sums go along the log: each event once, whoever looks, and anew where the log was put back."""

from __future__ import annotations

import pytest

from ledger.activity import ActivityReader
from ledger.errors import LedgerUnavailable
from tests.ledger.making import admit
from tests.web.conftest import Site
from web import along
from web.along import Along


class Stretches(Along[list[tuple[int, int]]]):
    """Which stretches were added; `fails` at the one that ends there."""

    fails = 0

    def nothing(self) -> list[tuple[int, int]]:
        return []

    def added(
        self, sums: list[tuple[int, int]], reader: ActivityReader, after: int, upto: int
    ) -> list[tuple[int, int]]:
        if upto == self.fails:
            raise LedgerUnavailable("away")
        return [*sums, (after, upto)]


def test_stretches_meet(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no longer than a stretch, leave nothing out and overlap nowhere."""
    monkeypatch.setattr(along, "STRETCH", 2)
    sums = Stretches()
    with site.open_reader() as reader:
        assert sums.look(reader) == [(0, 2), (2, 3)]
        assert sums.look(reader) == [(0, 2), (2, 3)]
        site.store.one(admit("e1", "bot"))
        assert sums.look(reader) == [(0, 2), (2, 3), (3, 5)]


def test_a_look_that_fails(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves the sums as they were, and the next one gets all of it."""
    monkeypatch.setattr(along, "STRETCH", 2)
    sums = Stretches()
    sums.fails = 3
    with site.open_reader() as reader:
        with pytest.raises(LedgerUnavailable):
            sums.look(reader)
        sums.fails = 0
        assert sums.look(reader) == [(0, 2), (2, 3)]
