"""aex_addon/policy/findings.py: what several voices come to, and what a cap may still be."""

from __future__ import annotations

from itertools import permutations

import pytest

from aex_addon.policy.findings import BUSY, Finding, together, within
from tests.aex_addon.policy.calls import call

ALLOW = Finding("plugin a.py", "allow", "fine", obligations=("keep",))
DENY = Finding("rule b", "deny", "no")
LOWER = Finding("plugin c.py", "lower", "less", cap=10)
LEAST = Finding("plugin d.py", "lower", "least", cap=5)
SHADOW = Finding("rule e", "deny", "were it not shadow", shadow=True)


def test_a_denial_wins() -> None:
    """In whatever order voices speak, one denial is the verdict."""
    for order in permutations((ALLOW, DENY, LOWER, SHADOW)):
        verdict = together(order)
        assert verdict.refusal is not None
        assert (verdict.refusal.status, verdict.refusal.code) == (403, "policy_denied")
        assert (verdict.refusal.message, verdict.by, verdict.cap) == ("rule b: no", "rule b", None)


def test_the_smallest_cap_holds() -> None:
    """Of several caps the smallest is left, and obligations are kept."""
    verdict = together((LOWER, ALLOW, LEAST, ALLOW))
    assert (verdict.refusal, verdict.cap, verdict.obligations) == (None, 5, ("keep",))


def test_shadow_changes_nothing() -> None:
    """What stands in shadow is told, and neither denies nor lowers."""
    lower = Finding("plugin c.py", "lower", "less", shadow=True, cap=10)
    verdict = together((SHADOW, lower))
    assert (verdict.refusal, verdict.cap) == (None, None)
    assert verdict.shadow == ("rule e: were it not shadow", "plugin c.py: less")
    assert verdict.shadow_by == ("rule e", "plugin c.py")


def test_being_busy_may_be_tried_again() -> None:
    """Only a queue that is full is no final answer."""
    refusal = together([Finding("plugins", "deny", "many", code=BUSY)]).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (503, "policy_busy")


@pytest.mark.parametrize(
    ("limits", "changes", "cap"),
    [
        ({"tokens": 100}, {}, 100),
        ({"tokens": 10}, {}, 10),
        ({"tokens": 10}, {"choices": 3, "output_tokens": 300}, 3),
        ({"tokens": 10}, {"output_clampable": False}, -1),
        ({"tokens": 100}, {"output_clampable": False}, 100),
        ({"tokens": 100}, {"output_tokens": None, "output_clampable": False}, -1),
        ({"tokens": 10}, {"output_tokens_least": 16}, -1),
        ({"nanousd": 2_000}, {}, 100),
        ({"nanousd": 1_999}, {}, 99),
        ({"nanousd": 1_500}, {}, 50),
        ({"nanousd": 1_500, "tokens": 70}, {}, 50),
        ({"nanousd": 999}, {}, -1),
        ({"nanousd": 1_000}, {}, -1),
        ({"nanousd": 1_999}, {"output_clampable": False}, -1),
        ({"nanousd": 9_999}, {"cost_known": False}, -1),
        ({"tokens": 5}, {"output_tokens": 0, "output_tokens_cap": 0}, 0),
    ],
)
def test_a_limit_leaves_a_cap(limits: dict[str, int], changes: dict[str, object], cap: int) -> None:
    """A limit lowers the cap as far as it must, and where it cannot, nothing passes."""
    assert within(call(**changes), **limits) == cap
