"""What a checkpoint vouches for, and what a recorded restore excuses."""

from __future__ import annotations

import pytest

from ledger.checkpoint import Checkpoint
from ledger.errors import IntegrityBroken
from ledger.vouched import (
    Epoch,
    Restore,
    cut_off,
    epoch_of,
    excused,
    origin_of,
    reach,
    restores_in,
    rewritten,
)


def test_the_origin_is_in_the_first_event() -> None:
    """The log's name for signing is made of the ledger's id."""
    assert origin_of('{"ledger_id":"abc","version":"1"}') == "aex/abc"


@pytest.mark.parametrize("payload", ["", "[]", "{}", "7", "no json"])
def test_a_log_without_a_name(payload: str) -> None:
    """A first event that names no ledger is a broken log."""
    with pytest.raises(IntegrityBroken, match="which ledger"):
        origin_of(payload)


def test_what_a_restore_excuses() -> None:
    """Only sizes from the restore on, up to what it replaced, and only of epochs before it."""
    rows = [
        (10, '{"epoch":3,"replaced_seq":20,"restore_id":"ab"}'),
        (30, "{}"),
        (31, "no json"),
        (32, "[]"),
        (33, '{"epoch":4,"replaced_seq":3,"signed_seq":35}'),
    ]
    found = restores_in(rows)
    assert found == [Restore(10, 20, Epoch(3, "ab")), Restore(33, 35, Epoch(4))]
    ranges = {
        Epoch(): [*range(10, 21), *range(33, 36)],
        Epoch(3, "ab"): [33, 34, 35],
        # As an audit says it, which knows no ids.
        Epoch(3): [33, 34, 35],
        # Of other logs, which are no part of this one: they may differ from any event on.
        Epoch(2, "cd"): list(range(36)),
        Epoch(3, "cd"): list(range(36)),
        Epoch(4): [],
        Epoch(4, "ef"): [],
        Epoch(9): [],
    }
    for epoch, sizes in ranges.items():
        assert [size for size in range(40) if excused(size, epoch, found)] == sizes
    assert not excused(10, Epoch(), [])


@pytest.mark.parametrize("epoch", [Epoch(), Epoch(1), Epoch(7, "c0ffee"), Epoch(10**15 - 1, "0")])
def test_an_epoch_is_read_as_it_was_said(epoch: Epoch) -> None:
    """An epoch's lines name it, among any others; a log that was never restored says nothing."""
    assert epoch_of(("another", *epoch.lines())) == epoch
    assert bool(epoch.lines()) == bool(epoch.words()) == bool(epoch.number)


@pytest.mark.parametrize(
    "line", ["aex-restored", "aex-restored 0", "aex-restored 01 ab", "aex-restored 1 x", "1 ab"]
)
def test_other_lines_name_no_epoch(line: str) -> None:
    """What is not such a line is left to others."""
    assert epoch_of([line]) == Epoch()


def test_how_far_notes_go() -> None:
    """The largest size and the latest epoch count, whichever note says them."""
    notes = [
        Checkpoint("aex/a", 9, b"r" * 32).text() + "\n— a b\n",
        Checkpoint("aex/a", 5, b"r" * 32, Epoch(2, "ab").lines()).text() + "\n— a b\n",
        "torn",
        "",
    ]
    assert reach(notes) == (9, 2)
    assert reach([]) == (0, 0)


def test_the_words_of_an_alarm() -> None:
    """Both sizes are named."""
    assert cut_off(9, 4).startswith("the log has 4 events, but 9 were signed")
    assert "first 9 events" in rewritten(9)
