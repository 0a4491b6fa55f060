"""What a plugin answered, read strictly: anything but a proper answer is a denial.

Owns: the form of an answer, the patches that there are, and their limits. Pure.
Refuses to know: how the answer came (worker_process.py).

    {"decision": "allow" | "deny" | "abstain", "reason": TEXT,
     "patch": {"max_output_tokens": N, "max_cost_nanousd": N}, "obligations": [TEXT, …]}

Only the decision must be there. Both patches make the output cap smaller and do nothing else: to N
tokens of all answers together, or to what N nano-dollars carry.
"""

from __future__ import annotations

from typing import Any

from aex_addon.policy.context import Context
from aex_addon.policy.findings import UNAVAILABLE, Finding, within
from ledger.events import storable
from ledger.money import MAX_NANOUSD

PATCHES = ("max_output_tokens", "max_cost_nanousd")
OBLIGATIONS_MAX = 16
TEXT_MAX = 300
_KEYS = frozenset(("decision", "reason", "patch", "obligations"))


class _Wrong(Exception):
    """The answer is none; says why."""


def finding(name: str, spoken: Any, context: Context, *, shadow: bool) -> Finding:
    """What the plugin in file `name` says of the call. `spoken` is as JSON has it."""
    by = f"plugin {name}"
    if not isinstance(spoken, dict) or spoken.keys() != {"answer"}:
        said = spoken.get("error") if isinstance(spoken, dict) else None
        reason = said if _is_text(said) else "it failed"
        return Finding(by, "deny", str(reason), shadow, UNAVAILABLE)
    try:
        return _read(by, spoken["answer"], context, shadow)
    except _Wrong as wrong:
        return Finding(by, "deny", f"its answer is wrong: {wrong}", shadow, UNAVAILABLE)


def _read(by: str, answer: Any, context: Context, shadow: bool) -> Finding:
    if not isinstance(answer, dict):
        raise _Wrong("it is no dictionary")
    if not answer.keys() <= _KEYS:
        raise _Wrong(f"it may have {', '.join(sorted(_KEYS))}, and nothing else")
    decision, reason = answer.get("decision"), answer.get("reason")
    if decision not in ("allow", "deny", "abstain"):
        raise _Wrong("its decision is none of allow, deny, abstain")
    if reason is not None and not _is_text(reason):
        raise _Wrong(f"its reason is no text of up to {TEXT_MAX} characters")
    obligations = _obligations(answer.get("obligations"))
    cap, limits = _cap(answer.get("patch"), context)
    if decision == "deny":
        said = reason or "it says no"
        return Finding(by, "deny", said, shadow, obligations=obligations)
    if cap is None:
        return Finding(by, decision, reason or "", shadow, obligations=obligations)
    if cap < 0:
        said = f"the call cannot be held to its {limits}"
        return Finding(by, "deny", said, shadow, obligations=obligations)
    said = f"{cap} output tokens at the most"
    said = f"{reason} ({said})" if reason else said
    return Finding(by, "lower", said, shadow, cap=cap, obligations=obligations)


def _cap(patch: Any, context: Context) -> tuple[int | None, str]:
    """The output cap that a patch leaves; None where it changes nothing, -1 where it cannot be."""
    if patch is None:
        return None, ""
    if not isinstance(patch, dict) or not patch.keys() <= set(PATCHES):
        raise _Wrong(f"its patch may have {', '.join(PATCHES)}, and nothing else")
    for value in patch.values():
        if type(value) is not int or not 0 < value <= MAX_NANOUSD:
            raise _Wrong("its patch holds something else than whole numbers above 0")
    tokens, nanousd = (patch.get(key) for key in PATCHES)
    cap = within(context, tokens=tokens, nanousd=nanousd)
    return None if cap == context.quote.output_tokens_cap else cap, " and ".join(patch)


def _obligations(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > OBLIGATIONS_MAX or not all(map(_is_text, given)):
        raise _Wrong(
            f"its obligations are no list of up to {OBLIGATIONS_MAX} texts, "
            f"each of up to {TEXT_MAX} characters"
        )
    return tuple(given)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= TEXT_MAX and storable(value)
