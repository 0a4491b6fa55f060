"""A process that is killed at any instant loses nothing that it acknowledged."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.ledger.killing import BAD

ROOT = Path(__file__).resolve().parents[2]


def counted(base: Path, kills: int, seed: int, *words: str) -> Counter[str]:
    """What a process of its own counts."""
    numbers = [str(base), str(kills), str(seed)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.ledger.killing", *numbers, *words],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Counter(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_killed_at_any_instant(tmp_path: Path, outer_environment: dict[str, str]) -> None:
    """After each of many kills nothing acknowledged is lost, doubled or booked otherwise."""
    kills = int(outer_environment.get("AEX_KILLS", "1000"))
    seed = int(outer_environment.get("AEX_KILLS_SEED", random.SystemRandom().randrange(10**9)))
    counts = counted(tmp_path, kills, seed)
    assert {name: counts[name] for name in BAD if counts[name]} == {}, f"seed {seed}: {counts}"
    assert counts["kills"] == kills
    # The control: the children did work, however slow the machine is, and kills did hit them in
    # the middle of it.
    assert counts["acknowledged"] > kills
    assert counts["recovered"] > 0
    assert 0 < counts["untold"] <= 3 * kills


def test_what_is_told_before_it_is_durable_is_missed(tmp_path: Path) -> None:
    """The control: of outcomes that are told too early some are lost, and that is noticed."""
    assert counted(tmp_path, 100, 1, "early")["lost"] > 0
