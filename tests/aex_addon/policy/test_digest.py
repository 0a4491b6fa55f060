"""aex_addon/policy/digest.py: the same decision has the same hash anywhere, at any time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import rfc8785

from aex_addon.policy import digest
from aex_addon.policy.context import COUNTS, Context
from aex_addon.policy.findings import DENIED, PASSES, Finding, Verdict
from aex_addon.policy.policy import Policy
from aex_addon.settings_rules import PolicySettings, RuleSettings
from ledger.commands import Refusal
from ledger.events import Unstorable
from tests.aex_addon.policy.calls import NOON, call
from tests.aex_addon.policy.plugins import plugin

ROOT = Path(__file__).resolve().parents[3]
PLUGIN = plugin(
    "a.py",
    "names = {str(n) for n in range(50)} | set(context['functions'])",
    "return {'decision': 'allow', 'reason': ' '.join(names)[:300], 'patch': "
    "{'max_output_tokens': 7}, 'obligations': [next(iter(names))]}",
)
RULES = [
    {"name": "night", "hours": {"from": "20:00", "to": "06:00", "zone": "Europe/Berlin"}},
    {"name": "search", "mode": "shadow", "tools": ["t*"]},
]
MANY = call(functions=frozenset(f"tool{n}" for n in range(40)), media=frozenset(("a", "b", "c")))


def policy(*rules: dict[str, object], plugins: bool = True) -> Policy:
    given = [RuleSettings.model_validate(rule) for rule in rules or RULES]
    return Policy(PolicySettings(), given, [PLUGIN] if plugins else [])


async def hashed(made: Policy, context: Context = MANY, hours: int = 0) -> str:
    try:
        return (await made.judge(context, NOON + timedelta(hours=hours))).digest
    finally:
        await made.stop()


async def one() -> str:
    """What the other process prints."""
    return await hashed(policy(), hours=24 * 40)


async def test_another_process_comes_to_the_same(tmp_path: Path) -> None:
    """Another process, in another place, zone and order of sets, on another day: the same hash."""
    code = (
        "import asyncio, tests.aex_addon.policy.test_digest as t;"
        "print(asyncio.run(t.one()), hash('x'))"
    )
    told = set()
    for seed, zone in (("1", "Asia/Tokyo"), ("2", "America/New_York")):
        environ = {"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(ROOT)}
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code),
            env={"PATH": os.environ["PATH"], **environ},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
        )
        told.add(tuple((await done.communicate())[0].decode().split()))
    assert len({seed for _, seed in told}) == 2, "the order of sets differed"
    assert {found for found, _ in told} == {await hashed(policy())}


async def test_time_counts_as_far_as_it_was_asked_for() -> None:
    """Within a window every minute gives the same hash, and without one every day does."""
    assert await hashed(policy(), hours=1) == await hashed(policy())
    assert await hashed(policy(), hours=9) != await hashed(policy())
    costs = {"name": "r", "hours": RULES[0]["hours"], "max_cost_usd": "1"}
    assert await hashed(policy(costs), hours=9) != await hashed(policy(costs))
    anywhere = {"name": "r", "agents": ["x"], "hours": RULES[0]["hours"]}
    assert await hashed(policy(anywhere), hours=9) == await hashed(policy(anywhere))


async def test_whatever_decides_is_in_it() -> None:
    """Another request, account, rule, plugin or verdict gives another hash."""
    found = [
        await hashed(policy()),
        await hashed(policy(), call()),
        await hashed(policy(), MANY._replace(payer=MANY.payer._replace(account="shop"))),
        await hashed(policy(), MANY._replace(alias="fast")),
        await hashed(policy(plugins=False)),
        await hashed(policy(RULES[0])),
        await hashed(policy({**RULES[1], "mode": "enforce"})),
        await hashed(policy({**RULES[1], "reason": "no"})),
    ]
    assert len(set(found)) == len(found)


async def test_it_is_over_canonical_json() -> None:
    """Any other implementation of RFC 8785 gets the same bytes to hash."""
    document = MANY.document()
    counts = {key: document.pop(key) for key in COUNTS}
    what = rfc8785.dumps({"policy": "ab", "context": document})
    assert digest.of_what("ab", MANY).encode() == what
    verdict = Verdict(Refusal(403, DENIED, "no"), "rule r", obligations=("keep",))
    said = {
        "what": "cd",
        **counts,
        "windows": {"rule r": [True]},
        "verdict": {
            "decision": DENIED,
            "by": "rule r",
            "reason": "no",
            "output_tokens_cap": None,
            "obligations": ["keep"],
            "shadow": [],
        },
    }
    found = digest.of_decision("cd", MANY, [Finding("rule r", "deny", window=(True,))], verdict)
    assert found == sha256(rfc8785.dumps(said)).hexdigest()
    found = digest.of_decision("cd", MANY, [], PASSES)
    assert found == sha256(rfc8785.dumps({"what": "cd", **counts})).hexdigest()


async def test_how_a_failure_is_worded_is_no_part_of_it() -> None:
    """A plugin that fails gives the same hash, whatever its error says of this machine."""
    texts = [
        plugin("a.py", f"raise ValueError({text!r})", head="").source for text in ("one", "two")
    ]
    found = []
    for text in texts:
        made = Policy(PolicySettings(), [], [replace(PLUGIN, source=text, sha256="0")])
        found.append(await hashed(made))
    assert found[0] == found[1]


async def test_what_is_no_text_is_refused() -> None:
    """A name that no log could hold has no hash, so its call is denied."""
    odd = call(functions=frozenset(("\ud800",)))
    decision = await policy(RULES[0], plugins=False).judge(odd, NOON)
    assert decision.verdict.refusal is not None
    assert (decision.verdict.refusal.code, decision.digest) == ("policy_unavailable", "")
    watching = Policy(PolicySettings(mode="shadow"), [RuleSettings.model_validate(RULES[0])])
    assert (await watching.judge(odd, NOON)).verdict.refusal is None
    with pytest.raises(Unstorable):
        digest.of_what("", odd)
