"""`aex audit`: do the log, the balances and the tables agree?

Owns: how findings are shown, and the exit code. Refuses to know: the laws.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, paint, plain


@click.command()
@json_option
@click.pass_context
@pass_context
def audit(context: Context, ctx: click.Context, as_json: bool) -> None:
    """Check the log and every balance; exit code 1 if a law is broken.

    \b
    aex audit --json
    """
    from ledger.audit import audit as findings_of

    def progress(events: int) -> None:
        click.echo(f"\r{events} events", nl=False, err=True)

    watched = sys.stderr.isatty() and not as_json
    with context.reader() as reader:
        events = reader.head().seq
        findings = findings_of(reader, progress if watched else None)
    if watched and events >= 1000:
        click.echo("\r", nl=False, err=True)
    ok = all(finding.holds for finding in findings)
    if as_json:
        emit({"ok": ok, "events": events, "findings": [asdict(finding) for finding in findings]})
    else:
        width = max(len(finding.law) for finding in findings)
        for finding in findings:
            verdict = paint("ok    ", "green") if finding.holds else paint("BROKEN", "red")
            click.echo(f"{verdict}  {finding.law.ljust(width)}  {plain(finding.detail)}")
        click.echo("the books hold" if ok else "the books are broken: serve nothing from them")
    ctx.exit(0 if ok else 1)
