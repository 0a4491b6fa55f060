"""Whatever leaves a call without a bound says so, and what gives it one."""

from __future__ import annotations

import pytest

from providers.unquotable import (
    UnknownLength,
    UnknownPart,
    UnknownPrice,
    UnknownTier,
    UnknownUnit,
    UnknownWindow,
    Unquotable,
)

REASONS = [
    (UnknownPrice("mine", "m"), "m", 'provider = "mine"'),
    (UnknownUnit("m", "web_searches"), "web_searches", "unit_usd"),
    (UnknownPart("mine", "m", "input_audio_tokens"), "m", "input_audio_usd_per_mtok"),
    (UnknownTier("m", "turbo"), "turbo", "Leave the tier out"),
    (UnknownWindow("m"), "window", "context_window"),
    (UnknownLength("m"), "longest", "max_output_tokens"),
]


@pytest.mark.parametrize(("error", "said", "remedy"), REASONS, ids=lambda each: type(each).__name__)
def test_each_names_the_matter_and_the_remedy(error: Unquotable, said: str, remedy: str) -> None:
    """Its text names what is missing, its remedy the words that an operator is to write."""
    assert said in str(error)
    assert "'m'" in str(error)
    assert remedy in error.remedy
