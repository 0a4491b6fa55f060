"""Laws of the look at the end of a log: what is broken there is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import IntegrityBroken
from ledger.log_end import check_end
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.making import URL, admit, create, open_at


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_at(tmp_path)
    opened.execute([create(), admit("e1"), admit("e2")])
    yield opened
    opened.close()


@pytest.mark.parametrize("events", [1, 3, 6, 7, 8, 100])
def test_a_sound_end(store: Store, tmp_path: Path, events: int) -> None:
    """However much of it is looked at, and where that is more than there is."""
    with Reader(URL, tmp_path) as reader:
        assert reader.head().seq == 7
        check_end(reader, events)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE event_log SET payload = '{}' WHERE seq = 6", "was altered"),
        ("DELETE FROM event_log WHERE seq = 6", "missing"),
        ("DELETE FROM event_log WHERE seq = 7", "does not end at its head"),
        ("UPDATE ledger_head SET event_hash = 'ab'", "does not end at its head"),
    ],
)
def test_a_broken_end(store: Store, tmp_path: Path, damage: str, words: str) -> None:
    """It is told; what is broken before the look begins is not seen by it."""
    for verb in ("update", "delete"):
        store.engine.db.execute_sql(f"DROP TRIGGER event_log_no_{verb}")
    store.engine.db.execute_sql(damage)
    with Reader(URL, tmp_path) as reader:
        with pytest.raises(IntegrityBroken, match=words):
            check_end(reader, 3)
        if words == "was altered":
            check_end(reader, 1)
