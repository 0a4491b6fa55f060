"""Rows of the books as the pages show them.

Owns: amounts, times and shares as text. Refuses to know: HTML, HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.money import show_usd
from ledger.state import Agent, Execution
from web.tally import Ends


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One account; the shares are whole percents of its budget.

    `overrun` is what was billed above its reserves, `stopped_by` the call of these that stopped it,
    `over` what is booked and held above its budget, `remedy` the command that lets it serve again;
    each is "" where there is none.
    """

    name: str
    state: str
    budget: str
    spent: str
    reserved: str
    remaining: str
    spent_percent: int
    reserved_percent: int
    overrun: str
    stopped_by: str
    over: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """One execution. `over` is what was billed above its reserve, "" where nothing was."""

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
    over: str
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


def above(amount: int, bound: int) -> str:
    """By how much an amount is above its bound; "" where it is not."""
    return show_usd(amount - bound) if amount > bound else ""


def agent_rows(agents: Iterable[Agent], ends: Mapping[str, Ends]) -> list[AgentRow]:
    """Accounts in the order given, each in the window of now, beside how its calls have ended."""
    return [_agent_row(agent, ends.get(agent.name, Ends())) for agent in agents]


def _agent_row(agent: Agent, ends: Ends) -> AgentRow:
    over = above(agent.spent_nanousd + agent.reserved_nanousd, agent.budget_nanousd)
    command = "team" if agent.kind == "team" else "agent"
    calls = "1 call" if ends.overruns == 1 else f"{ends.overruns} calls"
    return AgentRow(
        name=agent.name,
        state=agent.lifecycle_state,
        budget=show_usd(agent.budget_nanousd),
        spent=show_usd(agent.spent_nanousd),
        reserved=show_usd(agent.reserved_nanousd),
        remaining=show_usd(agent.remaining_nanousd),
        spent_percent=percent(agent.spent_nanousd, agent.budget_nanousd),
        reserved_percent=percent(agent.reserved_nanousd, agent.budget_nanousd),
        overrun=f"{show_usd(ends.overrun_nanousd)} by {calls}" if ends.overruns else "",
        stopped_by=agent.stopped_by,
        over=over,
        remedy=f"aex {command} top-up {agent.name} USD" if over or agent.stopped_by else "",
    )


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
            over=above(execution.actual_nanousd, execution.reserved_nanousd),
            note=execution.reason or execution.usage_source,
        )
        for execution in executions
    ]
