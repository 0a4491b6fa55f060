"""What a Claude model's name says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.claude_models import generation, picture_tokens_max, surcharges, thinks_unasked
from tests.providers.catalogue import model_ids


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-v1", (1, 0)),
        ("claude-instant-1.2", (1, 2)),
        ("claude-2", (2, 0)),
        ("claude-2.1", (2, 1)),
        ("claude-3-opus-latest", (3, 0)),
        ("claude-3-haiku-20240307", (3, 0)),
        ("claude-3-5-sonnet-20241022", (3, 5)),
        ("claude-3-7-sonnet-latest", (3, 7)),
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-opus-4-1-20250805", (4, 1)),
        ("claude-sonnet-4-0", (4, 0)),
        ("claude-haiku-4-5-20251001", (4, 5)),
        ("claude-opus-4-8", (4, 8)),
        ("claude-opus-4-10", (4, 10)),
        ("claude-opus-5", (5, 0)),
        ("claude-fable-5-2", (5, 2)),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", (4, 5)),
        ("claude-sonnet-4@20250514", (4, 0)),
        ("claude-mythos-preview", (99, 0)),
        ("claude-20300101", (99, 0)),
        ("something-else", (99, 0)),
    ],
)
def test_generations(model: str, expected: tuple[int, int]) -> None:
    """Older and newer ways of naming are read; what says nothing is the newest."""
    assert generation(model) == expected


def test_every_model_of_the_catalogue_tells_its_generation() -> None:
    """No model that has a price is taken for the newest by mistake."""
    for model in model_ids("anthropic"):
        assert generation(model) < (99, 0), model


@pytest.mark.parametrize(
    ("model", "picture", "thinks", "us"),
    [
        ("claude-haiku-4-5", 1_600, False, False),
        ("claude-sonnet-4-6", 1_600, False, True),
        ("claude-opus-4-7", 4_784, False, True),
        ("claude-opus-5", 4_784, True, True),
        ("claude-next", 4_784, True, True),
    ],
)
def test_what_changed_with_a_generation(model: str, picture: int, thinks: bool, us: bool) -> None:
    """Sharper pictures, thinking without being asked, and a price for the region."""
    assert picture_tokens_max(model) == picture
    assert thinks_unasked(model) is thinks
    assert surcharges("anthropic", model) == ({"us": Decimal("1.1")} if us else {})
    assert surcharges("aws", model) == {}
