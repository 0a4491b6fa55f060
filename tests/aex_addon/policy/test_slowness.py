"""aex_addon/policy/slowness.py: who was slow is known for a while."""

from __future__ import annotations

import pytest

from aex_addon.policy import slowness
from aex_addon.policy.slowness import Slowness


def test_it_is_forgotten_in_time() -> None:
    """Each time counts from the last one on; nobody else is meant."""
    slow = Slowness(10.0)
    assert not slow.of("a", 0.0)
    slow.note("a", 0.0)
    assert slow.of("a", 9.9)
    assert not slow.of("b", 9.9)
    slow.note("a", 9.9)
    assert slow.of("a", 19.8)
    assert not slow.of("a", 19.9)


def test_it_grows_no_further_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is let go of where there are many."""
    monkeypatch.setattr(slowness, "_KNOWN_MAX", 3)
    slow = Slowness(10.0)
    for number in range(20):
        slow.note(f"a{number}", float(number * 10))
    assert len(slow._until) <= 3
