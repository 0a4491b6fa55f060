"""The ledger file, read beside the gateway: quick, read-only, and by SQL of the tests' own.

Owns: the few queries that tests repeat while a gateway works. Where a test is about what users
see, it asks the command line instead (`Gateway.executions`, `Gateway.inspect`).
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import DEADLINE, poll

TERMINAL = {"COMMITTED", "RELEASED", "DENIED", "FAILED"}


@dataclass(frozen=True, slots=True)
class Account:
    """An agent's counters at one committed moment."""

    budget: int
    spent: int
    reserved: int


def ledger_file(gateway: Gateway) -> Path:
    return gateway.home / "ledger.db"


def query(gateway: Gateway, sql: str, *values: object) -> list[dict[str, Any]]:
    path = f"file:{ledger_file(gateway)}?mode=ro"
    with closing(sqlite3.connect(path, uri=True, timeout=5)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql, values)]


def account(gateway: Gateway, agent: Agent) -> Account:
    sql = "SELECT budget_nanousd, spent_nanousd, reserved_nanousd FROM agents WHERE name = ?"
    (row,) = query(gateway, sql, agent.name)
    return Account(*row.values())


def rows(gateway: Gateway, agent: Agent) -> list[dict[str, Any]]:
    """The agent's executions, oldest first."""
    found = query(gateway, "SELECT * FROM executions WHERE agent = ?", agent.name)
    for row in found:
        row["usage"] = json.loads(row["usage"] or "null")
    return sorted(found, key=lambda row: (row["created_at"], row["execution_id"]))


def settled(
    gateway: Gateway, agent: Agent, count: int = 1, deadline: float = DEADLINE
) -> list[dict[str, Any]]:
    """The agent's executions once there are `count` of them, all at their end."""

    def probe() -> list[dict[str, Any]]:
        found = rows(gateway, agent)
        ended = len(found) >= count and all(row["state"] in TERMINAL for row in found)
        return found if ended else []

    found = poll(probe, f"{count} executions at their end", deadline)
    assert len(found) == count, [row["state"] for row in found]
    return found


def settled_one(gateway: Gateway, agent: Agent) -> dict[str, Any]:
    """The agent's one execution, once it is at its end; nothing stays reserved."""
    (row,) = settled(gateway, agent)
    counters = account(gateway, agent)
    assert counters.reserved == 0
    assert counters.spent == (row["actual_nanousd"] if row["state"] == "COMMITTED" else 0)
    return row


def reserves(gateway: Gateway, agent: Agent) -> int:
    """How many reserves were ever taken for the agent."""
    sql = (
        "SELECT count(*) AS n FROM reservations JOIN executions USING (execution_id)"
        " WHERE agent = ? AND entry = 'reserve'"
    )
    return int(query(gateway, sql, agent.name)[0]["n"])


def nothing_reserved(gateway: Gateway, agent: Agent) -> bool:
    """True if no reserve was ever taken for the agent, and nothing spent."""
    return reserves(gateway, agent) == 0 == account(gateway, agent).spent
