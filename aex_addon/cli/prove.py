"""`aex prove`: a file that shows to anybody what a call came to.

Owns: which event of an execution is proven, and where the proof goes. A call's last event is the
one that says what it cost.
Refuses to know: what a proof consists of.
"""

from __future__ import annotations

from pathlib import Path

import click

from aex_addon.cli.checkpoint import take
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, say


@click.command()
@click.argument("execution_id", metavar="EXECUTION")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="The file to write to, instead of standard output.",
)
@json_option
@pass_context
def prove(context: Context, execution_id: str, output: Path | None, as_json: bool) -> None:
    """Prove the last event of a call, to anybody who has the public key.

    A new checkpoint is taken where the newest one does not cover the event.

    \b
    aex prove ex_0123456789abcdef -o call.tlog-proof
    """
    from aex_addon.keys import PUBLIC_FILE
    from ledger.errors import CommandRefused
    from ledger.event_proof import prove as prove_event

    with context.reader() as reader:
        story = reader.story(execution_id)
        if not story:
            raise CommandRefused(
                f"there is no execution {execution_id!r}; `aex executions list` shows the newest"
            )
        newest = reader.checkpoints(newest=True)
        if not newest or newest[0].size < story[-1].event.seq:
            take(context)
            newest = reader.checkpoints(newest=True)
        proof = prove_event(reader, story[-1], newest[0].size, newest[0].note).render()
    if output is not None:
        output.write_text(proof, encoding="utf-8")
    if as_json:
        file = None if output is None else str(output)
        last = story[-1].event.seq
        emit({"execution_id": execution_id, "seq": last, "file": file, "proof": proof})
    elif output is None:
        click.echo(proof, nl=False)
    else:
        say(f"Written to {output}. `aex verify-proof` checks it, anywhere, with {PUBLIC_FILE}.")
