"""A machine that loses power loses nothing that the ledger acknowledged."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from tests.ledger.blackouts import BAD, main


def wrong(counts: Counter[str]) -> dict[str, int]:
    """What must not be, where it is."""
    return {name: counts[name] for name in BAD if counts[name]}


def test_power_lost_at_any_call(tmp_path: Path, outer_environment: dict[str, str]) -> None:
    """Whatever was not synced is dropped or torn, and all that was answered is there."""
    seeds = int(outer_environment.get("AEX_BLACKOUTS", "200"))
    first = int(outer_environment.get("AEX_BLACKOUTS_SEED", random.SystemRandom().randrange(10**9)))
    counts = main(str(tmp_path), seeds, first)
    assert wrong(counts) == {}, f"from seed {first}: {counts}"
    assert counts["seeds"] == seeds
    # The control: much was answered, some was cut off half-way, in the log and in a checkpoint.
    assert counts["acknowledged"] > 5 * seeds
    assert 0 < counts["untold"] < seeds / 2
    assert counts["in ledger.db-wal"] > seeds / 4
    assert counts["in ledger.db"] > 0


def test_less_than_full_loses_what_was_answered(tmp_path: Path) -> None:
    """The control: with synchronous=NORMAL books stay sound, but answered work is gone."""
    counts = main(str(tmp_path), 60, 1, "NORMAL")
    assert wrong(counts).keys() == {"lost"}
    assert counts["lost"] > 3


def test_no_sync_at_all_breaks_the_books(tmp_path: Path) -> None:
    """The control: with synchronous=OFF what is torn shows, so the disk does tear."""
    counts = main(str(tmp_path), 60, 1, "OFF")
    assert counts["lost"] > 3
    assert counts["unreadable"] + counts["findings"] > 3
