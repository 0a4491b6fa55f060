"""`aex version`.

Owns: what AEX says about itself. Refuses to know: everything else.
"""

from __future__ import annotations

import platform

import click

from aex_addon.cli.output import emit, json_option
from aex_addon.version import version


@click.command("version")
@json_option
def version_command(as_json: bool) -> None:
    """Print which AEX this is.

    \b
    aex version --json
    """
    if as_json:
        emit({"version": version(), "python": platform.python_version()})
    else:
        click.echo(f"aex {version()}")
