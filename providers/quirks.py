"""Agents that read statuses their own way, and what they are answered instead.

Owns: the table below, keyed by what the agent says it is. Refuses to know: wire formats.
An entry stands here only if it was measured; it changes the shape of a denial, never the decision.

Codex (User-Agent `codex_...`) sends a call six times on 401, 402, 403, 404, 413, 422 and 423, does
not heed `x-should-retry`, but takes a 429 with the code `insufficient_quota` or a 400 once.
With the 429 it shows a text of its own; with the 400 it prints the body.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from providers.wire import Denial


@dataclass(frozen=True, slots=True)
class Quirk:
    """For agents whose User-Agent begins with `agent`: answer `status` by `instead`."""

    agent: str
    status: int
    instead: int
    code: str | None = None


QUIRKS = (
    Quirk("codex", 402, 429, "insufficient_quota"),
    Quirk("codex", 403, 400),
    Quirk("codex", 423, 400),
)


def adjust(denial: Denial, user_agent: str) -> Denial:
    """The denial as this agent takes it best; the same object where there is nothing to change."""
    if denial.retryable:
        return denial
    for quirk in QUIRKS:
        if denial.status == quirk.status and user_agent.lower().startswith(quirk.agent):
            return replace(
                denial, status=quirk.instead, code=quirk.code or denial.code, retry_after=None
            )
    return denial
