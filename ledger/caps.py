"""Caps: what the calls of an account may ask for, beside what they may spend.

Owns: which caps there are and of which types, how they are stored, and whether a call keeps to
them. Pure. Refuses to know: APIs (providers say what a call asks for), budgets, rates.

An account's caps hold for everything below it: a call is held to those of its run, its agent and
every team above, each by itself, so that nobody can hand on more than he has. What is not known of
a call is not allowed where a cap asks for it; caps that cannot be read allow nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from ledger import egress_entries
from ledger.commands import Admit, Asked, Refusal
from ledger.events import canonical, storable
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Denied
from ledger.state import Agent, Token

GLOBS_MAX = 200
GLOB_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Caps:
    """None says nothing: allowed, or refused where `strict` is set. A limit that is None is none.

    models:           globs; a model is allowed under any name that it goes by.
    tool_names:       globs; naming a tool allows to have it, in strict mode too.
    tools:            any tools, whoever runs them; function_calling: those that the client runs.
    vision:           pictures and films, wherever they come from; documents with pages need it too.
    passthrough:      providers to which the agent's own key goes out.
    max_*_tokens:     of one request, by its upper bounds.
    egress_allow, egress_deny: hosts beside the providers (egress.py, egress_entries.py).
    """

    models: tuple[str, ...] | None = None
    tool_names: tuple[str, ...] | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    max_total_tokens: int | None = None
    streaming: bool | None = None
    tools: bool | None = None
    function_calling: bool | None = None
    vision: bool | None = None
    audio: bool | None = None
    documents: bool | None = None
    passthrough: bool | None = None
    strict: bool | None = None
    egress_allow: tuple[str, ...] | None = None
    egress_deny: tuple[str, ...] | None = None


HOSTS = ("egress_allow", "egress_deny")
GLOBS = ("models", "tool_names", *HOSTS)
COUNTS = ("max_input_tokens", "max_output_tokens", "max_total_tokens")
FLAGS = tuple(each.name for each in fields(Caps) if each.name not in (*GLOBS, *COUNTS))
NAMES = (*GLOBS, *COUNTS, *FLAGS)


def unfit(given: Mapping[str, Any] | None) -> str:
    """Why this cannot be anybody's caps; "" where it can. None in it takes a cap away."""
    for name, value in (given or {}).items():
        if name not in NAMES:
            return f"there is no cap {name!r}; there are {', '.join(NAMES)}"
        if value is None:
            continue
        if name in GLOBS and not _are_globs(value):
            return (
                f"{name} is a list of up to {GLOBS_MAX} patterns, each of 1 to {GLOB_LENGTH_MAX} "
                "characters"
            )
        if name in HOSTS and (problem := egress_entries.unfit(value)):
            return f"{name}: {problem}"
        if name in COUNTS and not (type(value) is int and 0 < value <= MAX_NANOUSD):
            return f"{name} is a whole number above 0"
        if name in FLAGS and type(value) is not bool:
            return f"{name} is true or false"
    return ""


def _are_globs(value: object) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > GLOBS_MAX:
        return False
    return all(
        isinstance(each, str) and 0 < len(each) <= GLOB_LENGTH_MAX and storable(each)
        for each in value
    )


def changed(text: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Stored caps with these changes, as the log holds them; what nobody changes stays.

    Changes that name all caps leave nothing, not even of what cannot be read.
    """
    old = json.loads(text) if text and changes.keys() != set(NAMES) else {}
    new = {**old, **{name: _plain(value) for name, value in changes.items()}}
    return {name: value for name, value in new.items() if value is not None}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def stored(caps: Mapping[str, Any] | None) -> str:
    """The text of a row; "" where there are none."""
    return canonical(caps) if caps else ""


@lru_cache(maxsize=1024)
def parse(text: str) -> Caps | None:
    """The caps of a row; None where they are of another program, or of a wrong type."""
    try:
        found: Any = json.loads(text) if text else {}
        if not isinstance(found, dict) or unfit(found):
            return None
    except ValueError:
        return None
    typed: dict[str, Any] = {
        name: tuple(value) if name in GLOBS else value for name, value in found.items()
    }
    return Caps(**typed)


def decide(command: Admit, token: Token, levels: Sequence[Agent]) -> tuple[Denied | None, int]:
    """The output cap that all levels' caps allow, or the denial of the first that refuses."""
    cap = command.quote.output_tokens_cap
    for level in levels:
        if not level.caps:
            continue
        refusal, cap = _held(parse(level.caps), command, levels[0].on_short_budget == "clamp", cap)
        if refusal is not None:
            return Denied(
                command.execution_id,
                token.agent,
                refusal.status,
                refusal.code,
                refusal.message,
                level.name,
                account_kind=level.kind,
            ), 0
    return None, cap


def allow_tool(held: Sequence[str], tool: str) -> bool:
    """Whether a call of this tool, run by a server, would keep to all of these stored caps."""
    asked = Asked(functions=frozenset(), server_tools=frozenset((tool,)))
    each = [parse(text) for text in held]
    return all(caps is not None and _tools(caps, asked) is None for caps in each)


def _held(caps: Caps | None, command: Admit, clamps: bool, cap: int) -> tuple[Refusal | None, int]:
    if caps is None:
        return _refusal("caps_unreadable", "its caps cannot be read by this AEX"), 0
    asked = command.asked
    refusal = (
        _models(caps, asked)
        or _switches(caps, asked)
        or _tools(caps, asked)
        or _too_much("input", asked.input_tokens, caps.max_input_tokens)
        or _too_much("total", asked.input_tokens, caps.max_total_tokens)
    )
    if refusal is not None:
        return refusal, 0
    return _output(caps, command, clamps, cap)


def _refusal(code: str, message: str) -> Refusal:
    return Refusal(403, code, message)


def _granted(flag: bool | None, strict: bool | None) -> bool:
    return not strict if flag is None else flag


def _models(caps: Caps, asked: Asked) -> Refusal | None:
    if caps.models is None and not caps.strict:
        return None
    globs = caps.models or ()
    if asked.models is None:
        return _refusal("model_not_allowed", "which model it asks is not known")
    for names in asked.models:
        if not any(fnmatchcase(name, glob) for name in names for glob in globs):
            shown = min(names, key=len, default="")[:100]
            return _refusal("model_not_allowed", f"the model {shown!r} is not one of those allowed")
    return None


def _is_asked(media: frozenset[str] | None, *kinds: str) -> bool:
    return media is None or not media.isdisjoint(kinds)


_SWITCHES: tuple[tuple[str, str, Callable[[Asked], bool]], ...] = (
    ("streaming", "streams are", lambda asked: asked.stream is not False),
    ("vision", "pictures or films are", lambda asked: _is_asked(asked.media, "image", "video")),
    ("audio", "sound is", lambda asked: _is_asked(asked.media, "audio", "video")),
    ("documents", "documents are", lambda asked: _is_asked(asked.media, "document")),
    ("passthrough", "the agent's own key is", lambda asked: asked.passthrough is not False),
)


def _switches(caps: Caps, asked: Asked) -> Refusal | None:
    for name, what, is_asked in _SWITCHES:
        if not _granted(getattr(caps, name), caps.strict) and is_asked(asked):
            return _refusal(f"{name}_not_allowed", f"{what} not allowed")
    return None


def _tools(caps: Caps, asked: Asked) -> Refusal | None:
    ours, theirs = asked.functions, asked.server_tools
    if ours == theirs == frozenset():
        return None
    strict = caps.strict and caps.tool_names is None
    if not _granted(caps.tools, strict):
        return _refusal("tools_not_allowed", "tools are not allowed")
    if ours != frozenset() and not _granted(caps.function_calling, strict):
        return _refusal("function_calling_not_allowed", "function calling is not allowed")
    if caps.tool_names is None:
        return None
    if ours is None or theirs is None:
        return _refusal("tool_not_allowed", "the names of its tools are not known")
    for name in sorted(ours | theirs):
        if not any(fnmatchcase(name, glob) for glob in caps.tool_names):
            return _refusal("tool_not_allowed", f"the tool {name[:100]!r} is not allowed")
    return None


def _too_much(what: str, tokens: int | None, limit: int | None) -> Refusal | None:
    if limit is None or (tokens is not None and tokens <= limit):
        return None
    may_be = "unknown" if tokens is None else f"up to {tokens}"
    words = "input and output are" if what == "total" else f"{what} is"
    return _refusal(
        f"{what}_tokens_above_cap",
        f"its {words} {may_be} tokens by AEX's upper bound, and {limit} a request are allowed",
    )


def _output(caps: Caps, command: Admit, clamps: bool, cap: int) -> tuple[Refusal | None, int]:
    """Where the cap can be written into the request, it is made smaller rather than refused."""
    asked, quote, sent = command.asked, command.quote, command.asked.input_tokens or 0
    for what, beside, limit in (
        ("output", 0, caps.max_output_tokens),
        ("total", sent, caps.max_total_tokens),
    ):
        made = cap * quote.choices if asked.output_clampable else asked.output_tokens
        refusal = _too_much(what, None if made is None else beside + made, limit)
        if refusal is None or limit is None:
            continue
        smaller = (limit - beside) // max(quote.choices, 1)
        least = max(quote.output_tokens_least, 1)
        if not clamps or not asked.output_clampable or smaller < least:
            return refusal, 0
        cap = smaller
    return None, cap
