"""Declarative rules: does one refuse this call?

Owns: what each condition of [[rules]] means. Pure: context and time in, a finding out.
Refuses to know: where rules are written (settings_rules.py), plugins.

A rule refuses the calls that fit all of its conditions and not all of `unless`. What is not known
of a call fits the conditions and does not fit `unless`, so that doubt refuses. One of many models
or tools is enough to fit; `unless` must hold for all of them. Case counts in `unless` alone, for a
provider may not mind it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import translate
from functools import lru_cache
from itertools import product
from urllib.parse import unquote

from aex_addon.policy.context import Context
from aex_addon.policy.findings import Finding, within
from aex_addon.policy.hours import Window
from aex_addon.settings_rules import Conditions, RuleSettings
from ledger.money import parse_usd, show_usd

_SLASHES = re.compile(r"[/\\]+")


class _Globs:
    """Patterns of a shell; any of them is enough."""

    def __init__(self, globs: Sequence[str], *, fold: bool) -> None:
        joined = "|".join(map(translate, globs))
        self._match = re.compile(joined, re.IGNORECASE if fold else 0).match

    def any(self, names: Iterable[str]) -> bool:
        """Whether one of the names fits."""
        match = self._match
        for name in names:  # noqa: SIM110 - any() makes a generator for each of a call's names
            if match(name):
                return True
        return False


class _Conditions:
    """Conditions of one rule, or of its `unless`."""

    def __init__(self, given: Conditions, *, fold: bool) -> None:
        def globs(names: list[str] | None) -> _Globs | None:
            return _Globs(names, fold=fold) if names else None

        self.agents, self.providers = globs(given.agents), globs(given.providers)
        self.hosts = globs(given.hosts)
        self.paths, self.models = globs(given.paths), globs(given.models)
        self.tools, self.streaming = globs(given.tools), given.streaming
        self.window = Window(given.hours) if given.hours else None

    def _about(self, context: Context, *accounts: str) -> bool:
        """What is always known. accounts: names of the payer that an agent may have chosen."""
        payer = context.payer
        if self.agents and not self.agents.any((payer.agent, *payer.teams, *accounts)):
            return False
        if self.providers and not self.providers.any((context.provider,)):
            return False
        return self.hosts is None or self.hosts.any(context.hosts)

    def fit(self, context: Context) -> bool:
        """Whether the call may be of this kind, whatever the time; unknown may be anything."""
        asked = context.asked
        if not self._about(context, context.payer.account):
            return False
        if self.paths and not self.paths.any(_spellings(context)):
            return False
        models = asked.models
        if self.models and models is not None and not any(map(self.models.any, models)):
            return False
        tools = _tools(context)
        if self.tools and tools is not None and not self.tools.any(_alike(tools)):
            return False
        return self.streaming is None or asked.stream is not (not self.streaming)

    def surely_fit(self, context: Context) -> bool:
        """Whether the call is of this kind, wholly and without doubt, whatever the time."""
        asked = context.asked
        if not self._about(context):
            return False
        if self.paths and not (_plain(context) and self.paths.any(_paths(context))):
            return False
        models, tools = asked.models, _tools(context)
        if self.models and (models is None or not all(map(self.models.any, models))):
            return False
        if self.tools and (tools is None or not all(self.tools.any((name,)) for name in tools)):
            return False
        return self.streaming is None or asked.stream is self.streaming


class Rule:
    """One of [[rules]]; shadow: that of the whole policy counts as the rule's own."""

    def __init__(self, given: RuleSettings, *, shadow: bool = False) -> None:
        self.by = f"rule {given.name}"
        self.shadow = shadow or given.mode == "shadow"
        self.reason = given.reason or ""
        self._match = _Conditions(given, fold=True)
        self._unless = _Conditions(given.unless, fold=False) if given.unless else None
        # Most rules let most calls pass, and say so in the same words.
        self._passes = {
            open_: Finding(self.by, "abstain", shadow=self.shadow, window=open_)
            for asked in range(3)
            for open_ in product((False, True), repeat=asked)
        }
        self._cost = None if given.max_cost_usd is None else parse_usd(given.max_cost_usd)
        # Whether it forbids calls of tools by their names, whatever these cost.
        names = self._match.tools is not None
        names = names or (self._unless is not None and self._unless.tools is not None)
        self.names_tools = names and self._cost is None

    def concerns(self, context: Context) -> bool:
        """False for a call that it lets pass at any time and at any cost."""
        if not self._match.fit(context):
            return False
        unless = self._unless
        return unless is None or unless.window is not None or not unless.surely_fit(context)

    def find(self, context: Context, at: datetime) -> Finding:
        """What it says of the call at this time, which is asked only where it counts."""
        if not self._match.fit(context):
            return self._passes[()]
        asked: tuple[bool, ...] = ()
        if self._match.window is not None:
            asked = (self._match.window.holds(at),)
            if not asked[-1]:
                return self._passes[asked]
        if self._unless and self._unless.surely_fit(context):
            if self._unless.window is None:
                return self._passes[asked]
            asked += (self._unless.window.holds(at),)
            if asked[-1]:
                return self._passes[asked]
        passes = self._passes[asked]
        if self._cost is None:
            reason = self.reason or "it is not allowed"
            return replace(passes, decision="deny", reason=reason)
        return self._held_to_cost(self._cost, context, passes)

    def _held_to_cost(self, limit: int, context: Context, passes: Finding) -> Finding:
        cap = within(context, nanousd=limit)
        if cap == context.quote.output_tokens_cap:
            return passes
        cost = context.cost_max_nanousd
        shown = "an unknown amount" if cost is None else f"up to {show_usd(cost)}"
        if cap >= 0:
            reason = f"{cap} output tokens at the most, for it may cost {shown}"
            return replace(passes, decision="lower", reason=reason, cap=cap)
        reason = f"it may cost {shown}, and {show_usd(limit)} a call is allowed"
        reason = f"{self.reason} ({reason})" if self.reason else reason
        return replace(passes, decision="deny", reason=reason)


def _tools(context: Context) -> frozenset[str] | None:
    """All names of tools; None where one of them is not known."""
    ours, theirs = context.asked.functions, context.asked.server_tools
    return None if ours is None or theirs is None else ours | theirs


def _alike(tools: frozenset[str]) -> frozenset[str]:
    """The names, and those that some server could take them for."""
    plain = (unicodedata.normalize("NFKC", name).split("/") for name in tools)
    return tools | {"/".join(map(str.strip, each)) for each in plain}


def _paths(context: Context) -> tuple[str, ...]:
    return (context.path, context.canonical)


def _spellings(context: Context) -> tuple[str, ...]:
    """The path as any server could take it: with its escapes undone, without empty segments."""
    return (*_paths(context), *map(_tidy, _paths(context)))


def _plain(context: Context) -> bool:
    """False for a path that a server might read otherwise than it is written."""
    segments = context.path.split("/")
    return _tidy(context.path) == context.path and not {".", ".."} & set(segments)


@lru_cache(maxsize=1024)
def _tidy(path: str) -> str:
    kept: list[str] = []
    for segment in _SLASHES.split(unquote(path)):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)
