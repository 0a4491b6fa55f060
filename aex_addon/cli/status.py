"""`aex status`: is the gateway up, who has what left, where does the log end?

Owns: the overview. Refuses to know: the details, which have commands of their own.
"""

from __future__ import annotations

from typing import Any

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, table


def gateway_shape(context: Context) -> dict[str, Any]:
    """The gateway of the home as found, and whether it answers."""
    from aex_addon.cli import process
    from aex_addon.cli.health import probe

    found = process.find(context.home)
    running = found.state == "running"
    health = probe(*process.reachable(found.listen)) if running else None
    return {
        "running": running,
        "healthy": bool(health and health.ok),
        "reason": health.reason if health else _REASONS[found.state],
        "pid": found.pid if running else None,
        "listen": found.listen if running else None,
        "version": found.version if running else None,
        "started": found.started if running else None,
    }


_REASONS = {
    "absent": "no gateway runs; `aex up` or `aex daemon start` starts one",
    "stale": "no gateway runs, though a pid file is left; `aex daemon start` starts one",
    "unnamed": "the home is in use, by a gateway that is starting or by mitmdump",
    "running": "",
}


def gateway_line(shape: dict[str, Any]) -> str:
    """The same for people."""
    if not shape["running"]:
        return str(shape["reason"])
    serving = "serves" if shape["healthy"] else f"does not serve ({shape['reason']})"
    where = f"http://{shape['listen']}"
    return f"{serving} on {where} (pid {shape['pid']}, version {shape['version']})"


@click.command()
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Show the gateway, the balances and the end of the log.

    \b
    aex status --json
    """
    from web.shapes import agent_shape, iso

    gateway = gateway_shape(context)
    accounts: list[dict[str, Any]] = []
    ledger: dict[str, Any] = {"exists": False, "events": 0, "head_hash": None, "head_time": None}
    if context.has_ledger():
        with context.reader() as reader, reader.snapshot():
            head = reader.head()
            found = [one for one in reader.agents() if one.kind != "run"]
        accounts = [agent_shape(one, context.now_ns()) for one in found]
        ledger = {
            "exists": True,
            "events": head.seq,
            "head_hash": head.event_hash,
            "head_time": iso(head.time_ns),
        }
    if as_json:
        home = str(context.home.path)
        emit({"home": home, "gateway": gateway, "ledger": ledger, "agents": accounts})
        return
    log = f"{ledger['events']} events, head {str(ledger['head_hash'])[:16]}… "
    log += f"of {ledger['head_time']}"
    facts(
        [
            ("home", context.home.path),
            ("gateway", gateway_line(gateway)),
            ("log", log if ledger["exists"] else "none yet"),
            ("agents", sum(one["kind"] == "agent" for one in accounts)),
            ("teams", sum(one["kind"] == "team" for one in accounts) or None),
        ]
    )
    if accounts:
        click.echo()
        table(
            ("name", "kind", "spent", "remaining"),
            [
                (one["name"], one["kind"], f"${one['spent_usd']}", f"${one['remaining_usd']}")
                for one in accounts
            ],
            right="spent remaining",
            cut="name",
        )
