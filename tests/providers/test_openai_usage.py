"""Where usage stands in an answer, and money in usage."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.openai_usage import OPENAI_USAGE, Amount, UsageShape
from providers.wire import Usage

COUNTS = {"prompt_tokens": 3, "completion_tokens": 4}
SHAPE = UsageShape(
    places=(("usage",), ("x", "usage"), ("choices", 0, "usage")),
    cost=(Amount(("cost",)), Amount(("deep", "ticks"), Decimal("1e-10"), only_if="deep_counts")),
)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"usage": COUNTS, "x": {"usage": {}}}, COUNTS),
        ({"usage": None, "x": {"usage": COUNTS}}, COUNTS),
        ({"choices": [{"usage": COUNTS}]}, COUNTS),
        ({"choices": []}, None),
        ({"choices": {"0": {"usage": COUNTS}}}, None),
        ({"x": "usage"}, None),
        ({}, None),
    ],
)
def test_the_first_place_that_holds_usage_counts(document: dict[str, Any], found: object) -> None:
    """Places are tried in order, and a place that is not there is none."""
    assert SHAPE.find(document) == found


def test_openai_s_own_shape() -> None:
    """It says counts, model and tier, and no money."""
    assert OPENAI_USAGE.read(COUNTS, "m", "flex") == Usage(
        {"input_tokens": 3, "output_tokens": 4}, "m", "flex"
    )
    assert OPENAI_USAGE.read({"prompt_tokens": 3}, "m", None) is None


@pytest.mark.parametrize(
    ("money", "usd"),
    [
        ({"cost": 0.000243}, "0.000243"),
        ({"cost": 1}, "1"),
        ({"cost": 0.1, "deep": {"ticks": 5}}, "0.1"),
        ({"cost": 0.1, "deep": {"ticks": 5}, "deep_counts": False}, "0.1"),
        ({"cost": 0.1, "deep": {"ticks": 10**9}, "deep_counts": True}, "0.2"),
        ({"cost": 0, "deep": {"ticks": 10**10}, "deep_counts": True}, "1"),
        ({"cost": 0.1, "deep_counts": True}, None),
        ({"cost": 0}, None),
        ({"cost": 0.0}, None),
        ({"cost": -1}, None),
        ({"cost": "1"}, None),
        ({"cost": True}, None),
        ({"cost": 10**7}, None),
        ({"cost": float("inf")}, None),
        ({"cost": float("nan")}, None),
        ({}, None),
    ],
)
def test_money_is_what_the_provider_says(money: dict[str, Any], usd: str | None) -> None:
    """Amounts add up exactly; nothing, nonsense and zero are no bill, and the counts stand."""
    usage = SHAPE.read({**COUNTS, **money}, None, None)
    assert usage is not None
    assert usage.cost_usd == (None if usd is None else Decimal(usd))


@given(st.recursive(st.none() | st.floats() | st.text(), lambda s: st.dictionaries(st.text(), s)))
def test_it_never_raises(document: object) -> None:
    """Any answer has usage or has none."""
    if isinstance(document, dict):
        SHAPE.read(SHAPE.find(document), None, None)
    SHAPE.read(document, None, None)


def test_parts_that_are_dearer_count_as_all_where_they_are_untold() -> None:
    """Sound that an answer does not tell apart is never billed as text."""
    shape = replace(OPENAI_USAGE, untold=frozenset({"input_audio_tokens", "output_audio_tokens"}))
    told = {**COUNTS, "prompt_tokens_details": {"audio_tokens": 1}}
    usage = shape.read(told, None, None)
    assert usage is not None
    assert usage.counts["input_audio_tokens"] == 1
    assert usage.counts["output_audio_tokens"] == usage.counts["output_tokens"] == 4
