"""`aex executions …`: what each call was, and what it cost.

Owns: how executions and their events are shown. Refuses to know: how they are settled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from aex_addon.cli.accounts import check_known
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, table

if TYPE_CHECKING:
    from ledger.state import Execution

_STATES = ("RESERVING", "RESERVED", "DISPATCHED", "COMMITTED", "RELEASED", "DENIED", "FAILED")


@click.group()
def executions() -> None:
    """Calls: what each one was, and what it cost."""


@executions.command("list")
@click.option("--agent", default=None, help="Only this agent's, or this run's (AGENT/RUN).")
@click.option(
    "--state",
    type=click.Choice(_STATES, case_sensitive=False),
    default=None,
    metavar="STATE",
    help=f"Only those that are {', '.join(_STATES[:-1])} or {_STATES[-1]}.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="How many at the most.",
)
@json_option
@pass_context
def list_executions(
    context: Context, agent: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """Show the newest calls first.

    \b
    aex executions list --agent shop --state DENIED --limit 10
    """
    from web.shapes import listed_shape, short, usd

    with context.reader() as reader:
        check_known(reader, agent)
        rows = reader.executions(agent=agent, state=state, limit=limit)
        shadowed = reader.shadowed(row.execution_id for row in rows)
    if as_json:
        emit([listed_shape(row, shadowed) for row in rows])
    elif not rows:
        click.echo("no calls yet" if agent is None and state is None else "no such calls")
    else:
        table(
            ("execution", "created", "agent", "door", "model", "state", "status", "cost", "note"),
            [
                (
                    row.execution_id,
                    short(row.created_at),
                    row.agent,
                    row.door,
                    row.model or row.endpoint,
                    row.state,
                    row.status_code or "-",
                    f"${usd(row.actual_nanousd)}",
                    ", ".join(_notes(row, row.execution_id in shadowed)),
                )
                for row in rows
            ],
            right="status cost",
            cut="agent model",
        )


def _notes(row: Execution, shadowed: bool) -> Iterator[str]:
    """What somebody should know who looks at what a call cost."""
    if row.actual_nanousd > row.reserved_nanousd:
        yield "above its reserve"
    if row.certainty not in ("", "exact"):
        yield row.certainty
    if shadowed:
        yield "in shadow"


@executions.command()
@click.argument("execution_id", metavar="ID")
@json_option
@pass_context
def show(context: Context, execution_id: str, as_json: bool) -> None:
    """Show one call with its events, as they stand in the chain.

    \b
    aex executions show ex_0123456789abcdef
    """
    from ledger.errors import CommandRefused
    from web.shapes import execution_shape, logged_shape, short, usd
    from web.story import policy_said

    with context.reader() as reader, reader.snapshot():
        row, story = reader.execution(execution_id), reader.story(execution_id)
    if row is None:
        raise CommandRefused(
            f"there is no execution {execution_id!r}; `aex executions list` shows the newest"
        )
    if as_json:
        shown = [logged_shape(logged) for logged in story]
        emit({**execution_shape(row), "policy": policy_said(story), "events": shown})
        return
    said = policy_said(story) or {"hash": "", "shadow": [], "obligations": []}
    facts(
        [
            ("execution", row.execution_id),
            ("agent", row.agent),
            ("call", f"{row.provider} {row.model} {row.endpoint}"),
            ("door", row.door),
            ("stream", "yes" if row.stream else "no"),
            ("state", row.state),
            ("status", row.status_code or None),
            ("reserved", f"${usd(row.reserved_nanousd)}"),
            ("actual", f"${usd(row.actual_nanousd)}"),
            ("certainty", row.certainty),
            ("usage", row.usage),
            ("usage from", row.usage_source),
            ("reason", row.reason),
            ("policy", said["hash"]),
            ("in shadow", "; ".join(said["shadow"])),
            ("obligations", "; ".join(said["obligations"])),
        ]
    )
    click.echo()
    for logged in story:
        event = logged.event
        click.echo(f"{event.seq}  {short(event.time_ns)}  {event.type}")
        click.echo(f"    {json.dumps(event.data(), sort_keys=True)}")
        click.echo(f"    {logged.prev.hex()} -> {logged.digest.hex()}")
