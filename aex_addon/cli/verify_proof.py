"""`aex verify-proof`: check a proof with a public key, far from any ledger.

Owns: where keys come from, and how the proven event is shown. Opens no ledger.
Refuses to know: the steps of the proof.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, in_words, json_option

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("verify-proof")
@click.argument("file", type=FILE)
@click.option("--vkey", "vkeys", multiple=True, help="A verifier key: name+id+base64.")
@click.option("--vkey-file", type=FILE, default=None, help="A file of verifier keys, one a line.")
@json_option
@pass_context
def verify_proof(
    context: Context, file: Path, vkeys: tuple[str, ...], vkey_file: Path | None, as_json: bool
) -> None:
    """Check a proof and show what it proves; exit code 1 if it proves nothing.

    Without a key the home's own is taken, which shows only that this home signed it.

    \b
    aex verify-proof call.tlog-proof --vkey-file checkpoint.pub
    """
    from aex_addon.keys import read_verifier_keys, verifier_keys
    from ledger.event_proof import verify
    from ledger.proof import ProofError
    from web.shapes import event_shape, usd

    known = [*vkeys, *(read_verifier_keys(vkey_file) if vkey_file else ())]
    try:
        text = file.read_bytes().decode()
    except UnicodeError as error:
        raise ProofError("Reading the proof failed: the file is not UTF-8.") from error
    proven = verify(text, known or verifier_keys(context.home))
    event, payload = proven.event, proven.event.data()
    shape = {
        **event_shape(event),
        "event_hash": proven.event_hash.hex(),
        "origin": proven.checkpoint.origin,
        "checkpoint_size": proven.checkpoint.size,
    }
    if as_json:
        emit({"ok": True, **shape})
        return
    actual = payload.get("actual_nanousd") if isinstance(payload, dict) else None
    shape["payload"] = json.dumps(payload, sort_keys=True)
    shape["booked"] = f"${usd(actual)}" if isinstance(actual, int) else None
    click.echo("proven: this event is in the signed log")
    facts(in_words(shape))
