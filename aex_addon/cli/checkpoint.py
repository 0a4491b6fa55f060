"""`aex checkpoint`: sign what the log is now.

Owns: how a checkpoint is shown. Refuses to know: how it is taken.
"""

from __future__ import annotations

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option


def take(context: Context) -> tuple[str, bool]:
    """The newest checkpoint of the log as it is now, and whether it was taken just now."""
    from aex_addon.checkpointer import Notary

    # Makes nothing: without a ledger there is nothing to sign.
    context.reader().close()
    with context.store():
        pass
    notary = Notary(context.home, context.settings)
    try:
        return notary.take()
    finally:
        notary.close()


@click.command()
@json_option
@pass_context
def checkpoint(context: Context, as_json: bool) -> None:
    """Take a checkpoint, keep it outside the ledger, show it to the witness, print it.

    \b
    aex checkpoint > /mnt/elsewhere/aex.note
    """
    from aex_addon.keys import verifier_keys
    from ledger.checkpoint import parse

    note, new = take(context)
    if not as_json:
        click.echo(note, nl=False)
        return
    said = parse(note.partition("\n\n")[0] + "\n")
    emit(
        {
            "origin": said.origin,
            "size": said.size,
            "root": said.root.hex(),
            "note": note,
            "new": new,
            "verifier_keys": verifier_keys(context.home),
        }
    )
