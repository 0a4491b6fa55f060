"""aex_addon/likeness.py: attempts that look alike are linked, for a short time."""

from __future__ import annotations

from aex_addon.likeness import REMEMBERED, WITHIN_NS, Likeness


def test_the_same_body_soon_after_a_failure_is_linked() -> None:
    """The newest failed attempt of the same token and body is named, within the time."""
    likeness = Likeness()
    assert likeness.earlier("t", "f", 0) == ""
    likeness.failed("t", "f", "ex_1", 0)
    likeness.failed("t", "f", "ex_2", 10)
    assert likeness.earlier("t", "f", 10 + WITHIN_NS) == "ex_2"
    assert likeness.earlier("t", "f", 11 + WITHIN_NS) == ""


def test_others_are_not() -> None:
    """Another token or another body is no retry."""
    likeness = Likeness()
    likeness.failed("t", "f", "ex_1", 0)
    assert likeness.earlier("u", "f", 1) == ""
    assert likeness.earlier("t", "g", 1) == ""


def test_the_memory_is_bounded() -> None:
    """However many attempts fail, only the newest are remembered."""
    likeness = Likeness()
    for number in range(REMEMBERED + 1):
        likeness.failed("t", str(number), f"ex_{number}", number)
    assert likeness.earlier("t", "0", REMEMBERED) == ""
    assert likeness.earlier("t", "1", REMEMBERED) == "ex_1"
