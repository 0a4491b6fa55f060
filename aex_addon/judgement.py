"""Holding a call against the operator's policy, before the ledger is asked.

Owns: what of a call a policy is told, whose call it is, and what a verdict makes of the command:
a refusal, or a smaller output cap that caps, price and budget are then held against.
Refuses to know: how a policy decides (policy/), how the ledger does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from aex_addon.parts import Parts
from aex_addon.policy.context import Context, Payer
from aex_addon.policy.findings import UNAVAILABLE
from aex_addon.policy.policy import Decision
from aex_addon.routes import Route
from ledger.commands import Admit, Judged, Refusal
from ledger.errors import LedgerError
from ledger.state import Agent
from providers.wire import Call

_PAYERS_MAX = 10_000
_SHADOW_MAX = 16
_NOBODY = Refusal(403, UNAVAILABLE, "whose call it is was not known when the policy was asked")


class Judgement:
    """One of a gateway."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        # Whose a token is never changes.
        self._payers: dict[str, Payer] = {}

    async def judged(self, command: Admit, call: Call, route: Route | None = None) -> Admit:
        """The command as the policy leaves it. What AEX itself refuses needs no policy.

        route: where the call goes; None where AEX answers it.
        """
        if not self._parts.configuration.policy.asks or command.refusal is not None:
            return command
        payer = self._payers.get(command.token_hash) or await self._payer(command.token_hash)
        if payer is None:
            # The ledger knows no such token either, and says so before it looks at this.
            return command._replace(refusal=_NOBODY)
        # The one in force now: a next try may come late, when the workers of the one that the
        # request began with have ended, and what has just been forbidden is not asked any more.
        policy = self._parts.configuration.policy
        decision = await policy.judge(context(command, call, route, payer), self._parts.now())
        return decided(command, decision)

    def tools_left(
        self, command: Admit, call: Call, route: Route | None
    ) -> Callable[[str], bool] | None:
        """Which tools rules leave to whoever makes this call, by `SERVER/TOOL`; None: all."""
        policy, payer = self._parts.configuration.policy, self._payers.get(command.token_hash)
        if payer is None or not policy.names_tools:
            return None
        about, at = context(command, call, route, payer), self._parts.now()

        def left(tool: str) -> bool:
            asked = replace(about.asked, server_tools=frozenset((tool,)))
            return policy.leaves(about._replace(asked=asked), at)

        return left

    async def _payer(self, token_hash: str) -> Payer | None:
        try:
            found = await self._parts.books.call(lambda store: store.lineage(token_hash))
        except LedgerError:
            return None
        if found is None:
            return None
        payer = payer_of(*found)
        if len(self._payers) >= _PAYERS_MAX:
            self._payers.clear()
        self._payers[token_hash] = payer
        return payer


def payer_of(agent: str, levels: Sequence[Agent]) -> Payer:
    """levels: the account that pays first, and those above it."""
    teams = tuple(level.name for level in levels if level.kind == "team")
    return Payer(agent, levels[0].name, teams)


def context(command: Admit, call: Call, route: Route | None, payer: Payer) -> Context:
    """What the policy is told of a call."""
    hosts: tuple[str, ...] = ()
    if route is not None and call.provider == route.id:
        hosts = _names(route.host, route.provider.hosts)
    return Context(
        payer=payer,
        provider=command.provider,
        hosts=hosts,
        method=call.method,
        path=call.path,
        canonical=call.route,
        endpoint=command.endpoint,
        alias=command.alias,
        asked=command.asked,
        quote=command.quote,
        # Where it is not known whether a call streams, nothing of it is.
        cost_known=command.metered or command.asked.stream is not None,
    )


@lru_cache(maxsize=1024)
def _names(host: str, public: tuple[str, ...]) -> tuple[str, ...]:
    host = host.lower()
    return (host,) if host in public else tuple(sorted({host, *public}))


def decided(command: Admit, decision: Decision) -> Admit:
    """The command with the verdict in it."""
    verdict, quote, asked = decision.verdict, command.quote, command.asked
    judged = Judged(decision.digest, verdict.shadow[:_SHADOW_MAX], verdict.obligations)
    if verdict.refusal is not None:
        return command._replace(refusal=verdict.refusal, judged=judged)
    if verdict.cap is None:
        return command._replace(judged=judged)
    spared = quote.choices * (quote.output_tokens_cap - verdict.cap)
    return command._replace(
        quote=replace(quote, output_tokens_cap=verdict.cap),
        asked=replace(asked, output_tokens=quote.choices * verdict.cap),
        tokens_max=command.tokens_max - spared,
        judged=judged,
    )
