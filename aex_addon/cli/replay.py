"""`aex replay`: the books as of an event or a time, folded from the log.

Owns: how a moment is named and how the books are shown. Refuses to know: what events mean.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, in_words, json_option, table
from aex_addon.cli.values import Moment

if TYPE_CHECKING:
    from ledger.audit import Finding
    from ledger.replay import Folded


class At(click.ParamType[tuple[int | None, int | None]]):
    """Where to stop: (an event's number, None), or (None, nanoseconds since the epoch)."""

    name = "seq|time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None, int | None]:
        """A bare number is an event; all else is a time."""
        if isinstance(value, tuple):
            return value
        text = str(value).strip()
        if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
            return int(text), None
        try:
            return None, Moment().read(text)
        except ValueError as error:
            self.fail(f"{error}; or the number of an event", param, ctx)


@click.command()
@click.option("--execution", "execution_id", default=None, help="Only this call.")
@click.option("--at", type=At(), default=None, help="After this event, or at this time.")
@click.option("--verify", is_flag=True, help="Compare with the tables; exit code 1 if they differ.")
@json_option
@click.pass_context
@pass_context
def replay(
    context: Context,
    ctx: click.Context,
    execution_id: str | None,
    at: tuple[int | None, int | None] | None,
    verify: bool,
    as_json: bool,
) -> None:
    """Fold the log again, and show the books as they were then.

    \b
    aex replay --at 2026-01-31T23:59:59Z
    aex replay --execution ex_0123456789abcdef --at 1200
    aex replay --verify
    """
    from aex_addon.cli.audit import watched
    from ledger.audit import differences
    from ledger.replay import replay as replay_log

    if verify and at is not None:
        raise click.UsageError("--verify compares with the tables of now; leave --at out")
    seq, time_ns = at or (None, None)
    findings: list[Finding] | None = None
    with context.reader() as reader, reader.snapshot():
        with watched(reader.head().seq, as_json) as progress:
            found = replay_log(reader, seq=seq, time_ns=time_ns, progress=progress)
        if verify:
            findings = differences(reader, found.state)
    shape = _shape(found, execution_id)
    if findings is not None:
        shape["verified"] = all(finding.holds for finding in findings)
        shape["findings"] = [asdict(finding) for finding in findings]
    if as_json:
        emit(shape)
    else:
        _tell(shape)
    ctx.exit(0 if shape.get("verified", True) else 1)


def _shape(found: Folded, execution_id: str | None) -> dict[str, Any]:
    from ledger.errors import CommandRefused
    from web.shapes import agent_shape, execution_shape, iso

    shape: dict[str, Any] = {"seq": found.seq, "time": iso(found.time_ns)}
    state = found.state
    if execution_id is not None:
        row = state.executions.get(execution_id)
        if row is None:
            raise CommandRefused(f"up to event {found.seq} there is no execution {execution_id!r}")
        shape["execution"] = execution_shape(row)
        return shape
    agents = [agent for _, agent in sorted(state.agents.items())]
    shape["agents"] = [agent_shape(agent, found.time_ns) for agent in agents]
    shape["executions"] = dict(sorted(Counter(e.state for e in state.executions.values()).items()))
    return shape


def _tell(shape: dict[str, Any]) -> None:
    counts = ", ".join(f"{n} {state}" for state, n in shape.get("executions", {}).items())
    facts([("after event", shape["seq"]), ("of", shape["time"]), ("calls", counts)])
    if "execution" in shape:
        facts(in_words(shape["execution"]))
    if shape.get("agents"):
        click.echo()
        names = ("name", "lifecycle_state", "budget_usd", "spent_usd", "reserved_usd")
        rows = [[one[name] for name in (*names, "remaining_usd")] for one in shape["agents"]]
        headers = ("agent", "state", "budget", "spent", "reserved", "remaining")
        table(headers, rows, right="budget spent reserved remaining", cut="agent")
    if "findings" in shape:
        click.echo()
        for finding in shape["findings"]:
            verdict = "same  " if finding["holds"] else "DIFFER"
            click.echo(f"{verdict}  {finding['law']}: {finding['detail']}")
