"""The wall clock in its two forms."""

from __future__ import annotations

from datetime import UTC

from aex_addon import clock


def test_both_forms_tell_the_same_time() -> None:
    """The time with a zone lies between two readings in nanoseconds."""
    before, at, after = clock.now_ns(), clock.utc_now(), clock.now_ns()
    assert at.tzinfo is UTC
    assert before // 1000 <= round(at.timestamp() * 1_000_000) <= after // 1000 + 1
