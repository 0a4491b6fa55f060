"""`aex policy …`: what the rules and plugins are, and what they would say of a call.

Owns: reading REQUEST.json, and how the steps are shown.
Refuses to know: how a call is decided on (explained.py). Nothing here asks a running gateway; it is
the policy as it stands in the home now.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, json_option, paint, table
from aex_addon.cli.values import Moment

if TYPE_CHECKING:
    from aex_addon.configuration import Configuration
    from aex_addon.explained import Explanation
    from aex_addon.policy.policy import Policy

_BYTES_MAX = 64 * 2**20
_STYLES = {"passes": "green", "lowers": "yellow", "refuses": "red"}


@click.group()
def policy() -> None:
    """The operator's policy: rules of aex.toml, and plugins in `policies/` of the home."""


@policy.command("list")
@json_option
@click.pass_context
@pass_context
def list_policy(context: Context, ctx: click.Context, as_json: bool) -> None:
    """Show the rules and plugins, loading each plugin once.

    The exit code is 1 if a plugin cannot be used; the gateway then refuses every call, unless all
    of the policy is in shadow.

    \b
    aex policy list
    """
    made = policy_here(context)
    asyncio.run(_with(made, _nothing))
    shadow = "shadow"
    rows = [
        {
            "kind": "rule",
            "name": rule.name,
            "mode": shadow if made.shadow else rule.mode,
            "what": rule.model_dump(
                mode="json", by_alias=True, exclude_none=True, exclude={"name", "mode"}
            ),
        }
        for rule in context.settings.rules
    ]
    rows += [
        {
            "kind": "plugin",
            "name": plugin.name,
            "mode": shadow if made.shadow else "enforce",
            "what": {"sha256": plugin.sha256},
        }
        for plugin in made.plugins
    ]
    if as_json:
        emit({"ok": not made.problem, "hash": made.digest, "problem": made.problem, "policy": rows})
    else:
        _show(made, rows, context.settings.policy.where_broken)
    ctx.exit(1 if made.problem else 0)


def _show(made: Policy, rows: list[dict[str, Any]], where_broken: str) -> None:
    if rows:
        shown = [(row["kind"], row["name"], row["mode"], _brief(row["what"])) for row in rows]
        table(("kind", "name", "mode", "what"), shown)
    elif not made.problem:
        click.echo("no rules and no plugins: every call passes the policy")
    if made.problem:
        click.echo(f"{paint(where_broken, 'red')}: {made.problem}")
    click.echo(f"hash  {made.digest}")


def _brief(what: dict[str, Any]) -> str:
    return json.dumps(what, ensure_ascii=False, separators=(", ", ": "))


@policy.command("test")
@click.argument("request", metavar="REQUEST.json", type=click.File("rb"))
@click.option("--agent", required=True, metavar="NAME", help="Whose call it would be.")
@click.option("--at", type=Moment(), help="The time that rules are asked at, else now.")
@json_option
@click.pass_context
@pass_context
def test_policy(
    context: Context, ctx: click.Context, request: Any, agent: str, at: int | None, as_json: bool
) -> None:
    """Explain what would become of a call: each rule, each plugin, the caps, the outcome.

    REQUEST.json is {"method", "url" or "path", "provider", "headers", "body"}: the URL of a
    provider's own API, or a path at AEX's own address, or with "provider" that provider's own
    path. Only the URL or the path must be there. Nothing is sent, and nothing is recorded. The exit
    code is 0 if it would be let through, else 1.

    \b
    echo '{"path": "/v1/embeddings", "body": {"model": "m", "input": "hi"}}' |
      aex policy test - --agent shop --at 2026-11-28T23:00+01:00
    """
    from aex_addon import clock
    from aex_addon.explained import Unreadable, explain
    from ledger.errors import CommandRefused
    from ledger.state import State

    try:
        asked = json.loads(request.read(_BYTES_MAX))
        if not isinstance(asked, dict):
            raise Unreadable("it is no table")
        made = configuration_here(context)
        with context.reader() as reader:
            accounts = {each.name: each for each in reader.agents()}
            books = State(agents=accounts, rates=reader.rates(), tools=reader.tools())
        when = clock.utc_now() if at is None else datetime.fromtimestamp(at // 10**9, UTC)
        now_ns = context.now_ns()

        async def ask() -> Explanation:
            return await explain(asked, made, books, agent, when, now_ns)

        explained = asyncio.run(_with(made.policy, ask))
    except LookupError:
        raise CommandRefused(f"there is no agent {agent!r}; `aex agent list` shows them") from None
    except ValueError as error:
        raise CommandRefused(f"the request cannot be read: {error}") from error
    if as_json:
        emit(asdict(explained))
    else:
        _tell(explained)
    ctx.exit(0 if explained.admitted else 1)


def _tell(explained: Explanation) -> None:
    for step in explained.steps:
        told = step.shadow and step.says in ("refuses", "lowers")
        word = paint(step.says.ljust(9), _STYLES.get(step.says, "bold"))
        word += " (in shadow)" if told else ""
        click.echo(f"{word}  {step.step}{': ' if step.why else ''}{step.why}")
    click.echo(explained.outcome)
    if explained.decision_hash:
        click.echo(f"decision hash  {explained.decision_hash}")


def policy_here(context: Context) -> Policy:
    """The policy of the home; one that refuses all where plugins cannot be read."""
    from aex_addon.policy.policy import policy_or_refusal

    return policy_or_refusal(context.settings.policy, context.settings.rules, context.home.path)


def configuration_here(context: Context) -> Configuration:
    """The configuration as a start would read it, but for keys."""
    from aex_addon import clock
    from aex_addon.configuration import configure
    from aex_addon.known_secrets import Secrets

    made = configure(context.settings, context.environ, Secrets(), clock.utc_now())
    return replace(made, policy=policy_here(context))


async def _with[R](made: Policy, work: Callable[[], Awaitable[R]]) -> R:
    """Works with the plugins loaded, as far as they can be, and ends them."""
    from aex_addon.policy.files import PolicyError

    try:
        with suppress(PolicyError):  # it then refuses every call, and says why
            await made.begin()
        return await work()
    finally:
        await made.stop()


async def _nothing() -> None:
    """Loading is all that is wanted."""
