"""`aex ledger restore`.

Owns: that no gateway runs meanwhile, and that a person has agreed.
Refuses to know: how a back-up is verified and put in place.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, in_words, json_option, plain, say
from aex_addon.cli.progress import shown
from aex_addon.home import Home, HomeError

if TYPE_CHECKING:
    from ledger.restore import Plan


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--reason", required=True, help="Stands in the log.")
@click.option(
    "--witness",
    "witnesses",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A checkpoint that was kept elsewhere, of what is replaced. May be given again.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_context
def restore_command(
    context: Context,
    file: Path,
    reason: str,
    witnesses: tuple[Path, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Make a back-up the ledger again. The log records it; the old ledger is kept beside it.

    What happened after the back-up is undone with it: tokens that were revoked since then work
    again, and what was spent since then is not counted. Stop the gateway first.

    \b
    aex ledger restore /mnt/backups/ledger.db --reason "disk failure"
    """
    from ledger.restore import planned, restore

    if not reason.strip():
        raise click.BadParameter("say why, in a few words", param_hint="--reason")
    context.home.ensure()
    url, base = context.settings.ledger, context.home.path
    with (
        _alone(context.home),
        shown(not as_json) as progress,
        planned(file, url, base, progress) as plan,
    ):
        if not yes:
            for line in _consequences(plan):
                say(line)
            click.confirm("Restore it?", abort=True, err=True)
        signed_seq, signed_epoch = _signed(context.home, witnesses)
        info = restore(
            plan,
            actor=context.actor,
            reason=reason,
            signed_seq=signed_seq,
            signed_epoch=signed_epoch,
            progress=progress,
        )
    shape = {
        "restored_from": str(file.absolute()),
        "events": info.events,
        "head_hash": info.head_hash,
        "epoch": info.epoch,
        "restore_id": info.restore_id,
        "replaced_seq": info.replaced_seq,
        "replaced_hash": info.replaced_hash,
        "replaced_file": str(info.replaced_file) if info.replaced_file else None,
    }
    if as_json:
        emit(shape)
    else:
        facts(in_words(shape))


def _consequences(plan: Plan) -> Iterator[str]:
    from web.shapes import short

    yield f"The back-up is sound: {plan.backup.seq} events, up to {short(plan.backup.time_ns)}."
    if plan.current is None:
        yield plain(f"There is no ledger at {plan.target} that could be read.")
        return
    yield f"The ledger has {plan.current.seq} events, up to {short(plan.current.time_ns)}."
    if plan.earlier:
        newer = plan.current.seq - plan.backup.seq
        yield f"{newer} events that are newer than the back-up will no longer count."
    else:
        yield "The back-up is not an earlier state of this ledger: all of it will be replaced."


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Holds the home's lock, as its gateway would. Raises HomeError while one does."""
    with home.lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeError(
                f"a gateway serves {home.path}; stop it first: aex daemon stop"
            ) from None
        yield


def _signed(home: Home, witnesses: tuple[Path, ...]) -> tuple[int, int]:
    """How far checkpoints outside the ledger go: the largest size and the latest epoch."""
    from aex_addon.outside import Outside
    from ledger.vouched import reach

    notes = [note for _, note in Outside(home).notes()]
    notes += [path.read_text(encoding="utf-8", errors="replace") for path in witnesses]
    return reach(notes)
