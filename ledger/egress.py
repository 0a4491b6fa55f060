"""Egress: may an account reach this host beside the providers?

Owns: the decision by the lists of every level, and who may begin anything at all. Pure.
Refuses to know: addresses that nobody may reach, look-ups, tunnels (aex_addon/egress.py).

A list holds for everything below its account: every level must allow a host, and one that denies
it is enough. In strict mode what no list allows is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.admission import lineage, serving, standing
from ledger.caps import parse
from ledger.egress_entries import Address, held
from ledger.outcomes import Denied
from ledger.state import Agent, State

_SAID = {"denied": "is denied", "unlisted": "is not one of those allowed"}
_CODES = {"denied": "egress_denied", "unlisted": "egress_not_allowed"}


class Payer(NamedTuple):
    """Who a token stands for. levels: its account and all above it, nearest first."""

    agent: str
    levels: tuple[Agent, ...]

    @property
    def account(self) -> str:
        """The agent, or the run below it."""
        return self.levels[0].name


def payer(state: State, token_hash: str, claimed: str | None, now: int) -> Payer | Denied:
    """Whom the token stands for, or why it may begin nothing, as admission would say it.

    claimed: the agent's name beside the token, where the client gave one.
    """
    token = state.tokens.get(token_hash)
    if token is None:
        return Denied("", None, 401, "token_unknown")
    levels = lineage(state, token.account)
    denial = standing("", claimed, token, levels, now) or serving("", token.agent, levels)
    return denial or Payer(token.agent, tuple(levels))


def decide(levels: Sequence[Agent], host: str, port: int, address: Address | None) -> Denied | None:
    """The denial of the first level that refuses; without an address only what is sure already."""
    for level in levels:
        if not level.caps:
            continue
        caps = parse(level.caps)
        if caps is None:
            return _denied(level, "caps_unreadable", "its caps cannot be read by this AEX")
        allow = () if caps.egress_allow is None and caps.strict else caps.egress_allow
        found = held(allow, caps.egress_deny, host, port, address)
        if found:
            return _denied(level, _CODES[found], f"the host {host[:100]!r} {_SAID[found]}")
    return None


def _denied(level: Agent, code: str, message: str) -> Denied:
    return Denied("", None, 403, code, message, level.name, account_kind=level.kind)
