"""What an MCP server answers an agent: no tools but those that its caps and rules allow.

Owns: joining the caps that a call was admitted under, and what rules leave, with the facts that its
meter goes by; which calls a stop of the gateway waits for.
Refuses to know: how an answer is read and written anew (providers/), how caps decide (ledger/) and
how rules do (policy/).

Both are those of the admission: what is changed later holds for later lists, and for a stream
of the server's own from the next one on. Each call of a tool is held to the caps of its own time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from aex_addon.appraisal import Appraisal
from aex_addon.inflight import InFlight
from aex_addon.trip import Trip
from ledger.caps import allow_tool
from ledger.outcomes import Admitted
from providers.mcp_lists import Shown
from providers.mcp_meter import McpFacts


def as_admitted(
    appraisal: Appraisal,
    trip: Trip,
    admitted: Admitted,
    tools_left: Callable[[], Shown | None] = lambda: None,
) -> Appraisal:
    """The appraisal with what is to be hidden in the answer, or moved; itself for all else.

    tools_left: tells which tools rules leave, by the name of the server and their own; None: all.
    """
    facts = appraisal.facts
    if not isinstance(facts, McpFacts) or not (facts.lists or facts.listens):
        return appraisal
    name, caps = trip.choice.call.provider, admitted.caps
    if trip.configuration.settings.mcp[name].filter_list:
        left = tools_left()

        def shown(tool: str) -> bool:
            full = f"{name}/{tool}"
            return allow_tool(caps, full) and (left is None or left(full))

        if caps or left is not None:
            facts = replace(facts, shown=shown)
    if trip.door == "base-url":
        facts = replace(facts, home=f"/{name}")
    return replace(appraisal, facts=facts)


def waited_for(under_way: Mapping[Any, InFlight]) -> int:
    """How many of these come to an end by themselves; a stream of a server's own goes on until
    its client leaves."""
    each = (call.appraisal.facts for call in under_way.values())
    return sum(not (isinstance(facts, McpFacts) and facts.listens) for facts in each)
