"""Why a call would be let through or refused: every step of its admission, with nothing sent.

Owns: reading a request that somebody wrote down, and the same steps that a gateway takes, told one
by one. Nothing is written to the ledger.
Refuses to know: how it is shown (cli/policy.py), how any of it is decided.

What a gateway alone remembers (files of batches, earlier turns of a conversation) is not known
here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from mitmproxy import http
from mitmproxy.connection import Client, Server

from aex_addon import denials, reading, tool_asked
from aex_addon.admission import question
from aex_addon.appraisal import Appraisal, appraise
from aex_addon.configuration import Configuration
from aex_addon.doors import OWN_PATHS, PATH, Arrival, arrival_at_home, arrival_by_url
from aex_addon.identity import Credential
from aex_addon.judgement import context, decided, payer_of
from aex_addon.policy.findings import Finding
from aex_addon.routes import Route
from aex_addon.tokens import token_hash
from aex_addon.trip import Trip
from ledger import admission, caps
from ledger.commands import Admit
from ledger.money import show_usd
from ledger.outcomes import Admitted, Denied
from ledger.state import Agent, State, Token
from providers.wire import Call, Facts

_KEYS = frozenset(("method", "url", "path", "provider", "headers", "body"))


class Unreadable(ValueError):
    """The request is none; a sentence."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of the steps. says: `passes`, `lowers`, `refuses` or `not asked`."""

    step: str
    says: str
    why: str = ""
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """All steps, and what they come to. document: what plugins are told, but for the time."""

    admitted: bool
    outcome: str
    steps: tuple[Step, ...]
    decision_hash: str = ""
    document: Mapping[str, Any] | None = None


async def explain(
    request: Mapping[str, Any],
    configuration: Configuration,
    books: State,
    agent: str,
    at: datetime,
    now_ns: int,
) -> Explanation:
    """What a call of this agent would come to. Raises Unreadable, LookupError for the agent.

    books: accounts, rates and tools. at: the time that rules and plugins are told; now_ns: that of
    the ledger.
    """
    payer = books.agents.get(agent)
    if payer is None or payer.kind != "agent":
        raise LookupError(agent)
    command, call, route = _question(request, configuration, books, agent, at)
    token = Token(token_hash(""), "", agent, "execution", "", 0, 0, 0, agent)
    state = replace(books, tokens={token.token_hash: token})
    steps = [_read(command)]
    levels = admission.lineage(state, agent)
    told, hashed = None, ""
    if command.refusal is not None:
        steps.append(Step("policy", "not asked", "it is refused already"))
    elif configuration.policy.asks:
        asked = context(command, call, route, payer_of(agent, levels))
        decision = await configuration.policy.judge(asked, at)
        told, hashed = asked.document(), decision.digest
        command = decided(command, decision)
        rules, found = configuration.policy.rules, decision.findings
        by_rule = {each.by: each for each in found}
        steps += [
            _said(by_rule.get(rule.by, Finding(rule.by, "abstain", shadow=rule.shadow)))
            for rule in rules
        ]
        steps += [_said(each) for each in found if each.by not in {rule.by for rule in rules}]
        if decision.verdict.refusal is not None and configuration.policy.plugins:
            asked_of = {found.by for found in decision.findings}
            steps += [
                Step(f"plugin {each.name}", "not asked", "a rule refuses it already")
                for each in configuration.policy.plugins
                if f"plugin {each.name}" not in asked_of and "plugins" not in asked_of
            ]
    steps.append(_caps(command, token, levels))
    outcome = admission.decide(state, command, now_ns)[1]
    admitted = isinstance(outcome, Admitted)
    return Explanation(admitted, _words(outcome), tuple(steps), hashed, told)


def _question(
    request: Mapping[str, Any], configuration: Configuration, books: State, agent: str, at: datetime
) -> tuple[Admit, Call, Route | None]:
    """What the ledger would be asked, and of which call; no route where AEX itself answers."""
    unknown = sorted(request.keys() - _KEYS)
    if unknown:
        raise Unreadable(f"unknown key {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}")
    arrival, settings = _arrival(request, configuration), configuration.settings
    if arrival.trouble:
        raise Unreadable(arrival.trouble)
    if arrival.door == "own" and arrival.path.partition("?")[0] in OWN_PATHS:
        message = _message(request, arrival.path)
        if message.method != "POST":
            raise Unreadable("tools are asked for by POST")
        asked = tool_asked.read(message, settings.body_limit_mib * 2**20)
        asked = tool_asked.with_tool(asked, books.tools.get(asked.wish.tool))
        command = tool_asked.command(asked, "", configuration, Credential("", agent))
        return command._replace(key_hash=""), asked.call, None
    trip = _trip(request, configuration, arrival, agent)
    choice = trip.choice
    formats = choice.route.provider.formats
    appraisal = appraise(choice.call, formats, configuration.prices, settings, at)
    if choice.refusal is not None:
        appraisal = Appraisal(Facts(choice.call.path, "free", choice.model), refusal=choice.refusal)
    command = question(trip, appraisal, "", at)._replace(key_hash="")
    return command, choice.call, choice.route


def _trip(
    request: Mapping[str, Any], configuration: Configuration, arrival: Arrival, agent: str
) -> Trip:
    routes = configuration.routes
    route = routes.of(arrival.provider, arrival.host) if arrival.provider else None
    if route is None:
        raise Unreadable("it goes to no provider that AEX governs, so nothing is asked of anybody")
    flow = http.HTTPFlow(
        Client(peername=("", 0), sockname=("", 0), timestamp_start=0.0), Server(address=None)
    )
    flow.request = _message(request, arrival.path)
    flow.metadata[PATH] = arrival.path
    return reading.read(flow, configuration, route, arrival.door, Credential("", agent))


def _arrival(request: Mapping[str, Any], configuration: Configuration) -> Arrival:
    """Where it would come in: a provider's own host, or a path at AEX's own address."""
    routes, wanted = configuration.routes, request.get("url", request.get("path"))
    if not isinstance(wanted, str) or ("url" in request) == ("path" in request):
        raise Unreadable('it needs either "url" or "path"')
    provider = request.get("provider")
    if "path" in request:
        if not wanted.startswith("/"):
            raise Unreadable('"path" begins with a slash')
        if provider is None:
            return arrival_at_home(routes, "", wanted)
        if not isinstance(provider, str) or routes.by_id(provider) is None:
            raise Unreadable(f"no provider {provider!r} has an address here")
        return Arrival("base-url", provider, wanted)
    parts = urlsplit(wanted)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unreadable('"url" is one of http or https')
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    listen = configuration.settings.listen_host
    if parts.hostname in ("localhost", "127.0.0.1", listen):
        return arrival_at_home(routes, "", path)
    return arrival_by_url(routes, parts.hostname, None, path, own=False)


def _message(request: Mapping[str, Any], path: str) -> http.Request:
    method, headers = request.get("method", "POST"), request.get("headers", {})
    body = request.get("body", "")
    if not isinstance(method, str) or not method.isalpha():
        raise Unreadable('"method" is a word, such as "POST"')
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise Unreadable('"headers" is a table of texts')
    content = body if isinstance(body, str) else json.dumps(body)
    given = {"content-type": "application/json", **{k.lower(): v for k, v in headers.items()}}
    return http.Request.make(method.upper(), f"http://aex{path}", content, given)


def _read(command: Admit) -> Step:
    if command.refusal is not None:
        refusal = command.refusal
        return Step("read", "refuses", f"{refusal.status} {refusal.code}: {refusal.message}")
    model = f" of {command.model}" if command.model else ""
    cost = show_usd(command.quote.cost(command.quote.output_tokens_cap))
    tokens = f"{command.input_tokens_max} tokens in"
    if command.quote.output_tokens_cap:
        tokens += f", {command.quote.output_tokens_cap} out"
    said = f"{command.provider} {command.endpoint}{model}: up to {tokens}, {cost}"
    return Step("read", "passes", said)


_SAYS = {"deny": "refuses", "lower": "lowers", "allow": "passes", "abstain": "passes"}


def _said(found: Finding) -> Step:
    why = found.reason
    if found.obligations:
        why = f"{why}; to be kept in mind: {', '.join(found.obligations)}".removeprefix("; ")
    return Step(found.by, _SAYS[found.decision], why, found.shadow)


def _caps(command: Admit, token: Token, levels: Sequence[Agent]) -> Step:
    if command.refusal is not None:
        return Step("caps", "not asked", "it is refused already")
    denied, cap = caps.decide(command, token, levels)
    if denied is not None:
        return Step("caps", "refuses", f"{denied.account}: {denied.message}")
    if cap < command.quote.output_tokens_cap:
        return Step("caps", "lowers", f"{cap} output tokens at the most")
    return Step("caps", "passes", "")


def _words(outcome: object) -> str:
    if isinstance(outcome, Admitted):
        reserved = show_usd(outcome.reserved_nanousd)
        return f"admitted: {reserved} reserved, {outcome.output_tokens_cap} output tokens at most"
    if isinstance(outcome, Denied):
        denial = denials.explain(outcome, {})
        return f"denied: {denial.status} {denial.code}: {denial.sentences}"
    return f"refused by the ledger: {outcome}"
