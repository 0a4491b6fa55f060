"""`aex models reload`: the running gateway reads aex.toml anew.

Owns: asking, waiting, and the words for what came of it.
Refuses to know: what a reload does (aex_addon/reload.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from aex_addon.cli import process
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, say
from aex_addon.home import HomeError

# A key may come from a helper, which is given ten seconds.
_PATIENCE_S = 30.0
_LOOK_S = 0.05


@click.command("reload")
@json_option
@click.pass_context
@pass_context
def reload_models(context: Context, ctx: click.Context, as_json: bool) -> None:
    """Let the running gateway read aex.toml anew: routes, prices, keys, limits, rules, plugins.

    All of it takes effect, or none if there is a mistake. Calls under way end as they began.

    \b
    aex models reload
    """
    found = process.find(context.home)
    if found.state == "unnamed":
        raise HomeError(
            f"{context.home.path} is in use by a gateway that is starting or by mitmdump, which "
            "reads aex.toml only when it starts"
        )
    if found.state != "running":
        raise HomeError("no gateway runs; the next start reads aex.toml by itself")
    came = _ask(context, found)
    if as_json:
        emit(came)
    else:
        _tell(came)
    ctx.exit(0 if came["ok"] else 1)


def _ask(context: Context, gateway: process.Gateway) -> Mapping[str, Any]:
    from aex_addon import reload_asks

    name = reload_asks.ask(context.home, context.actor)
    deadline = time.monotonic() + _PATIENCE_S
    try:
        process.hang_up(gateway)
        while (came := reload_asks.told(context.home, name)) is None:
            if process.find(context.home).state != "running":
                raise HomeError("the gateway has ended meanwhile; `aex daemon logs` says why")
            if time.monotonic() > deadline:
                raise HomeError(
                    f"the gateway (pid {gateway.pid}) has not answered for {_PATIENCE_S:.0f} s; "
                    "`aex daemon logs` may say why"
                )
            time.sleep(_LOOK_S)
    except ProcessLookupError:
        raise HomeError("the gateway has ended meanwhile") from None
    finally:
        reload_asks.forget(context.home, name)
    return came


def _tell(came: Mapping[str, Any]) -> None:
    if not came["ok"]:
        for problem in came["problems"]:
            say(f"aex: {problem}")
        say("aex: nothing has changed; the gateway goes on as it was")
        return
    named = [(what, ", ".join(came[what])) for what in ("added", "changed", "removed")]
    if any(keys for _, keys in named):
        facts(named)
    else:
        click.echo("nothing in aex.toml has changed; keys were read anew")
    for key in came["restart"]:
        say(f"aex: note: {key} waits for `aex daemon restart`")
