"""Agents that read statuses their own way, and what they are answered instead.

Owns: the table below, keyed by what the agent says it is. Refuses to know: wire formats.
An entry stands here only if it was measured; it changes the shape of a denial, never the decision.

Codex (User-Agent `codex_...`) sends a call six times on 401, 402, 403, 404, 413, 422 and 423, and
thirty times on a 5xx; it does not heed `x-should-retry`. What it takes as final is a 400, whose
body it prints, and a 429 with the code `insufficient_quota`, for which it shows a text of its own.
So the one stands for an empty budget, and the other for all else. The 426 that makes it leave
WebSockets for HTTP stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from providers.wire import Denial


@dataclass(frozen=True, slots=True)
class Quirk:
    """How agents whose User-Agent begins with `agent` are told a final denial.

    takes:     statuses that it understands, which stay.
    by_status: the status and the code for some others.
    otherwise: the status for all the rest; the code stays.
    """

    agent: str
    takes: frozenset[int]
    by_status: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    otherwise: int = 400


QUIRKS = (
    Quirk(
        "codex",
        takes=frozenset((400, 426, 429)),
        by_status={402: (429, "insufficient_quota")},
    ),
)


def adjust(denial: Denial, user_agent: str) -> Denial:
    """The denial as this agent takes it best; the same object where there is nothing to change."""
    name = user_agent.lower()
    quirk = next((quirk for quirk in QUIRKS if name.startswith(quirk.agent)), None)
    if denial.retryable or quirk is None or denial.status in quirk.takes:
        return denial
    status, code = quirk.by_status.get(denial.status, (quirk.otherwise, denial.code))
    return replace(denial, status=status, code=code, retry_after=None)
