"""`aex up`: the gateway in the foreground.

Owns: what is made before it starts, and what it says once it listens.
Refuses to know: the gateway itself (aex_addon/gateway.py).
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from aex_addon import addresses
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.init import write_template
from aex_addon.cli.output import emit, json_option, say
from aex_addon.cli.values import Listen

if TYPE_CHECKING:
    from aex_addon.settings import Settings

listen_option = click.option(
    "--listen", type=Listen(), default=None, help="Instead of the configured address."
)


@click.command()
@listen_option
@json_option
@click.pass_context
@pass_context
def up(context: Context, ctx: click.Context, listen: str | None, as_json: bool) -> None:
    """Run the gateway here, until Ctrl-C; calls under way are finished first.

    Needs no set-up: what is missing is made.

    \b
    aex up --listen 127.0.0.1:9100
    """
    from aex_addon import gateway
    from aex_addon.settings_load import load

    context.home.ensure()
    write_template(context.home)
    # The option is the variable by another name, so that it holds when aex.toml is read anew.
    environ = {**context.environ, **({"AEX_LISTEN": listen} if listen else {})}
    settings = load(context.home, environ)
    for note in notes(settings):
        say(f"aex: note: {note}")

    def on_ready(host: str, port: int) -> None:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if as_json:
            emit({"listen": where, "url": f"http://{where}", "pid": os.getpid()})
            return
        click.echo(f"AEX serves on http://{where}")
        click.echo(_guide(context, where))

    ctx.exit(gateway.run(context.home, settings, on_ready, environ))


def _guide(context: Context, where: str) -> str:
    """What to do next."""
    with context.reader() as reader:
        names = [agent.name for agent in reader.agents()]
    lines = [] if names else ["  make an agent      aex agent create NAME BUDGET_USD RPM"]
    name = names[0] if names else "NAME"
    return "\n".join(
        [
            *lines,
            f"  run a command      aex run --agent {name} -- COMMAND",
            f'  or export          eval "$(aex env --agent {name})"',
            f"  which sets         HTTPS_PROXY=http://{name}:TOKEN@{where} and the CA bundle,",
            f"                     OPENAI_BASE_URL=http://{where}/v1",
            "  look               aex dashboard",
        ]
    )


def notes(settings: Settings) -> list[str]:
    """What is allowed, and worth a sentence when the gateway starts."""
    found = []
    if not _is_loopback(settings.listen_host):
        found.append(
            f"{settings.listen} can be reached from other machines, without TLS: tokens and "
            "prompts cross that network in the clear"
        )
    for mode in settings.capture:
        listen = mode.rpartition("@")[2] if mode.startswith("transparent") else ""
        if listen and not _is_loopback(addresses.split_listen(listen)[0]):
            found.append(f"{mode}: whoever sends from an address named there spends as its agent")
    asked = {f"providers.{name}": each.upstream or "" for name, each in settings.providers.items()}
    asked |= {f"mcp.{name}": each.url for name, each in settings.mcp.items()}
    for name, address in asked.items():
        upstream = urlsplit(address)
        if upstream.scheme == "http" and not _is_loopback(upstream.hostname or ""):
            found.append(f"{name}: key and prompts go to its upstream without TLS")
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
