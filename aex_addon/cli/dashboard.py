"""`aex dashboard`: a link that signs a browser in at the gateway's pages, once.

Owns: finding the running gateway, asking it for the link, opening it.
Refuses to know: what a link is good for (web/auth.py), what the pages show.
"""

from __future__ import annotations

import sys
import webbrowser

import click

from aex_addon.cli import process
from aex_addon.cli.ask import post, refusal
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, say
from aex_addon.home import HomeError

_PATH = "/admin/links"


@click.command()
@click.option("--read-only", is_flag=True, help="For somebody who may look and not act.")
@click.option("--no-open", is_flag=True, help="Print the link, and open no browser.")
@json_option
@pass_context
def dashboard(context: Context, read_only: bool, no_open: bool, as_json: bool) -> None:
    """Open the dashboard in a browser, signed in. The link works once, for two minutes.

    \b
    aex dashboard
    aex dashboard --read-only --no-open
    """
    from aex_addon.web_tokens import web_tokens

    found = process.find(context.home)
    if found.state != "running":
        raise HomeError("no gateway runs; `aex up` or `aex daemon start` starts one")
    host, port = process.reachable(found.listen)
    root = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    token = web_tokens(context.home)["operator"]
    asked = {"role": "viewer" if read_only else "operator"}
    status, made = post(root, _PATH, token, asked)
    if status != 201 or not isinstance(made.get("url"), str):
        raise refusal(root, status, made, "link")
    if as_json:
        emit(made)
        return
    click.echo(made["url"])
    if not no_open and sys.stdout.isatty() and webbrowser.open(made["url"]):
        say("Opened in your browser. The link works once; ask for another for another browser.")
