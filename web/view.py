"""Rows of the books as the pages show them.

Owns: amounts, times and shares as text. Refuses to know: HTML, HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.money import show_usd
from ledger.state import Agent, Execution


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent; the shares are whole percents of its budget."""

    name: str
    state: str
    budget: str
    spent: str
    reserved: str
    remaining: str
    spent_percent: int
    reserved_percent: int


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """One execution."""

    execution_id: str
    time: str
    agent: str
    model: str
    endpoint: str
    door: str
    state: str
    status: str
    reserved: str
    actual: str
    note: str


def moment(time_ns: int) -> str:
    """UTC, to the second; a dash for a time that has not come."""
    if not time_ns:
        return "–"
    at = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def percent(part: int, whole: int) -> int:
    """0 to 100."""
    return max(0, min(100, part * 100 // whole)) if whole else 0


def agent_rows(agents: Iterable[Agent]) -> list[AgentRow]:
    """Agents in the order given."""
    return [
        AgentRow(
            name=agent.name,
            state=agent.lifecycle_state,
            budget=show_usd(agent.budget_nanousd),
            spent=show_usd(agent.spent_nanousd),
            reserved=show_usd(agent.reserved_nanousd),
            remaining=show_usd(agent.remaining_nanousd),
            spent_percent=percent(agent.spent_nanousd, agent.budget_nanousd),
            reserved_percent=percent(agent.reserved_nanousd, agent.budget_nanousd),
        )
        for agent in agents
    ]


def execution_rows(executions: Iterable[Execution]) -> list[ExecutionRow]:
    """Executions in the order given."""
    return [
        ExecutionRow(
            execution_id=execution.execution_id,
            time=moment(execution.created_at),
            agent=execution.agent,
            model=execution.model or "–",
            endpoint=execution.endpoint,
            door=execution.door,
            state=execution.state,
            status=str(execution.status_code or "–"),
            reserved=show_usd(execution.reserved_nanousd),
            actual=show_usd(execution.actual_nanousd),
            note=execution.reason or execution.usage_source,
        )
        for execution in executions
    ]
