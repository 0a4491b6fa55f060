"""`aex agent delegate`: an agent hands a part of its own budget on, with a token for it.

Owns: one POST to the gateway, with the agent's token, straight to the address.
Refuses to know: the home and the ledger, which agents need not be able to read; how much may be
handed on (ledger/accounts.py).
"""

from __future__ import annotations

from typing import Any

import click

from aex_addon.cli.ask import post, refusal
from aex_addon.cli.caps import caps_of, caps_options
from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, say
from aex_addon.cli.values import COUNT, Duration, Usd
from aex_addon.home import HomeError

_PATH = "/v1/aex/tokens"
_SECOND_NS = 1_000_000_000


@click.command()
@click.option("--budget", type=Usd(), required=True, help="The most that it may spend.")
@click.option("--name", default=None, help="What it is called; the gateway names it otherwise.")
@click.option("--ttl", type=Duration(), default=None, help="How long the token holds, as 1h.")
@click.option("--rpm", type=COUNT, default=None, help="Calls a minute.")
@caps_options
@json_option
@pass_context
def delegate(
    context: Context,
    /,
    budget: int,
    name: str | None,
    ttl: int | None,
    rpm: int | None,
    as_json: bool,
    **caps: Any,
) -> None:
    """Make a token for a part of this agent's own budget; run by the agent itself.

    It pays from what the agent has left, its caps hold beside the agent's own, and it ends no later
    than the token that asks for it: AEX_TOKEN, at the gateway AEX_BASE_URL, both set by `aex run`
    and `aex env`.

    \b
    aex agent delegate --budget 0.25 --name search --ttl 1h
    """
    from web.shapes import amounts, iso, usd

    asked = {
        "budget_usd": usd(budget),
        "name": name,
        "ttl_seconds": ttl // _SECOND_NS if ttl else None,
        "rpm": rpm,
        "caps": caps_of(caps),
    }
    made = _ask(_set(context, "AEX_BASE_URL"), _set(context, "AEX_TOKEN"), asked)
    shape = {
        "name": made["name"],
        "token": made["token"],
        "token_id": made["token_id"],
        **amounts(budget=made["budget_nanousd"]),
        "expires_at": iso(made["expires_at"]),
    }
    if as_json:
        emit(shape)
        return
    facts(
        [
            ("run", shape["name"]),
            ("budget", f"${shape['budget_usd']}"),
            ("token", shape["token"]),
            ("expires", shape["expires_at"] or "never"),
        ]
    )
    say("The token is shown this once; only its hash is kept.")


def _set(context: Context, variable: str) -> str:
    value = context.environ.get(variable, "")
    if not value:
        raise HomeError(f"{variable} is not set; an agent runs this, inside `aex run --agent NAME`")
    return value


def _ask(root: str, token: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What the gateway made. Raises HomeError with the reason where it made nothing."""
    if not root.startswith(("http://", "https://")):
        raise HomeError(f"AEX_BASE_URL is no address of a gateway: {root!r}")
    status, body = post(root, _PATH, token, asked)
    words = all(isinstance(body.get(key), str) for key in ("token", "name", "token_id"))
    counts = all(isinstance(body.get(key), int) for key in ("budget_nanousd", "expires_at"))
    if status == 200 and words and counts:
        return body
    raise refusal(root, status, body, "token")
