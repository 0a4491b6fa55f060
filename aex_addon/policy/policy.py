"""One generation of the policy: rules and plugins that decide together, and are exchanged together.

Owns: the order (rules, then plugins), what of both is in shadow, and the hash of a decision.
Refuses to know: where calls come from (judgement.py), how one rule or one plugin decides.

Where a plugin cannot be read or loaded, or does not answer, calls are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import orjson

from aex_addon.policy import digest, files, findings, spoken
from aex_addon.policy.context import Context, at_time
from aex_addon.policy.files import PluginFile, PolicyError
from aex_addon.policy.findings import BUSY, UNAVAILABLE, Finding, Verdict
from aex_addon.policy.kinds import Kind, Kinds
from aex_addon.policy.pool import Busy, Pool, Unavailable
from aex_addon.policy.rules import Rule
from aex_addon.settings_rules import PolicySettings, RuleSettings
from ledger.commands import Refusal
from ledger.events import Unstorable

_BUSY = "too many calls wait for the plugins"
_NO_TEXT = Refusal(403, UNAVAILABLE, "the call names something that is no proper text")
_PLUGINS = "plugins"


class Decision(NamedTuple):
    """A verdict with its hash (hex), and how it came about."""

    verdict: Verdict
    digest: str
    findings: tuple[Finding, ...] = ()


class Policy:
    """Never changed, but for the workers behind it."""

    def __init__(
        self,
        settings: PolicySettings,
        rules: Sequence[RuleSettings],
        plugins: Sequence[PluginFile] = (),
        problem: str = "",
    ) -> None:
        self.plugins = tuple(plugins)
        self.problem = problem
        self.shadow = settings.mode == "shadow"
        self.rules = tuple(Rule(rule, shadow=self.shadow) for rule in rules)
        self.digest = digest.of_policy(
            [rule.model_dump(mode="json", by_alias=True, exclude_none=True) for rule in rules],
            [(plugin.name, plugin.sha256) for plugin in plugins],
        )
        self._kinds = Kinds(self.digest, self.rules)
        self._pool = Pool(self.plugins, settings) if plugins else None
        self._beginning = asyncio.Lock()
        self._begun = self._pool is None

    @property
    def asks(self) -> bool:
        """False where there is nothing that could refuse a call."""
        return bool(self.rules or self.plugins or self.problem)

    @property
    def names_tools(self) -> bool:
        """Whether some rule forbids tools by their names."""
        return any(rule.names_tools and not rule.shadow for rule in self.rules)

    def leaves(self, context: Context, at: datetime) -> bool:
        """Whether no rule forbids the tools in it by their names; plugins are not asked."""
        naming = (rule for rule in self.rules if rule.names_tools and not rule.shadow)
        return all(rule.find(context, at).decision != "deny" for rule in naming)

    async def begin(self) -> None:
        """Starts the plugins' workers, once. Raises PolicyError where one cannot be loaded."""
        async with self._beginning:
            if self._begun or self._pool is None:
                return
            try:
                await self._pool.begin()
            except PolicyError as error:
                self.problem, self._begun = str(error), True
                raise
            self._begun = True

    async def retire(self) -> None:
        """Ends the workers once nobody asks them any more."""
        if self._pool is not None:
            await self._pool.retire()

    async def stop(self) -> None:
        """Ends the workers now."""
        if self._pool is not None:
            await self._pool.stop()

    async def judge(self, context: Context, at: datetime) -> Decision:
        """The verdict on a call at this time. Never raises for what plugins do."""
        kind = self._kinds.of(context)
        found = [rule.find(context, at) for rule in kind.rules]
        verdict = findings.together(found)
        if verdict.refusal is None and (self.problem or self._pool is not None):
            found += await self._ask(context, at)
            verdict = findings.together(found)
        return Decision(*self._hashed(kind, context, found, verdict), tuple(found))

    def _hashed(
        self, kind: Kind, context: Context, found: Sequence[Finding], verdict: Verdict
    ) -> tuple[Verdict, str]:
        """The verdict and the hash of the decision, "" where there can be none."""
        try:
            if kind.digest:
                return verdict, digest.of_decision(kind.digest, context, found, verdict)
        except Unstorable:
            pass
        return verdict if self.shadow else Verdict(_NO_TEXT, "context"), ""

    async def _ask(self, context: Context, at: datetime) -> list[Finding]:
        """What each plugin says; one finding for all where none could be asked."""
        if self.problem:
            return [self._failed(self.problem)]
        if self._pool is None:
            return []
        try:
            if not self._begun:
                await self.begin()
            document = orjson.dumps(at_time(context.document(), at))
            told = await self._pool.ask(context.payer.agent, document)
        except orjson.JSONEncodeError:
            return [self._failed(_NO_TEXT.message)]
        except (Unavailable, PolicyError) as error:
            return [self._failed(str(error))]
        except Busy:
            return [self._failed(_BUSY, BUSY)]
        return [
            spoken.finding(plugin.name, said, context, shadow=self.shadow)
            for plugin, said in zip(self.plugins, told, strict=True)
        ]

    def _failed(self, reason: str, code: str = UNAVAILABLE) -> Finding:
        return Finding(_PLUGINS, "deny", reason, self.shadow, code)


def policy_of(settings: PolicySettings, rules: Sequence[RuleSettings], home: Path) -> Policy:
    """The policy of a home, its plugins read and not yet begun. Raises PolicyError."""
    return Policy(settings, rules, files.read(home))


def policy_or_refusal(
    settings: PolicySettings, rules: Sequence[RuleSettings], home: Path
) -> Policy:
    """The same; where plugins cannot be read, it is a policy that refuses every call."""
    try:
        return policy_of(settings, rules, home)
    except PolicyError as error:
        return Policy(settings, rules, problem=str(error))


NONE = Policy(PolicySettings(), ())
