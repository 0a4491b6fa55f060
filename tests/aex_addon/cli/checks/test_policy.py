"""aex_addon/cli/checks/policy.py: what doctor says of rules and plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aex_addon.cli.checks import policy
from aex_addon.cli.checks.verdict import Verdict
from aex_addon.home import Home
from aex_addon.settings import Settings
from tests.aex_addon.governed import put

RULE = {"name": "r", "agents": ["x"], "mode": "shadow"}
FINE = "return {'decision': 'allow'}"


def look(home: Path, **settings: Any) -> list[Verdict]:
    return list(policy.look(Home(home), Settings.model_validate(settings)))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    return made


def test_without_a_policy_nothing_is_said(home: Path) -> None:
    """Most homes have none."""
    assert look(home) == []


def test_a_sound_policy_is_counted(home: Path) -> None:
    """Rules, plugins, and what of them is in shadow."""
    put(home, {"a.py": FINE})
    (verdict,) = look(home, rules=[RULE])
    assert (verdict.level, verdict.said) == (
        "ok",
        "1 rules, 1 plugins in policies/; in shadow: rule r",
    )


def test_a_policy_in_shadow_is_doubtful(home: Path) -> None:
    """A policy that refuses nothing is told, lest it be forgotten."""
    (verdict,) = look(home, rules=[RULE], policy={"mode": "shadow"})
    assert (verdict.level, verdict.remedy) == ("warn", 'refusing takes mode = "enforce"')


def test_what_denies_every_call_fails(home: Path) -> None:
    """A plugin that cannot be loaded, or trusted, is a failure with its remedy."""
    put(home, {"a.py": FINE, "b.py": "evaluate ="})
    (verdict,) = look(home)
    assert verdict.level == "fail"
    assert "policies/b.py cannot be loaded: SyntaxError" in verdict.said
    assert verdict.said.endswith("every call is refused")
    (verdict,) = look(home, policy={"mode": "shadow"})
    assert "every call passes" in verdict.said
    for path in (home / "policies").iterdir():
        path.chmod(0o622)
    assert [each.level for each in look(home)] == ["fail", "fail"]
