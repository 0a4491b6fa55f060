"""`aex ledger …`: the books as a whole.

Owns: the group, and `adjust`. Refuses to know: copying (ledger_backup.py, ledger_restore.py) and
exporting (ledger_export.py).
"""

from __future__ import annotations

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.ledger_backup import backup_command
from aex_addon.cli.ledger_export import export_command
from aex_addon.cli.ledger_restore import restore_command
from aex_addon.cli.output import emit, facts, json_option
from aex_addon.cli.values import Usd


@click.group()
def ledger() -> None:
    """The books: back them up, restore, export and correct them."""


ledger.add_command(backup_command)
ledger.add_command(restore_command)
ledger.add_command(export_command)


@ledger.command()
@click.argument("execution_id", metavar="EXECUTION")
@click.option("--actual", "usd", type=Usd(), required=True, help="What the provider billed.")
@click.option("--reason", required=True, help="Stands in the log beside the amount.")
@json_option
@pass_context
def adjust(context: Context, execution_id: str, usd: int, reason: str, as_json: bool) -> None:
    """Book what a call really cost, by an event; nothing is edited.

    For calls that were booked `estimated` or `uncertain`, once the provider's bill is known.

    \b
    aex ledger adjust ex_0123456789abcdef --actual 0.0421 --reason "invoice"
    """
    from ledger.commands import Adjust
    from ledger.errors import CommandRefused
    from web.shapes import execution_shape
    from web.shapes import usd as shown

    with context.reader() as reader:
        before = reader.execution(execution_id)
    if before is None:
        raise CommandRefused(
            f"there is no execution {execution_id!r}; `aex executions list` shows the newest"
        )
    context.execute(Adjust(execution_id, usd, reason, context.actor))
    with context.reader() as reader:
        after = reader.execution(execution_id)
    assert after is not None, "nothing is ever removed"
    if as_json:
        emit(execution_shape(after))
        return
    facts(
        [
            ("execution", execution_id),
            ("agent", after.agent),
            ("was booked", f"${shown(before.actual_nanousd)} {before.certainty}".rstrip()),
            ("is booked", f"${shown(after.actual_nanousd)} {after.certainty}".rstrip()),
        ]
    )
