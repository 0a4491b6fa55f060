"""Whatever is not well comes with what to do about it."""

from __future__ import annotations

import pytest

from aex_addon.cli.checks.verdict import Verdict, broken, doubtful, sound


def test_levels() -> None:
    """Each maker stands for one level."""
    assert sound("x", "y") == Verdict("x", "ok", "y")
    assert doubtful("x", "y", "z").level == "warn"
    assert broken("x", "y", "z").level == "fail"


@pytest.mark.parametrize("made", [("fail", ""), ("warn", ""), ("ok", "do it")])
def test_troubles_have_remedies(made: tuple[str, str]) -> None:
    """A trouble without a remedy, or a remedy for nothing, cannot be made."""
    with pytest.raises(AssertionError):
        Verdict("x", made[0], "y", made[1])  # type: ignore[arg-type]
