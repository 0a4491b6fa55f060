"""What a checkpoint vouches for, and what a recorded restore excuses."""

from __future__ import annotations

import pytest

from ledger.errors import IntegrityBroken
from ledger.vouched import Restore, cut_off, excused, origin_of, restores_in, rewritten


def test_the_origin_is_in_the_first_event() -> None:
    """The log's name for signing is made of the ledger's id."""
    assert origin_of('{"ledger_id":"abc","version":"1"}') == "aex/abc"


@pytest.mark.parametrize("payload", ["", "[]", "{}", "7", "no json"])
def test_a_log_without_a_name(payload: str) -> None:
    """A first event that names no ledger is a broken log."""
    with pytest.raises(IntegrityBroken, match="which ledger"):
        origin_of(payload)


def test_what_a_restore_excuses() -> None:
    """Only sizes from the restore on, and up to what it replaced."""
    found = restores_in([(10, '{"replaced_seq": 20}'), (30, "{}"), (31, "no json"), (32, "[]")])
    assert found == [Restore(10, 20)]
    assert [size for size in range(40) if excused(size, found)] == list(range(10, 21))


def test_the_words_of_an_alarm() -> None:
    """Both sizes are named."""
    assert cut_off(9, 4).startswith("the log has 4 events, but 9 were signed")
    assert "first 9 events" in rewritten(9)
