"""`aex ledger backup`.

Owns: where a back-up goes if nobody says. Refuses to know: how pages are copied.
"""

from __future__ import annotations

from pathlib import Path

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, in_words, json_option
from aex_addon.cli.progress import shown
from aex_addon.home import check_private

FOLDER = "backups"


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--force", is_flag=True, help="Overwrite FILE if there is one.")
@json_option
@pass_context
def backup_command(context: Context, file: Path | None, force: bool, as_json: bool) -> None:
    """Copy the ledger into one file, while gateways go on writing to it.

    FILE may be a directory; without it, the copy goes to `backups` in the home. Keep copies on
    another disk: they hold what agents did and spent, and no key and no token.

    \b
    aex ledger backup /mnt/backups/
    """
    from ledger.backup import backup

    if context.home.path.exists():
        check_private(context.home.path)
    target = _target(context, file)
    with shown(not as_json) as progress:
        info = backup(context.settings.ledger, context.home.path, target, progress, overwrite=force)
    shape = {
        "file": str(info.file.absolute()),
        "events": info.events,
        "head_hash": info.head_hash,
        "bytes": info.bytes,
        "schema": info.schema,
    }
    if as_json:
        emit(shape)
    else:
        facts(in_words(shape))


def _target(context: Context, file: Path | None) -> Path:
    from ledger.files import stamp

    name = f"ledger-{stamp(context.now_ns())}.db"
    if file is not None:
        return file / name if file.is_dir() else file
    folder = context.home.path / FOLDER
    if context.has_ledger() and context.home.path.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder / name
