"""Rows of the books as the pages show them.

Owns: amounts, times, shares and marks as text. Refuses to know: HTML, HTTP, the order of rows.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.admission import SERVING
from ledger.money import show_usd
from ledger.state import DENIED, OPEN_STATES, Agent, Execution
from web.remedies import remedy
from web.tally import Ends

_SECOND = 1_000_000_000
_SPANS = ((86_400, "d"), (3600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account; the shares are percents of its budget, to be drawn one after the other.
    Amounts are to be read at a glance, but for `exact`, which has them all to the last digit.

    `burn` is what it spends an hour, `lasts` how long the rest does at that. `overrun` is what was
    billed above its reserves, `stopped_by` the call of these that stopped it, `over` what is booked
    and held above its budget, `around` how often its programs went around AEX, `remedy` the command
    that lets it serve again; each is "" where there is none.
    """

    name: str
    kind: str
    depth: int
    state: str
    serves: bool
    reason: str
    budget: str
    window: str
    spent: str
    reserved: str
    remaining: str
    exact: str
    spent_percent: float
    reserved_percent: float
    burn: str
    lasts: str
    overrun: str
    stopped_by: str
    over: str
    around: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """One execution. `over` is what was billed above its reserve, "" where nothing was.

    `tone` is how its state is to be seen: open, good, bad, or plain. `shadowed`: a policy in shadow
    would have refused it, or made it smaller.
    """

    execution_id: str
    time: str
    agent: str
    account: str
    model: str
    provider: str
    endpoint: str
    door: str
    state: str
    tone: str
    status: str
    reserved: str
    actual: str
    over: str
    certainty: str
    took: str
    note: str
    shadowed: bool


@dataclass(frozen=True, slots=True)
class DenialRow:
    """One denied call: why, and what lets the next one pass."""

    execution_id: str
    time: str
    agent: str
    model: str
    status: str
    code: str
    message: str
    remedy: str


def moment(time_ns: int) -> str:
    """UTC, to the second; a dash for a time that has not come."""
    if not time_ns:
        return "–"
    at = datetime.fromtimestamp(time_ns // _SECOND, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def span(nanoseconds: int) -> str:
    """A duration in the unit that reads best: `850 ms`, `2.4 s`, `35 min`, `6 h`, `12 d`."""
    seconds = nanoseconds / _SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for unit, name in _SPANS:
        if seconds >= 2 * unit or unit == 60:
            return f"{seconds / unit:,.0f} {name}"
    raise AssertionError("the last unit always fits")


def percent(part: int, whole: int) -> float:
    """0 to 100, to a tenth. What is not nothing is seen, if there is a whole."""
    if not whole or part <= 0:
        return 0.0
    return max(0.1, min(100.0, round(part * 100 / whole, 1)))


def above(amount: int, bound: int) -> str:
    """By how much an amount is above its bound; "" where it is not."""
    return show_usd(amount - bound) if amount > bound else ""


def short_usd(nanousd: int) -> str:
    """An amount to be read at a glance: cents, or two digits where it is less than that."""
    usd = abs(nanousd) / _SECOND
    if not nanousd:
        return "$0"
    digits = 2 if usd >= 0.995 else 4 if usd >= 0.0005 else 9
    text = f"{usd:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if digits > 2 else text
    return f"{'-' if nanousd < 0 else ''}${text}"


def account_row(
    agent: Agent, ends: Ends, depth: int, per_hour: int, lasts_ns: int | None
) -> AccountRow:
    """An account in the window of now, beside how its calls have ended and what it spends."""
    over = above(agent.spent_nanousd + agent.reserved_nanousd, agent.budget_nanousd)
    command = "team" if agent.kind == "team" else "agent"
    spent = percent(agent.spent_nanousd, agent.budget_nanousd)
    return AccountRow(
        name=agent.name,
        kind=agent.kind,
        depth=depth,
        state=agent.lifecycle_state,
        serves=agent.lifecycle_state in SERVING,
        reason=agent.lifecycle_reason,
        budget=short_usd(agent.budget_nanousd),
        window="" if agent.budget_window == "total" else f"a {agent.budget_window}",
        spent=short_usd(agent.spent_nanousd),
        reserved=short_usd(agent.reserved_nanousd),
        remaining=short_usd(agent.remaining_nanousd),
        exact=_exact(agent),
        spent_percent=spent,
        reserved_percent=min(percent(agent.reserved_nanousd, agent.budget_nanousd), 100 - spent),
        burn=f"{short_usd(per_hour)}/h" if per_hour else "",
        lasts="" if lasts_ns is None else span(lasts_ns),
        overrun=f"{show_usd(ends.overrun_nanousd)} by {_calls(ends)}" if ends.overruns else "",
        stopped_by=agent.stopped_by,
        over=over,
        around=_times(ends.bypasses),
        remedy=f"aex {command} top-up {agent.name} USD" if over or agent.stopped_by else "",
    )


def _calls(ends: Ends) -> str:
    return "1 call" if ends.overruns == 1 else f"{ends.overruns} calls"


def _times(count: int) -> str:
    return "" if not count else "once" if count == 1 else f"{count:,} times"


def _exact(agent: Agent) -> str:
    spent, reserved = show_usd(agent.spent_nanousd), show_usd(agent.reserved_nanousd)
    left, budget = show_usd(agent.remaining_nanousd), show_usd(agent.budget_nanousd)
    return f"{spent} spent, {reserved} reserved, {left} left of {budget}"


def execution_rows(
    executions: Iterable[Execution], shadowed: Container[str] = ()
) -> list[ExecutionRow]:
    """Executions in the order given. shadowed: the ids that are to be marked so."""
    return [
        ExecutionRow(
            execution_id=execution.execution_id,
            time=moment(execution.created_at),
            agent=execution.agent,
            account=execution.account,
            model=execution.model or "–",
            provider=execution.provider,
            endpoint=execution.endpoint,
            door=execution.door,
            state=execution.state,
            tone=_tone(execution),
            status=str(execution.status_code or "–"),
            reserved=show_usd(execution.reserved_nanousd),
            actual=show_usd(execution.actual_nanousd),
            over=above(execution.actual_nanousd, execution.reserved_nanousd),
            certainty="" if execution.certainty == "exact" else execution.certainty,
            took=_took(execution),
            note=execution.reason or execution.usage_source,
            shadowed=execution.execution_id in shadowed,
        )
        for execution in executions
    ]


def denial_rows(executions: Iterable[Execution]) -> list[DenialRow]:
    """Denied calls in the order given."""
    rows = []
    for execution in executions:
        code, _, message = execution.reason.partition(": ")
        rows.append(
            DenialRow(
                execution_id=execution.execution_id,
                time=moment(execution.created_at),
                agent=execution.agent,
                model=execution.model or execution.endpoint,
                status=str(execution.status_code),
                code=code,
                message=message,
                remedy=remedy(code, execution),
            )
        )
    return rows


def _took(execution: Execution) -> str:
    if not execution.terminal_at or execution.state == DENIED:
        return ""
    return span(execution.terminal_at - execution.created_at)


def _tone(execution: Execution) -> str:
    if execution.state in OPEN_STATES:
        return "open"
    if execution.state in ("DENIED", "FAILED") or execution.certainty == "uncertain":
        return "bad"
    return "good" if execution.state == "COMMITTED" else "plain"
