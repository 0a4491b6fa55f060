"""A gateway in front of two scripted providers, and a route that leads to the one, then the other.

Owns: the two, and the configuration. Refuses to know: what is asserted.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.state import Execution
from tests.aex_addon.rig import CHAT, Rig, gateway
from tests.aex_addon.wire import Answer, Upstream, connected, upstream

FIRST, SECOND = "llama-3.3-70b-versatile", "gpt-4o-mini"
FAST = {"to": [f"groq/{FIRST}", f"openai/{SECOND}"]}


@dataclass
class Routed:
    """`first` is asked before `second`; their keys are of their own."""

    rig: Rig
    first: Upstream
    second: Upstream

    def call(self, **changes: Any) -> bytes:
        """A call of the model `fast`."""
        return self.rig.request(body=json.dumps({**CHAT, "model": "fast", **changes}).encode())

    async def ask(self, **changes: Any) -> Answer:
        async with connected(self.rig.port) as client:
            return await client.call(self.call(**changes))

    def rows(self) -> list[Execution]:
        """All executions, at their end; nothing stays reserved, and all that is spent is booked."""
        rows = self.rig.executions()
        agent = self.rig.agent()
        assert agent.reserved_nanousd == 0
        assert agent.spent_nanousd == sum(row.actual_nanousd for row in rows)
        return rows


def providers(first: int, second: int) -> dict[str, dict[str, str]]:
    where = {"groq": first, "openai": second}
    return {
        name: {"upstream": f"http://127.0.0.1:{port}", "api_key_env": "OPENAI_API_KEY"}
        for name, port in where.items()
    }


@asynccontextmanager
async def routed(
    home: Path, route: dict[str, Any] | None = None, budget_nanousd: int = 10**9, **changes: Any
) -> AsyncIterator[Routed]:
    async with upstream() as first, upstream() as second:
        where = providers(first.port, second.port)
        routes = {"fast": {**FAST, **(route or {})}}
        changes = {"providers": where, "routes": routes, **changes}
        async with gateway(home, second.port, budget_nanousd, **changes) as rig:
            yield Routed(rig, first, second)
