"""aex_addon/policy/policy.py: rules, then plugins, and one verdict with its hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aex_addon.policy.files import PluginFile, PolicyError
from aex_addon.policy.policy import NONE, Decision, Policy, policy_or_refusal
from aex_addon.settings_rules import PolicySettings, RuleSettings
from tests.aex_addon.policy.calls import CALL, NOON
from tests.aex_addon.policy.plugins import plugin

RULE = {"name": "r", "agents": ["shop"]}
PATCHES = plugin("a.py", "return {'decision': 'allow', 'patch': {'max_output_tokens': 9}}")
DENIES = plugin("b.py", "return {'decision': 'deny', 'reason': 'no'}")
RAISES = plugin("c.py", "raise ValueError('mine')")
BROKEN = PluginFile("d.py", "x =", "")


async def judge(*files: PluginFile, rules: Any = (), **settings: Any) -> Decision:
    given = [RuleSettings.model_validate(rule) for rule in rules]
    given_settings = PolicySettings.model_validate({"deadline_ms": 20_000, **settings})
    made = Policy(given_settings, given, files)
    try:
        return await made.judge(CALL, NOON)
    finally:
        await made.stop()


def said(decision: Decision) -> tuple[str, str]:
    refusal = decision.verdict.refusal
    assert refusal is not None
    return refusal.code, refusal.message


async def test_without_any_nothing_is_asked() -> None:
    """A home without rules and plugins has a policy that need not be asked."""
    assert not NONE.asks
    assert (await NONE.judge(CALL, NOON)).verdict.refusal is None


async def test_a_rule_spares_the_plugins() -> None:
    """What a rule refuses no plugin is asked about."""
    decision = await judge(BROKEN, rules=[RULE])
    assert said(decision) == ("policy_denied", "rule r: it is not allowed")
    assert [found.by for found in decision.findings] == ["rule r"]


async def test_all_plugins_speak_and_a_denial_wins() -> None:
    """Each plugin has its say, in the order of names."""
    decision = await judge(PATCHES, DENIES, RAISES)
    assert said(decision) == ("policy_denied", "plugin b.py: no")
    assert [found.by for found in decision.findings] == [
        "plugin a.py",
        "plugin b.py",
        "plugin c.py",
    ]
    assert (await judge(PATCHES)).verdict.cap == 9


async def test_a_plugin_that_fails_denies() -> None:
    """An error of a plugin is no permission."""
    decision = await judge(PATCHES, RAISES)
    assert said(decision) == ("policy_unavailable", "plugin c.py: ValueError: mine")


async def test_a_plugin_that_cannot_be_loaded_denies_all() -> None:
    """Every call is refused, also one after the first."""
    made = Policy(PolicySettings(), [], [PATCHES, BROKEN])
    for _ in range(2):
        decision = await made.judge(CALL, NOON)
        code, message = said(decision)
        assert code == "policy_unavailable"
        assert "policies/d.py cannot be loaded" in message
    assert "policies/d.py" in made.problem
    await made.stop()


async def test_a_whole_policy_in_shadow_denies_nothing() -> None:
    """Rules, plugins and their failures are recorded, and the call passes as it is."""
    decision = await judge(PATCHES, DENIES, RAISES, rules=[RULE], mode="shadow")
    assert (decision.verdict.refusal, decision.verdict.cap) == (None, None)
    assert decision.verdict.shadow_by == ("rule r", "plugin a.py", "plugin b.py", "plugin c.py")
    broken = await judge(BROKEN, mode="shadow")
    assert broken.verdict.refusal is None
    assert "policies/d.py cannot be loaded" in broken.verdict.shadow[0]


async def test_files_that_cannot_be_trusted_deny_all(tmp_path: Path) -> None:
    """What others may write to is a policy that refuses every call."""
    folder = tmp_path / "policies"
    folder.mkdir(mode=0o700)
    (folder / "a.py").write_text(PATCHES.source)
    (folder / "a.py").chmod(0o666)
    made = policy_or_refusal(PolicySettings(), [], tmp_path)
    assert said(await made.judge(CALL, NOON))[0] == "policy_unavailable"
    (folder / "a.py").chmod(0o600)
    sound = policy_or_refusal(PolicySettings(), [], tmp_path)
    assert (await sound.judge(CALL, NOON)).verdict.cap == 9
    await sound.stop()


async def test_it_begins_once() -> None:
    """Whoever begins it again gets no other workers, and a failure is told each time."""
    made = Policy(PolicySettings(), [], [PATCHES])
    await made.begin()
    assert made._pool is not None
    workers = set(made._pool._tending)
    await made.begin()
    assert set(made._pool._tending) == workers
    await made.stop()
    with pytest.raises(PolicyError):
        await Policy(PolicySettings(), [], [BROKEN]).begin()
