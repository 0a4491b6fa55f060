"""`aex plugin …`: the tools that agents may have run.

Owns: the commands that install, show, enable, disable and remove tools.
Refuses to know: what a manifest may say (tools/manifest.py), who may have which tool run (caps).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import Command, emit, facts, json_option, say, table

if TYPE_CHECKING:
    from ledger.state import ToolPlugin

_PATH = click.Path(path_type=Path)
_SHOWN = ("version", "state", "cost_usd", "sha256", "installed_at", "changed_at")


@click.group()
def plugin() -> None:
    """Tools that agents may have run in a sandbox.

    Plugins of the policy are files in `policies/` of the home: `aex policy list`.
    """


def _name_and_reason(command: Command) -> Command:
    command = json_option(command)
    command = click.option("--reason", default="", help="Stands in the log beside the act.")(
        command
    )
    return click.argument("name")(command)


@plugin.command("hash")
@click.argument("package", type=_PATH)
@json_option
def hash_(package: Path, as_json: bool) -> None:
    """Show the sha256 that a manifest names for PACKAGE: a folder, a file, a .tar.gz or a .zip.

    \b
    aex plugin hash ./lookup
    """
    from aex_addon.tools.members import PackageError
    from aex_addon.tools.package import digest
    from ledger.errors import CommandRefused

    try:
        found = digest(package)
    except PackageError as error:
        raise CommandRefused(str(error)) from None
    if as_json:
        emit({"sha256": found})
    else:
        click.echo(found)


@plugin.command()
@click.argument("manifest", type=_PATH)
@click.argument("package", type=_PATH)
@click.option("--reason", default="", help="Stands in the log beside the act.")
@json_option
@pass_context
def install(context: Context, manifest: Path, package: Path, reason: str, as_json: bool) -> None:
    """Take a tool in; it runs once it is enabled. Another version takes the place of the old.

    \b
    aex plugin install lookup.toml ./lookup
    """
    from dataclasses import replace

    from aex_addon.tools import registry
    from aex_addon.tools.manifest import ManifestError
    from aex_addon.tools.members import PackageError
    from ledger.errors import CommandRefused

    context.home.ensure()
    try:
        command = registry.install(context.home.tools, manifest, package, context.actor)
    except (ManifestError, PackageError) as error:
        raise CommandRefused(str(error)) from None
    context.execute(replace(command, reason=reason))
    shape = _show(context, command.tool, as_json)
    if shape["state"] != "enabled" and not as_json:
        name = command.tool
        say(f"Look at it (`aex plugin show {name}`), then let it run: `aex plugin enable {name}`.")


@plugin.command("list")
@json_option
@pass_context
def list_plugins(context: Context, as_json: bool) -> None:
    """Show the tools that are installed.

    \b
    aex plugin list
    """
    from web.shapes import tool_shape

    shapes = [tool_shape(tool) for tool in _installed(context).values()]
    if as_json:
        emit(shapes)
    elif not shapes:
        click.echo("no tools yet; `aex plugin install MANIFEST PACKAGE` takes one in")
    else:
        rows = [(s["name"], s["version"], s["state"], f"${s['cost_usd']}") for s in shapes]
        table(("tool", "version", "state", "a run"), rows, right="run")


@plugin.command()
@click.argument("name")
@json_option
@pass_context
def show(context: Context, name: str, as_json: bool) -> None:
    """Show a tool with its manifest: what it runs, and what it may touch.

    \b
    aex plugin show lookup
    """
    shape = _show(context, name, as_json)
    if not as_json:
        said = shape["manifest"] or {}
        facts((key, _words(value)) for key, value in said.items() if key not in shape)


@plugin.command()
@_name_and_reason
@pass_context
def enable(context: Context, name: str, reason: str, as_json: bool) -> None:
    """Let agents have a tool run, as their caps allow.

    \b
    aex plugin enable lookup
    """
    from aex_addon.tools.sandbox import unavailable

    _set(context, name, "enabled", reason, as_json)
    if why := unavailable():
        say(f"It does not run on this machine yet: {why}.")


@plugin.command()
@_name_and_reason
@pass_context
def disable(context: Context, name: str, reason: str, as_json: bool) -> None:
    """Let nobody have a tool run; what is running comes to its end.

    \b
    aex plugin disable lookup --reason "a new version comes"
    """
    _set(context, name, "disabled", reason, as_json)


@plugin.command()
@_name_and_reason
@pass_context
def remove(context: Context, name: str, reason: str, as_json: bool) -> None:
    """Take a tool and its package away; the log keeps what it was.

    \b
    aex plugin remove lookup
    """
    from aex_addon.tools.registry import forget
    from ledger.admin_commands import SetTool

    found = _installed(context).get(name)
    context.execute(SetTool(name, "removed", context.actor, reason))
    if found is not None:
        forget(context.home.tools, found)
    if as_json:
        emit({"name": name, "removed": True})
    else:
        click.echo(f"tool {name} is removed")


def _set(context: Context, name: str, state: str, reason: str, as_json: bool) -> None:
    from ledger.admin_commands import SetTool

    context.execute(SetTool(name, state, context.actor, reason))
    _show(context, name, as_json)


def _installed(context: Context) -> dict[str, ToolPlugin]:
    from ledger.state import REMOVED

    if not context.has_ledger():
        return {}
    with context.reader() as reader:
        return {name: one for name, one in reader.tools().items() if one.state != REMOVED}


def _show(context: Context, name: str, as_json: bool) -> dict[str, Any]:
    """A tool as it stands. Raises CommandRefused where there is none."""
    from ledger.errors import CommandRefused
    from web.shapes import tool_shape

    found = _installed(context).get(name)
    if found is None:
        raise CommandRefused(f"there is no tool {name!r}; `aex plugin list` shows those there are")
    shape = tool_shape(found)
    if as_json:
        emit(shape)
    else:
        facts([("tool", name), *((key.replace("_", " "), shape[key]) for key in _SHOWN)])
    return shape


def _words(value: object) -> object:
    if isinstance(value, dict):
        return " ".join(f"{key}={text}" for key, text in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else value
