"""What calls of one kind have in common: the rules that concern them, and most of their hash.

Owns: what makes two calls alike (all but counts of tokens and cost), and remembering kinds, for
calls of one kind come again and again.
Refuses to know: what a rule says of a call, how a decision is hashed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from aex_addon.policy import digest
from aex_addon.policy.context import Context
from aex_addon.policy.rules import Rule
from ledger.events import Unstorable

_KINDS_MAX = 1024
# Names are the client's: a kind with thousands of them is looked at anew each time.
_REMEMBERED_CHARS_MAX = 16_384


class Kind(NamedTuple):
    """rules: those that may say something of such a call; digest: the hash (hex) of what makes it
    one, "" where that is no proper text."""

    rules: tuple[Rule, ...]
    digest: str


class Kinds:
    """Those of one policy. policy: its hash."""

    def __init__(self, policy: str, rules: Iterable[Rule]) -> None:
        self._policy = policy
        self._rules = tuple(rules)
        self._known: dict[Hashable, Kind] = {}

    def of(self, context: Context) -> Kind:
        """The kind of this call."""
        key = _key(context)
        return self._known.get(key) or self._looked_at(key, context)

    def _looked_at(self, key: Hashable, context: Context) -> Kind:
        rules = tuple(rule for rule in self._rules if rule.concerns(context))
        try:
            text = digest.of_what(self._policy, context)
        except Unstorable:
            return Kind(rules, "")
        kind = Kind(rules, digest.hashed(text))
        if len(text) <= _REMEMBERED_CHARS_MAX:
            if len(self._known) >= _KINDS_MAX:
                self._known.clear()
            self._known[key] = kind
        return kind


def _key(context: Context) -> Hashable:
    """All that the hash of a kind is over, as it is: making that text is what it saves."""
    asked = context.asked
    return (
        context.payer,
        context.provider,
        context.hosts,
        context.method,
        context.path,
        context.canonical,
        context.endpoint,
        context.alias,
        asked.models,
        asked.stream,
        asked.output_clampable,
        asked.functions,
        asked.server_tools,
        asked.media,
        asked.passthrough,
    )
