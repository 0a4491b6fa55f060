"""`aex ledger export`.

Owns: where an export goes, and how far it has come. Refuses to know: rows and formats.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aex_addon.cli.accounts import check_known
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, say
from aex_addon.cli.progress import Progress, shown
from aex_addon.cli.values import Moment

if TYPE_CHECKING:
    from ledger.export import Row
    from ledger.export_formats import Writer

_FORMATS = ("jsonl", "csv", "parquet")
_EVERY = 500


@click.command("export")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), required=True, help="How rows are written."
)
@click.option("--agent", default=None, help="Only this agent's, or this run's (AGENT/RUN).")
@click.option("--since", type=Moment(), default=None, help="From this time on: 2026-07-01, 7d.")
@click.option("--until", type=Moment(), default=None, help="Before this time.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The file to write to, instead of standard output.",
)
@click.option("--force", is_flag=True, help="Overwrite the output file if there is one.")
@json_option
@pass_context
def export_command(
    context: Context,
    form: str,
    agent: str | None,
    since: int | None,
    until: int | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write all calls, oldest first, as rows with exact amounts.

    A time is a date, a time (UTC unless it says otherwise), or how long ago: 2026-07-01,
    2026-07-01T12:00, 7d. In CSV, text that a spreadsheet would take for a formula gets an
    apostrophe in front. With --json, a summary is printed and -o says where the rows go.

    \b
    aex ledger export --format csv --since 2026-07-01 --until 2026-08-01 -o 7.csv
    """
    from ledger.export import rows

    if since is not None and until is not None and since >= until:
        raise click.UsageError("--since is not before --until")
    _check_output(form, output, as_json)
    with context.reader() as reader:
        check_known(reader, agent)
        with shown(not as_json) as progress, closing(rows(reader, agent, since, until)) as found:
            total = reader.count_between(since, until, agent) if progress else 0
            count = _write(form, _watched(found, total, progress), output, force)
    if as_json:
        assert output is not None
        size = output.stat().st_size
        emit({"file": str(output.absolute()), "format": form, "rows": count, "bytes": size})
    elif output is not None:
        say(f"{count} rows in {output}")


def _check_output(form: str, output: Path | None, as_json: bool) -> None:
    """What can be known before any work."""
    if output is None and as_json:
        raise click.UsageError("--json prints a summary; name a file for the rows with -o FILE")
    if form != "parquet":
        return
    from ledger.export_parquet import check_parquet

    if output is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for terminals; name a file with -o FILE")
    check_parquet()


def _write(form: str, found: Iterable[Row], output: Path | None, force: bool) -> int:
    from ledger.export_formats import WRITERS
    from ledger.files import draft

    write: Writer = WRITERS[form]
    if output is None:
        stream = sys.stdout.buffer
        count = write(found, stream)
        stream.flush()
        return count
    with draft(output, overwrite=force) as new, new.open("wb") as file:
        return write(found, file)


def _watched(found: Iterable[Row], total: int, progress: Progress | None) -> Iterator[Row]:
    for done, row in enumerate(found, 1):
        yield row
        if progress is not None and (done % _EVERY == 0 or done == total):
            progress("exporting", done, total)
