"""aex_addon/policy/rules.py: what each condition means, and that doubt refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from aex_addon.policy.findings import Finding
from aex_addon.policy.rules import Rule
from aex_addon.settings_rules import RuleSettings
from tests.aex_addon.policy.calls import CALL, MODEL, NOON, call

BOTH = (MODEL, frozenset(("o1",)))
SEARCH = frozenset(("web_search",))


def find(rule: dict[str, Any], changes: dict[str, Any] | None = None) -> Finding:
    made = Rule(RuleSettings.model_validate({"name": "r", **rule}))
    return made.find(call(**(changes or {})), NOON)


@pytest.mark.parametrize(
    ("rule", "changes", "denies"),
    [
        ({"agents": ["sh*"]}, {}, True),
        ({"agents": ["SHOP"]}, {}, True),
        ({"agents": ["shop/*"]}, {}, True),
        ({"agents": ["sales"]}, {}, True),
        ({"agents": ["other"]}, {}, False),
        ({"providers": ["open*"]}, {}, True),
        ({"providers": ["anthropic"]}, {}, False),
        ({"hosts": ["*.openai.com"]}, {}, True),
        ({"hosts": ["*.openai.com"]}, {"hosts": ("10.0.0.1", "api.openai.com")}, True),
        ({"hosts": ["*.azure.com"]}, {}, False),
        ({"paths": ["/v1/chat/*"]}, {}, True),
        ({"paths": ["/v1/chat/*"]}, {"path": "/openai/v1/chat/completions"}, True),
        ({"paths": ["/v1/files"]}, {"path": "/v1//files", "canonical": "/v1//files"}, True),
        ({"paths": ["/v1/files"]}, {"path": "/V1/x/../fi%6Ces", "canonical": ""}, True),
        ({"paths": ["/v1/files"]}, {}, False),
        ({"models": ["gpt-4o*"]}, {}, True),
        ({"models": ["GPT-4O-MINI"]}, {}, True),
        ({"models": ["openai/*"]}, {}, True),
        ({"models": ["o1"]}, {"models": BOTH}, True),
        ({"models": ["o1"]}, {}, False),
        ({"models": ["o1"]}, {"models": None}, True),
        ({"models": ["*"]}, {"models": ()}, False),
        ({"tools": ["web_*"]}, {"server_tools": SEARCH}, True),
        ({"tools": ["look*"]}, {"functions": frozenset(("lookup", "x"))}, True),
        ({"tools": ["x/drop"]}, {"server_tools": frozenset(("x/ \uff24rop ",))}, True),
        ({"tools": ["*"]}, {}, False),
        ({"tools": ["web_*"]}, {"functions": None}, True),
        ({"tools": ["web_*"]}, {"server_tools": None}, True),
        ({"streaming": True}, {"stream": True}, True),
        ({"streaming": True}, {}, False),
        ({"streaming": True}, {"stream": None}, True),
        ({"streaming": False}, {}, True),
        ({"hours": {"from": "11:00", "to": "13:00"}}, {}, True),
        ({"hours": {"from": "13:00", "to": "14:00"}}, {}, False),
        ({"agents": ["shop"], "models": ["o1"]}, {}, False),
        ({"unless": {"models": ["gpt-4o-mini"]}}, {}, False),
        ({"unless": {"models": ["gpt-4o-mini"]}}, {"models": BOTH}, True),
        ({"unless": {"models": ["gpt-4o-mini"]}}, {"models": None}, True),
        ({"unless": {"models": ["GPT-4o-mini"]}}, {}, True),
        ({"unless": {"tools": ["web_*"]}}, {"server_tools": SEARCH}, False),
        ({"unless": {"tools": ["web_*"]}}, {"server_tools": SEARCH | {"x"}}, True),
        ({"unless": {"tools": ["web_*"]}}, {}, False),
        ({"unless": {"tools": ["web_*"]}}, {"functions": None}, True),
        ({"unless": {"agents": ["shop"]}}, {}, False),
        ({"unless": {"agents": ["sales"]}}, {}, False),
        ({"unless": {"agents": ["shop/r1"]}}, {}, True),
        ({"unless": {"streaming": False}}, {}, False),
        ({"unless": {"streaming": False}}, {"stream": None}, True),
        ({"unless": {"paths": ["/v1/chat/*"]}}, {}, False),
        ({"unless": {"paths": ["/v1/chat/*"]}}, {"path": "/v1/chat/../files"}, True),
        ({"unless": {"paths": ["/v1/chat/*"]}}, {"path": "/v1/chat/%2e%2e/files"}, True),
        ({"unless": {"hosts": ["api.openai.com"]}}, {}, False),
        ({"unless": {"hours": {"from": "11:00", "to": "13:00"}}}, {}, False),
        ({"unless": {"hours": {"from": "13:00", "to": "14:00"}}}, {}, True),
        ({"models": ["*"], "unless": {"models": ["*-mini"], "streaming": True}}, {}, True),
    ],
)
def test_a_condition(rule: dict[str, Any], changes: dict[str, Any], denies: bool) -> None:
    """Any model or tool is enough to fit, `unless` takes all of them, and doubt refuses."""
    assert (find(rule, changes).decision == "deny") is denies


@pytest.mark.parametrize(
    ("usd", "changes", "decision", "cap"),
    [
        ("0.000002", {}, "abstain", None),
        ("0.0000015", {}, "lower", 50),
        ("0.0000009", {}, "deny", None),
        ("0.0000015", {"output_clampable": False}, "deny", None),
        ("1", {"cost_known": False}, "deny", None),
        ("0", {}, "deny", None),
    ],
)
def test_the_cost_of_a_call(
    usd: str, changes: dict[str, Any], decision: str, cap: int | None
) -> None:
    """A call is held to the limit by its reserve's bound: made smaller where it can be."""
    found = find({"max_cost_usd": usd}, changes)
    assert (found.decision, found.cap) == (decision, cap)


def test_a_reason_is_the_operators() -> None:
    """What the rule says of itself is what is told, beside its name."""
    assert find({"agents": ["*"], "reason": "ask first"}).words == "rule r: ask first"
    assert "$0.000002" in find({"max_cost_usd": "0", "reason": "dear"}).words


def test_shadow_is_the_rules_or_the_policys() -> None:
    """A rule is in shadow by its own word, or by that of the whole policy."""
    for mode, whole, shadow in (("shadow", False, True), ("enforce", True, True)):
        given = RuleSettings.model_validate({"name": "r", "agents": ["*"], "mode": mode})
        assert Rule(given, shadow=whole).find(CALL, NOON).shadow is shadow


def test_the_time_is_asked_only_where_it_counts() -> None:
    """The hash holds the truth of a window only where the rule is about the call at all."""
    hours = {"from": "13:00", "to": "14:00"}
    later = NOON + timedelta(minutes=90)
    made = Rule(
        RuleSettings.model_validate({"name": "r", "hours": hours, "unless": {"hours": hours}})
    )
    assert made.find(CALL, NOON).window == (False,)
    assert made.find(CALL, later).window == (True, True)
    other = {"name": "r", "agents": ["other"], "hours": hours}
    assert Rule(RuleSettings.model_validate(other)).find(CALL, later).window == ()
    beside = {"name": "r", "agents": ["*"], "unless": {"hours": hours, "streaming": True}}
    assert Rule(RuleSettings.model_validate(beside)).find(CALL, later).window == ()
