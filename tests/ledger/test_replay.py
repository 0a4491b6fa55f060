"""The books as of a moment are those that stood then."""

from __future__ import annotations

import pytest

from ledger.errors import IntegrityBroken
from ledger.read import Reader
from ledger.replay import replay
from ledger.state import State
from ledger.store import Store
from tests.ledger.contract import STORY
from tests.ledger.making import START, Hand, read_all, rows


@pytest.fixture
def moments(store: Store, reader: Reader, hand: Hand) -> list[tuple[int, int, object]]:
    """(seq, time, all rows) after each command of a long story."""
    found = []
    for command in STORY:
        hand.now += 10
        store.one(command)
        found.append((reader.head().seq, hand.now, read_all(reader)))
    return found


def test_every_moment_comes_back(moments: list[tuple[int, int, object]], reader: Reader) -> None:
    """At each event and each time, the fold equals the tables as they stood."""
    for seq, time_ns, stood in moments:
        by_seq, by_time = replay(reader, seq=seq), replay(reader, time_ns=time_ns + 9)
        assert rows(by_seq.state) == rows(by_time.state) == stood
        assert (by_seq.seq, by_time.seq) == (seq, seq)
    assert replay(reader).seq == moments[-1][0]


def test_before_anything_happened(moments: list[tuple[int, int, object]], reader: Reader) -> None:
    """Before the first event there is nothing."""
    found = replay(reader, time_ns=START - 1)
    assert (found.seq, rows(found.state)) == (0, rows(State()))


def test_a_broken_chain_is_not_replayed(
    moments: list[tuple[int, int, object]], store: Store, reader: Reader
) -> None:
    """The first event that does not fit is named, and what lies before it can be had."""
    store.engine.rows("DROP TRIGGER event_log_no_update")
    store.engine.rows("UPDATE event_log SET time_ns = time_ns + 1 WHERE seq = 9")
    with pytest.raises(IntegrityBroken, match=r"event 9 .* was altered"):
        replay(reader)
    assert replay(reader, seq=8).seq == 8
