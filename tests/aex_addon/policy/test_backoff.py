"""aex_addon/policy/backoff.py: how long somebody who fails is left alone."""

from __future__ import annotations

from aex_addon.policy.backoff import Backoff


def test_the_pause_doubles_from_the_second_failure_on() -> None:
    """One failure is forgiven, a row of them is answered by longer and longer pauses."""
    backoff = Backoff(0.1, 1.0)
    assert [backoff.failed("a", 0.0) for _ in range(7)] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert backoff.left("a", 0.25) == 0.75
    assert (backoff.left("a", 2.0), backoff.left("b", 0.0)) == (0.0, 0.0)


def test_a_success_forgives_all() -> None:
    """After a success the next failure is a first one."""
    backoff = Backoff(0.1, 1.0)
    for _ in range(3):
        backoff.failed("a", 0.0)
    backoff.succeeded("a")
    assert (backoff.left("a", 0.0), backoff.failed("a", 0.0)) == (0.0, 0.0)


def test_it_never_overflows() -> None:
    """Whoever fails for weeks is tried again after the longest pause."""
    backoff = Backoff(0.1, 1.0)
    assert {backoff.failed("a", 0.0) for _ in range(5000)} == {0.0, 0.1, 0.2, 0.4, 0.8, 1.0}
