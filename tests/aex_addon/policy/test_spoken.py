"""aex_addon/policy/spoken.py: anything but a proper answer is a denial."""

from __future__ import annotations

from typing import Any

import pytest

from aex_addon.policy.findings import Finding
from aex_addon.policy.spoken import finding
from tests.aex_addon.policy.calls import CALL


def read(answer: Any) -> Finding:
    return finding("a.py", {"answer": answer}, CALL, shadow=False)


@pytest.mark.parametrize(
    ("answer", "decision", "reason", "cap"),
    [
        ({"decision": "allow"}, "allow", "", None),
        ({"decision": "abstain", "reason": "hm", "patch": None}, "abstain", "hm", None),
        ({"decision": "deny"}, "deny", "it says no", None),
        ({"decision": "deny", "reason": "no", "patch": {}}, "deny", "no", None),
        ({"decision": "allow", "patch": {"max_output_tokens": 200}}, "allow", "", None),
        (
            {"decision": "allow", "reason": "dear", "patch": {"max_output_tokens": 7}},
            *("lower", "dear (7 output tokens at the most)", 7),
        ),
        (
            {"decision": "abstain", "patch": {"max_cost_nanousd": 1_500}},
            *("lower", "50 output tokens at the most", 50),
        ),
        (
            {"decision": "allow", "patch": {"max_cost_nanousd": 5}},
            *("deny", "the call cannot be held to its max_cost_nanousd", None),
        ),
    ],
)
def test_a_proper_answer(answer: Any, decision: str, reason: str, cap: int | None) -> None:
    """A decision, words for it, and a smaller output cap are understood."""
    found = read(answer)
    assert (found.decision, found.reason, found.cap) == (decision, reason, cap)
    assert found.code == "policy_denied"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "DENY",
        "allow",
        ["allow"],
        True,
        1,
        {},
        {"decision": "Allow"},
        {"decision": ["allow"]},
        {"decision": None},
        {"decision": "allow", "reasons": "x"},
        {"decision": "allow", "reason": 1},
        {"decision": "allow", "reason": "x" * 301},
        {"decision": "allow", "reason": "\x00"},
        {"decision": "allow", "reason": "\ud800"},
        {"decision": "allow", "patch": []},
        {"decision": "allow", "patch": {"model": "o1"}},
        {"decision": "allow", "patch": {"max_output_tokens": 0}},
        {"decision": "allow", "patch": {"max_output_tokens": -1}},
        {"decision": "allow", "patch": {"max_output_tokens": True}},
        {"decision": "allow", "patch": {"max_output_tokens": 1.5}},
        {"decision": "allow", "patch": {"max_output_tokens": 2**60}},
        {"decision": "allow", "patch": {"max_output_tokens": "5"}},
        {"decision": "allow", "obligations": "x"},
        {"decision": "allow", "obligations": [1]},
        {"decision": "allow", "obligations": ["x"] * 17},
    ],
)
def test_a_wrong_answer_denies(answer: Any) -> None:
    """What is no answer is taken for a denial, and for no decision."""
    found = read(answer)
    assert (found.decision, found.code, found.cap) == ("deny", "policy_unavailable", None)
    assert found.reason.startswith("its answer is wrong: ")


@pytest.mark.parametrize("spoken", [None, [], {"error": "x" * 400}, {"error": None}, {}, 7])
def test_a_worker_is_not_believed(spoken: Any) -> None:
    """What a worker itself says wrongly denies, too."""
    found = finding("a.py", spoken, CALL, shadow=False)
    assert (found.decision, found.code, found.reason) == ("deny", "policy_unavailable", "it failed")


def test_a_failure_is_told() -> None:
    """The error of a plugin is in the denial, and in shadow that stays shadow."""
    found = finding("a.py", {"error": "ValueError: no"}, CALL, shadow=True)
    assert (found.words, found.shadow) == ("plugin a.py: ValueError: no", True)


def test_obligations_are_kept() -> None:
    """They are texts, for the log."""
    assert read({"decision": "allow", "obligations": ["a", "b"]}).obligations == ("a", "b")
