"""The decision hash: the same request, account, rules and plugins give the same one anywhere.

Owns: what is hashed, and in which form: canonical JSON (RFC 8785), SHA-256.
Refuses to know: how the verdict came about. Pure.

Time is no part of it, only whether the windows that a rule asks for were open. Neither is the
wording of a failure, which may tell how long something took.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from aex_addon.policy.context import COUNTS, Context
from aex_addon.policy.findings import DENIED, PASSES, Finding, Verdict
from ledger.events import canonical


def of_policy(rules: Sequence[Mapping[str, Any]], plugins: Iterable[tuple[str, str]]) -> str:
    """The hash (hex) of all that decides. plugins: file name and SHA-256 of each."""
    decides = {"rules": list(rules), "plugins": [list(each) for each in plugins]}
    return hashed(canonical(decides))


def of_what(policy: str, context: Context) -> str:
    """The text of what is asked, but for counts, under a policy (its hash); see `hashed`.

    Raises Unstorable where a name is no proper text.
    """
    document = context.document()
    for count in COUNTS:
        del document[count]
    return canonical({"policy": policy, "context": document})


def of_decision(what: str, context: Context, findings: Sequence[Finding], verdict: Verdict) -> str:
    """The hash (hex) of one decision; what: that of `of_what`. What says nothing is left out.

    Raises Unstorable where a text of the verdict is no proper one.
    """
    asked = context.asked
    document: dict[str, Any] = {
        "what": what,
        "input_tokens_max": asked.input_tokens,
        "output_tokens_max": asked.output_tokens,
        "cost_max_nanousd": context.cost_max_nanousd,
    }
    windows = {found.by: list(found.window) for found in findings if found.window}
    if windows:
        document["windows"] = windows
    if verdict != PASSES:
        document["verdict"] = _said(verdict)
    return hashed(canonical(document))


def _said(verdict: Verdict) -> dict[str, Any]:
    refusal = verdict.refusal
    meant = refusal is not None and refusal.code == DENIED
    return {
        "decision": refusal.code if refusal else "passes",
        "by": verdict.by,
        "reason": refusal.message if refusal and meant else "",
        "output_tokens_cap": verdict.cap,
        "obligations": list(verdict.obligations),
        "shadow": list(verdict.shadow_by),
    }


def hashed(text: str) -> str:
    """SHA-256 (hex)."""
    return sha256(text.encode()).hexdigest()
