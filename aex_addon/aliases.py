"""Aliases: a name for a model, at AEX's own address, and the providers' models that it leads to.

Owns: what [routes.NAME] of aex.toml makes of a request that names NAME, and every mistake in it.
Nothing is translated: a request goes only to where the same API is spoken, with the model's name
written anew in its body and all else as it was.
Refuses to know: which of the choices is taken when (pipeline.py, fallback.py), sockets.

Only AEX's own address knows aliases. Whoever addresses a provider itself gets that provider.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from hashlib import sha256

from aex_addon.routes import Route, Routes
from aex_addon.settings import Settings
from aex_addon.settings_tables import RouteSettings
from aex_addon.settings_values import ConfigError
from ledger.commands import Refusal
from providers.jsonbody import MAX_MODEL_CHARS, parse_object
from providers.paths import canonical, of_openai
from providers.prices import PriceBook, UnknownPrice
from providers.registry import find
from providers.wire import Call, Refused

# The provider at whose base URL aliases are known: `/v1` and `/openai/v1` lead to it.
HOME = "openai"

# The APIs of which AEX knows that others than their inventor speak them.
SHARED_PATHS = ("/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/responses")


@dataclass(frozen=True, slots=True)
class Choice:
    """One way in which a call can go.

    call:      as this provider is asked it.
    alias, model, route_tag: its name, the model it led to, and a short hash of where that is.
    refusal:   why it cannot go that way at all.
    """

    route: Route
    call: Call
    alias: str = ""
    model: str = ""
    route_tag: str = ""
    refusal: Refusal | None = None


# A choice that is made when it is asked for: each has a body of its own.
Way = Callable[[], Choice]


@dataclass(frozen=True, slots=True)
class Alias:
    """One [routes.NAME]."""

    name: str
    targets: tuple[tuple[Route, str], ...]
    settings: RouteSettings = field(repr=False)


class Aliases:
    """All of a configuration."""

    def __init__(self, table: Mapping[str, Alias]) -> None:
        self._table = table

    def __iter__(self) -> Iterator[Alias]:
        return iter(self._table.values())

    def of(self, name: str) -> Alias | None:
        """The alias of this name."""
        return self._table.get(name)

    def choices(self, call: Call, route: Route) -> tuple[Choice, tuple[Way, ...]]:
        """In which way a call to AEX's own address goes, and in which it can go else, best first.

        Never raises for what clients send: a body that cannot be read names no alias.
        """
        found = self._asked(call) if route.id == HOME and self._table else None
        if found is None:
            return Choice(route, call), ()
        alias, document = found
        first, *others = (
            partial(_choice, alias, call, document, target, model)
            for target, model in alias.targets
        )
        return first(), tuple(others)

    def _asked(self, call: Call) -> tuple[Alias, dict[str, object]] | None:
        if call.method != "POST":
            return None
        try:
            document = parse_object(call.body)
        except Refused:
            return None
        name = document.get("model")
        alias = self._table.get(name) if isinstance(name, str) else None
        return (alias, document) if alias is not None else None


def _choice(
    alias: Alias, call: Call, document: Mapping[str, object], route: Route, model: str
) -> Choice:
    body = json.dumps({**document, "model": model}, ensure_ascii=False, separators=(",", ":"))
    path = of_openai(route.provider, call.path)
    asked = _at(call, route, path or call.path, body.encode())
    refusal = None if path is not None and _speaks(route, asked) else _mismatch(alias, route, call)
    return Choice(route, asked, alias.name, model, _tag(route, model), refusal)


def _at(call: Call, route: Route, path: str, body: bytes) -> Call:
    theirs, model = canonical(route.provider.nests, path)
    return replace(
        call,
        provider=route.id,
        path=path,
        canonical=theirs,
        path_model=model,
        host=route.host,
        body=body,
    )


def _speaks(route: Route, call: Call) -> bool:
    return find(call, route.provider.formats) is not None


def _mismatch(alias: Alias, route: Route, call: Call) -> Refusal:
    message = (
        f"The model {alias.name!r} leads to {route.id}, which does not speak {call.path}, and "
        "nothing is translated. Use an API that it speaks, or another model."
    )
    return Refusal(403, "route_mismatch", message)


def _tag(route: Route, model: str) -> str:
    where = f"{route.id}/{model} {route.scheme}://{route.host}:{route.port}{route.base_path}"
    return sha256(where.encode()).hexdigest()[:16]


def aliases(settings: Settings, routes: Routes, prices: PriceBook, at: datetime) -> Aliases:
    """The table. Raises ConfigError with every mistake that can be known before a call."""
    problems: list[str] = []
    table: dict[str, Alias] = {}
    for name, wish in settings.routes.items():
        found: list[tuple[Route, str]] = []
        wrong = [] if _nameable(name) else ["its name is not 1 to 256 printable characters"]
        for target in wish.to:
            try:
                found.append(_target(target, settings, routes, prices, at))
            except ValueError as error:
                wrong.append(f"{target!r} {error}")
        problems += [f'aex.toml: routes."{name}": {each}' for each in wrong]
        table[name] = Alias(name, tuple(found), wish)
    if problems:
        raise ConfigError(tuple(problems))
    return Aliases(table)


def _nameable(name: str) -> bool:
    return 0 < len(name) <= MAX_MODEL_CHARS and name.isprintable()


def _target(
    target: str, settings: Settings, routes: Routes, prices: PriceBook, at: datetime
) -> tuple[Route, str]:
    """Raises ValueError, the end of a sentence that begins with the target."""
    provider, _, model = target.partition("/")
    known = {each.id for each in routes.providers}
    if provider not in known:
        near = difflib.get_close_matches(provider, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"names no provider that AEX knows{hint}")
    route = routes.by_id(provider)
    if route is None:
        raise ValueError(f"has no address; name it as upstream of [providers.{provider}]")
    if not any(_speaks_at(route, path) for path in SHARED_PATHS):
        raise ValueError("speaks none of OpenAI's APIs, and nothing is translated")
    if route.credentials.of_agent:
        raise ValueError("takes the agent's own key, which AEX's own address does not carry")
    if settings.unpriced_models == "refuse":
        try:
            prices.price(provider, model, at)
        except UnknownPrice as unknown:
            raise ValueError(f"has no price. {unknown.remedy}") from None
    return route, model


def _speaks_at(route: Route, path: str) -> bool:
    """Whether the provider speaks what OpenAI does at this path."""
    theirs = of_openai(route.provider, path)
    probe = Call(HOME, "POST", path, "", {}, b"")
    return theirs is not None and _speaks(route, _at(probe, route, theirs, b""))
