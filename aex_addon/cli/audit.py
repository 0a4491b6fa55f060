"""`aex audit`: do the log, the balances, the tables and all that was ever signed agree?

Owns: which evidence an audit is given, where it begins, how findings are shown, the exit code.
Refuses to know: the laws.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, paint, plain
from aex_addon.cli.progress import shown

if TYPE_CHECKING:
    from ledger.audit import Report
    from ledger.read import Reader

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--full", is_flag=True, help="From the first event, whatever was audited before.")
@click.option(
    "--witness",
    "witnesses",
    type=FILE,
    multiple=True,
    help="A checkpoint that was kept elsewhere. May be given again. Audits in full.",
)
@click.option(
    "--vkey-file",
    type=FILE,
    default=None,
    help="Verifier keys that were kept elsewhere, instead of the home's. Audits in full.",
)
@json_option
@click.pass_context
@pass_context
def audit(
    context: Context,
    ctx: click.Context,
    full: bool,
    witnesses: tuple[Path, ...],
    vkey_file: Path | None,
    as_json: bool,
) -> None:
    """Check the log and every balance; exit code 1 if a law is broken.

    It begins where the last audit of this home ended, if that found nothing.

    \b
    aex audit --json
    aex audit --witness kept-elsewhere.note --vkey-file kept-elsewhere.pub
    """
    # Who brings evidence doubts the home, and so all that an earlier audit left in it.
    whole = full or bool(witnesses) or vkey_file is not None
    with context.reader() as reader:
        report, rate = _examine(context, reader, whole, witnesses, vkey_file, quiet=as_json)
    if as_json:
        found = [asdict(finding) for finding in report.findings]
        told = {"ok": report.holds, "events": report.events, "since": report.since}
        emit({**told, "events_per_second": rate, "findings": found})
    else:
        _tell(report, rate)
    ctx.exit(0 if report.holds else 1)


def _examine(
    context: Context,
    reader: Reader,
    whole: bool,
    witnesses: tuple[Path, ...],
    vkey_file: Path | None,
    quiet: bool,
) -> tuple[Report, int]:
    """The report, and how many events were replayed a second."""
    from aex_addon import audited, keys
    from aex_addon.outside import Outside
    from ledger.audit import examine
    from ledger.audit_checkpoints import Evidence
    from ledger.errors import IntegrityBroken
    from ledger.vouched import origin_of

    home = context.home
    vkeys = keys.read_verifier_keys(vkey_file) if vkey_file else keys.verifier_keys(home)
    notes = Outside(home).notes()
    notes += [(str(path), path.read_text(encoding="utf-8", errors="replace")) for path in witnesses]
    evidence = Evidence(tuple(vkeys), tuple(notes))
    try:
        origin = origin_of(next((one.event.payload for one in reader.log(upto=1)), ""))
    except IntegrityBroken:
        origin = ""
    last = audited.load(home, vkeys, origin) if origin and not whole else None
    with watched(reader.head().seq, quiet) as progress:
        began = time.perf_counter()
        if last is not None:
            report = examine(
                reader, progress, evidence.with_note("the last audit", last[1]), last[0]
            )
        else:
            report = examine(reader, progress, evidence)
        if last is not None and not report.holds:
            # What is wrong is named best from the first event on.
            report = examine(reader, progress, evidence)
        took = time.perf_counter() - began
    if report.holds and origin:
        audited.save(home, report, origin)
    return report, round((report.events - report.since) / took)


@contextmanager
def watched(events: int, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """What a replay tells the events done so far; None where nobody would see it."""
    with shown(not quiet) as progress:
        yield None if progress is None else lambda done: progress("replaying", done, events)


def _tell(report: Report, rate: int) -> None:
    width = max(len(finding.law) for finding in report.findings)
    for finding in report.findings:
        verdict = paint("ok    ", "green") if finding.holds else paint("BROKEN", "red")
        click.echo(f"{verdict}  {finding.law.ljust(width)}  {plain(finding.detail)}")
    read = f"{report.events - report.since} events replayed, {rate}/s"
    if report.since:
        read += f"; to the {report.since} before the last audit vouches (--full reads them again)"
    click.echo(read)
    click.echo(
        "the books hold" if report.holds else "the books are broken: serve nothing from them"
    )
