"""aex_addon/policy/kinds.py: what is remembered of a kind changes nothing and has an end."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from aex_addon.policy import kinds as module
from aex_addon.policy.context import COUNTS, Context, Payer
from aex_addon.policy.findings import Finding
from aex_addon.policy.kinds import Kinds
from aex_addon.policy.rules import Rule
from aex_addon.settings_rules import RuleSettings
from ledger.commands import Asked
from tests.aex_addon.policy.calls import CALL, NOON, call

ODD = "\ud800"


def of(*given: dict[str, Any]) -> Kinds:
    return Kinds("ab", [Rule(RuleSettings.model_validate(rule)) for rule in given])


def test_no_verdict_is_another_one() -> None:
    """Asked again, at another time, at another cost and about other kinds, those that are left say
    what all of them say."""
    given: list[dict[str, Any]] = [
        {"name": "a", "models": ["o1*"], "unless": {"streaming": True}},
        {"name": "b", "hours": {"from": "13:00", "to": "14:00"}},
        {"name": "c", "max_cost_usd": "0.0000015"},
        {"name": "d", "tools": ["x"], "unless": {"hours": {"from": "11:00", "to": "13:00"}}},
    ]
    rules, kinds = [Rule(RuleSettings.model_validate(rule)) for rule in given], of(*given)
    o1, tools = {"models": (frozenset(("o1",)),)}, {"functions": frozenset("x")}
    asked: list[dict[str, Any]] = [{}, o1, {**o1, "stream": True}, tools, {"functions": None}]

    def told(some: list[Rule] | tuple[Rule, ...], about: Context, at: datetime) -> list[Finding]:
        found = (rule.find(about, at) for rule in some)
        return [each for each in found if each.decision != "abstain" or each.window]

    for minutes in (0, 90, 0):
        at = NOON + timedelta(minutes=minutes)
        for changes in (*asked, *({**each, "fixed_nanousd": 10} for each in asked)):
            about = call(**changes)
            assert told(kinds.of(about).rules, about, at) == told(rules, about, at)


def others() -> dict[str, Context]:
    """A call that differs from CALL in one thing, for each thing that a policy is told."""
    asked: dict[str, Any] = {
        "models": None,
        "stream": None,
        "output_clampable": False,
        "functions": frozenset("x"),
        "server_tools": None,
        "media": frozenset(("image",)),
        "passthrough": True,
    }
    own: dict[str, Any] = {
        "payer": Payer("shop", "shop", ("sales",)),
        "hosts": ("api.openai.com", "localhost"),
    }
    names = (name for name in Context._fields if name not in {"asked", "quote", "cost_known"})
    found = {name: CALL._replace(**{name: own.get(name, f"other {name}")}) for name in names}
    told = {each.name for each in fields(Asked)} - {"input_tokens", "output_tokens"}
    for name in told:
        found[name] = CALL._replace(asked=replace(CALL.asked, **{name: asked[name]}))
    return found


def test_whatever_is_told_makes_another_kind() -> None:
    """Beside another call that is remembered as well as by itself; counts make none."""
    kinds = of()
    found = {name: kinds.of(about).digest for name, about in {"": CALL, **others()}.items()}
    assert len(set(found.values())) == len(found)
    assert found == {name: of().of(about).digest for name, about in {"": CALL, **others()}.items()}
    counted = call(input_tokens=7, output_tokens=3, fixed_nanousd=9)._replace(cost_known=False)
    assert kinds.of(counted) is kinds.of(CALL)
    assert {key for key, value in CALL.document().items() if counted.document()[key] != value} == {
        *COUNTS
    }


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for ever new models, or for one of a huge name, fills no memory."""
    monkeypatch.setattr(module, "_KINDS_MAX", 3)
    kinds = of({"name": "r", "models": ["o1"]})
    for n in range(10):
        assert kinds.of(call(models=(frozenset((f"m{n}",)),))).rules == ()
        assert 0 < len(kinds._known) <= 3
    before = dict(kinds._known)
    huge = call(models=(frozenset(("m" * 20_000,)),))
    assert kinds.of(huge) == kinds.of(huge)
    assert kinds._known == before


def test_what_is_no_text_has_no_hash() -> None:
    """And is asked about anew each time."""
    kinds = of({"name": "r", "models": ["x"]})
    found = kinds.of(call(models=(frozenset((ODD,)),)))
    assert (found.rules, found.digest, kinds._known) == ((), "", {})
