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

from aex_addon.policy.context import Context
from aex_addon.policy.findings import DENIED, Finding, Verdict
from ledger.events import canonical


def of_policy(rules: Sequence[Mapping[str, Any]], plugins: Iterable[tuple[str, str]]) -> str:
    """The hash (hex) of all that decides. plugins: file name and SHA-256 of each."""
    return _hash({"rules": list(rules), "plugins": [list(each) for each in plugins]})


def of_decision(
    policy: str, context: Context, findings: Sequence[Finding], verdict: Verdict
) -> str:
    """The hash (hex) of one decision. Raises Unstorable where a name is no proper text."""
    refusal = verdict.refusal
    meant = refusal is not None and refusal.code == DENIED
    return _hash(
        {
            "policy": policy,
            "context": context.document(),
            "windows": {found.by: list(found.window) for found in findings if found.window},
            "verdict": {
                "decision": refusal.code if refusal else "passes",
                "by": verdict.by,
                "reason": refusal.message if refusal and meant else "",
                "output_tokens_cap": verdict.cap,
                "obligations": list(verdict.obligations),
                "shadow": list(verdict.shadow_by),
            },
        }
    )


def _hash(document: Mapping[str, Any]) -> str:
    return sha256(canonical(document).encode()).hexdigest()
