"""Which trust stores a command is about, and the words for what is found in them.

Owns: `--stores` and `--venv`. Refuses to know: how stores are read (certs/trust.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.context import Context

if TYPE_CHECKING:
    from certs.root import Root
    from certs.store import Kind, Store
    from certs.trust import Look

# Those that a machine has by itself, in the order in which they are changed.
KINDS: tuple[Kind, ...] = ("system", "nss", "java")


def governed_hosts(context: Context) -> tuple[str, ...]:
    """What the CA should speak for, as the configuration stands. Raises ConfigError."""
    from aex_addon.routes import routes

    settings = context.settings
    return routes(settings.providers, context.environ, servers=settings.mcp).hosts


class KindList(click.ParamType[Any]):
    """A list with commas."""

    name = "stores"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """As help shows it."""
        return "LIST"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The kinds, each once, in the order in which they are changed."""
        if isinstance(value, tuple):
            return value
        named = [part.strip() for part in str(value).split(",") if part.strip()]
        known = (*KINDS, "venv")
        if not named or not set(named) <= set(known):
            self.fail(f"{value!r}: give one or more of {', '.join(known)}", param, ctx)
        return tuple(kind for kind in known if kind in named)


def stores_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds both options; the command gets `kinds` and `venvs` for `chosen`."""
    command = click.option(
        "--venv",
        "venvs",
        type=click.Path(exists=True, file_okay=False),
        multiple=True,
        help="The certifi bundles of this environment; without --stores, nothing else.",
    )(command)
    return click.option(
        "--stores",
        "kinds",
        type=KindList(),
        default=None,
        help=f"Of {', '.join(KINDS)}.  [all that this machine has]",
    )(command)


def chosen(
    context: Context, kinds: tuple[Kind, ...] | None, venvs: Sequence[str]
) -> tuple[Store, ...]:
    """The stores of this machine that the options name. Raises StoreFailed, UsageError."""
    from certs.machine import this_machine
    from certs.trust import stores

    if kinds and "venv" in kinds and not venvs:
        raise click.UsageError("--stores venv needs --venv PATH")
    named: tuple[Any, ...] = kinds or (() if venvs else KINDS)
    if venvs:
        named = (*named, "venv")
    paths = [Path(venv).absolute() for venv in venvs]
    return stores(this_machine(context.environ), named, paths)


def looks(
    context: Context,
    roots: Sequence[Root],
    kinds: tuple[Kind, ...] | None,
    venvs: Sequence[str],
) -> list[Look]:
    """What each of them holds."""
    from certs.machine import this_machine
    from certs.trust import look

    machine = this_machine(context.environ)
    return [look(machine, store, roots) for store in chosen(context, kinds, venvs)]


def state_of(seen: Look, label: str) -> str:
    """One word: trusted, replaced (only a root from before is there), absent, unknown."""
    if seen.problem:
        return "unknown"
    if label in seen.held.trusted:
        return "trusted"
    return "replaced" if old_roots(seen, label) else "absent"


def old_roots(seen: Look, label: str) -> list[str]:
    """Labels of the roots from before that are in a store."""
    return sorted((seen.held.trusted | seen.held.present) - {label})
