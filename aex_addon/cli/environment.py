"""The environment of an agent: what `aex env` prints and `aex run` sets.

Owns: bringing together the gateway's address, the bundle and a token.
Refuses to know: the names of the variables (certs/env.py), shells, child processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aex_addon.cli.context import Context
from aex_addon.cli.output import Command
from aex_addon.home import HomeError

if TYPE_CHECKING:
    from certs.env import EnvironmentChange

# auto: both. What knows the base URL uses it, everything else goes through the proxy.
DOORS = ("auto", "proxy", "base-url")

door_option = click.option(
    "--door",
    type=click.Choice(DOORS),
    default="auto",
    show_default=True,
    help="How calls reach AEX: as a proxy, by base URL, or (auto) whichever the agent knows.",
)

shims_option = click.option(
    "--no-shims",
    "shims",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Load nothing into Node and Python; aiohttp and much of Node then go around the proxy.",
)

# The words of certs.render.SHELLS, which takes too long to import for a line of help.
_shell = click.option(
    "--shell",
    type=click.Choice(["sh", "bash", "zsh", "fish", "powershell", "json", "dotenv", "docker"]),
    default="bash",
    show_default=True,
    metavar="SHELL",
    help="For sh, bash, zsh, fish or powershell; or as json, dotenv, or docker (--env-file).",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="The same as --shell json.")


def shell_options(command: Command) -> Command:
    """For whom variables are written; the command gets `shell` and `as_json`."""
    return _shell(_as_json(command))


def address(context: Context) -> tuple[str, int]:
    """Where the gateway is, or will be: as its pid file says, else as configured."""
    from aex_addon.cli import process

    found = process.find(context.home)
    if found.state == "running":
        return process.reachable(found.listen)
    host, port = process.reachable(context.settings.listen)
    if port == 0:
        raise HomeError("no gateway runs, and it chooses its port when it starts; run: aex up")
    return host, port


def refresh_bundle(context: Context) -> None:
    """The bundle, with the roots that this user's environment names as well.

    It is the one that other agents read at this moment, so nothing is taken out of it here; the
    gateway writes it afresh whenever it starts.
    """
    from certs import ca
    from certs.bundle import write_bundle
    from certs.env import user_bundles

    home = context.home
    root = ca.load(home.ca_dir).root_pem
    write_bundle(home.bundle, root, [*user_bundles(context.environ), home.bundle])


def change(
    context: Context, agent: str, token: str, door: str, *, shims: bool = True
) -> EnvironmentChange:
    """What must change for a process to be this agent."""
    from certs.ca import ROOT_FILE
    from certs.env import BASE_URLS, SHIMS, EnvironmentChange, agent_environment, proxy_url

    host, port = address(context)
    root = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    made = agent_environment(
        proxy_url(agent, token, host, port),
        root,
        context.home.bundle,
        context.home.ca_dir / ROOT_FILE,
        token,
        context.environ,
        door="base-url" if door == "base-url" else "proxy",
        shims=SHIMS if shims else None,
    )
    values = made.set | {"AEX_AGENT": agent, "AEX_TOKEN": token, "AEX_BASE_URL": root}
    if door == "auto":
        values |= {name: root + path for name, path in BASE_URLS.items()}
    return EnvironmentChange(values, tuple(name for name in made.unset if name not in values))
