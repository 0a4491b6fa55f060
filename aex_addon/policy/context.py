"""What a policy is asked about: one call, free of its API, its door and its text.

Owns: the value, and the document of it that plugins get and the decision hash covers.
Refuses to know: where its parts come from (judgement.py), what is decided.

None is unknown, as in `Asked`; whoever forbids must take it as what is forbidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ledger.commands import Asked, Quote

# Of the document; changed where a key changes its meaning.
VERSION = 1
# What of it differs between calls of one kind.
COUNTS = ("input_tokens_max", "output_tokens_max", "cost_max_nanousd")


class Payer(NamedTuple):
    """Whose call it is: the agent, the account that pays first (a run or the agent itself), and
    the teams above, nearest first."""

    agent: str
    account: str
    teams: tuple[str, ...] = ()


class Context(NamedTuple):
    """One call.

    hosts:     the names that the provider's address goes by: where the call goes, and where that is
               a place of the operator's own, the provider's public ones too.
    path:      as it is asked of the provider; canonical: as the format's inventor has it.
    alias:     the route by which it was asked, "" for none.
    cost_known: False where nothing is known of what it may cost.
    """

    payer: Payer
    provider: str
    hosts: tuple[str, ...]
    method: str
    path: str
    canonical: str
    endpoint: str
    alias: str
    asked: Asked
    quote: Quote
    cost_known: bool = True

    @property
    def cost_max_nanousd(self) -> int | None:
        """The most that it may cost with the output cap that it has now."""
        return self.quote.cost(self.quote.output_tokens_cap) if self.cost_known else None

    def document(self) -> dict[str, Any]:
        """As plugins get it, but for the time; sets are sorted, so that it is always the same."""
        asked, payer = self.asked, self.payer
        models = asked.models
        return {
            "version": VERSION,
            "agent": payer.agent,
            "account": payer.account,
            "teams": list(payer.teams),
            "provider": self.provider,
            "hosts": list(self.hosts),
            "method": self.method,
            "path": self.path,
            "canonical_path": self.canonical,
            "endpoint": self.endpoint,
            "alias": self.alias,
            "models": None if models is None else [sorted(names) for names in models],
            "stream": asked.stream,
            "input_tokens_max": asked.input_tokens,
            "output_tokens_max": asked.output_tokens,
            "output_can_be_lowered": asked.output_clampable,
            "cost_max_nanousd": self.cost_max_nanousd,
            "functions": _sorted(asked.functions),
            "server_tools": _sorted(asked.server_tools),
            "media": _sorted(asked.media),
            "own_key": asked.passthrough,
        }


def at_time(document: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The document with the time that plugins are told, to the second."""
    return {**document, "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _sorted(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)
