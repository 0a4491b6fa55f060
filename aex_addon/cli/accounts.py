"""What `aex agent` and `aex team` have in common: both stand for accounts of the budget tree.

Owns: their shared options and acts, how an account is shown, and the refusal where a name stands
for another kind of account.
Refuses to know: which command asks (agents.py, agents_show.py, teams.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.caps import caps_text
from aex_addon.cli.context import Context
from aex_addon.cli.output import Command, emit, facts, json_option
from aex_addon.cli.values import COUNT, WINDOW, Usd

if TYPE_CHECKING:
    from ledger.read import Reader

BALANCES = ("budget", "spent", "reserved", "remaining")


def check_known(reader: Reader, name: str | None) -> None:
    """Raises CommandRefused where an account is asked for that never was; None asks for all."""
    from ledger.errors import CommandRefused

    if name is not None and reader.agent(name) is None:
        raise CommandRefused(
            f"there is no agent {name!r}; `aex agent list --deleted --runs` shows all there were"
        )


def credit_options(command: Command) -> Command:
    """NAME, USD and a reason, as `credit` and `withdraw` take them."""
    command = json_option(command)
    command = click.option("--reason", default="", help="Stands in the log beside the amount.")(
        command
    )
    command = click.argument("usd", type=Usd())(command)
    return click.argument("name")(command)


def rate_options(command: Command) -> Command:
    """New rates; None leaves the old."""
    command = click.option(
        "--tpm", type=COUNT, default=None, help="Tokens a minute; 0 is no limit."
    )(command)
    return click.option("--rpm", type=COUNT, default=None, help="Calls a minute; 0 is no limit.")(
        command
    )


def window_option(command: Command) -> Command:
    """A new window of the budget; None leaves the old."""
    return click.option("--window", type=WINDOW, default=None, help="What the budget is for.")(
        command
    )


def end_options(command: Command) -> Command:
    """NAME, and whether to go on without a question."""
    command = json_option(command)
    command = click.option("--yes", is_flag=True, help="Do not ask.")(command)
    return click.argument("name")(command)


def state_options(command: Command) -> Command:
    """NAME, STATE and a reason, as `move` takes them."""
    command = json_option(command)
    command = click.option("--reason", required=True, help="Stands in the log, and in denials.")(
        command
    )
    command = click.argument("state", metavar="STATE", type=str.upper)(command)
    return click.argument("name")(command)


def move(context: Context, name: str, state: str, reason: str, as_json: bool) -> None:
    """Puts an account into another lifecycle state and shows it. Raises CommandRefused."""
    from ledger.admin_commands import SetState

    context.execute(SetState(name, state, reason, context.actor))
    show_account(context, name, as_json, "lifecycle_state", "lifecycle_reason")


def credit(context: Context, name: str, usd: int, reason: str, as_json: bool) -> None:
    """Adds to an account's budget and shows what it has then."""
    from ledger.admin_commands import CreditAgent

    context.execute(CreditAgent(name, usd, reason, context.actor))
    show_account(context, name, as_json, "budget", "remaining")


def withdraw(context: Context, name: str, usd: int, reason: str, as_json: bool) -> None:
    """Takes back of an account's budget and shows what it has then."""
    from ledger.admin_commands import Withdraw

    context.execute(Withdraw(name, usd, reason, context.actor))
    show_account(context, name, as_json, "budget", "remaining")


def change_limits(context: Context, name: str, changes: dict[str, Any]) -> None:
    """Changes what is not None, by the names that SetLimits has. Raises UsageError for nothing."""
    from ledger.admin_commands import SetLimits

    if all(value is None for value in changes.values()):
        raise click.UsageError("name at least one limit, such as --rpm 60")
    context.execute(SetLimits(name, context.actor, **changes))


def end(context: Context, kind: str, name: str, as_json: bool, question: str) -> None:
    """Ends an account and says so; asks before, where there is a question."""
    from ledger.admin_commands import DeleteAgent

    if question:
        click.confirm(question, abort=True, err=True)
    context.execute(DeleteAgent(name, context.actor))
    if as_json:
        emit({"name": name, "deleted": True})
    else:
        click.echo(f"{kind} {name} has ended")


def require(context: Context, name: str, *kinds: str) -> None:
    """Refuses an account that is none of these kinds, or is not there."""
    from ledger.errors import CommandRefused
    from ledger.state import DELETED

    with context.reader() as reader:
        found = reader.agent(name)
    if found is None or found.lifecycle_state == DELETED:
        kind = "team" if "team" in kinds else "agent"
        raise CommandRefused(
            f"there is no {kind} {name!r}; `aex {kind} list` shows those there are"
        )
    if found.kind not in kinds:
        words = " or ".join("an agent" if kind == "agent" else f"a {kind}" for kind in kinds)
        raise CommandRefused(f"{name} is of the kind {found.kind}; this takes {words}")


def show_account(context: Context, name: str, as_json: bool, *keys: str) -> None:
    """An account as it stands after a change: all of it as JSON, or these keys for people."""
    from web.shapes import agent_shape

    with context.reader() as reader:
        found = reader.agent(name)
    # It was there a moment ago; nothing ever takes a row away.
    assert found is not None
    shape = agent_shape(found, context.now_ns())
    if as_json:
        emit(shape)
    else:
        facts([(found.kind, name), *((label(key), shape_text(shape, key)) for key in keys)])


def shape_text(shape: dict[str, Any], key: str) -> object:
    """One value of an account's document for people."""
    if key in BALANCES:
        return f"${shape[f'{key}_usd']}"
    if key in {"rpm", "tpm"}:
        return shape[key] or "no limit"
    if key == "caps":
        return caps_text(shape[key]) or "none"
    return shape[key]


def label(key: str) -> str:
    """What people call a key of the document."""
    words = {"rpm": "calls a minute", "tpm": "tokens a minute", "on_short_budget": "short budget"}
    return words.get(key, key.replace("_", " "))
