"""Further tokens."""

from __future__ import annotations

import pytest

from aex_addon.cli.context import Context
from aex_addon.cli.issue import issue_token, open_run, sole_agent
from ledger.errors import CommandRefused
from tests.aex_addon.cli.conftest import Aex


def test_the_ledger_gets_the_hash_and_the_label(context: Context, shop: str) -> None:
    """What is issued can be found by its hash, with label, scope and end."""
    token, expires_at = issue_token(context, "shop", "run", 1_000_000_000)
    with context.reader() as reader:
        kept = {one.token_hash: one for one in reader.tokens("shop")}
    assert len(kept) == 2
    one = kept[token.token_hash]
    assert (one.label, one.scope, one.expires_at) == ("run", "execution", expires_at)
    assert 0 < expires_at - one.created_at < 2_000_000_000


def test_nobody_gets_no_token(context: Context, shop: str) -> None:
    """An agent that is not there is refused."""
    with pytest.raises(CommandRefused):
        issue_token(context, "nobody", "run", None)


def test_a_run_has_an_account_of_its_own(context: Context, shop: str) -> None:
    """The run stands below the agent with its budget and end, and its token pays from it first."""
    token, account = open_run(context, "shop", "r1", 700, 1_000_000_000)
    assert account == "shop/r1"
    with context.reader() as reader:
        run = reader.agent(account)
        kept = {one.token_hash: one for one in reader.tokens("shop")}[token.token_hash]
    assert run is not None
    assert (run.kind, run.parent, run.budget_nanousd) == ("run", "shop", 700)
    assert 0 < run.expires_at - run.created_at <= 1_000_000_000
    assert (kept.agent, kept.account, kept.expires_at) == ("shop", account, run.expires_at)


def test_teams_and_runs_get_no_further_tokens(aex: Aex, context: Context, shop: str) -> None:
    """A token is an agent's: teams have none, a run has the one it was made with."""
    aex("team", "create", "lab", 1)
    open_run(context, "shop", "r1", 700, 1_000_000_000)
    for name in ("lab", "shop/r1"):
        with pytest.raises(CommandRefused, match="this takes an agent"):
            issue_token(context, name, "run", None)
        with pytest.raises(CommandRefused, match="this takes an agent"):
            open_run(context, name, "r2", 700, 1_000_000_000)


def test_the_sole_agent(aex: Aex, context: Context) -> None:
    """One agent need not be named; none, or several, are a refusal that says what to do."""
    aex("team", "create", "t", 1)
    with pytest.raises(CommandRefused, match="aex agent create"):
        sole_agent(context)
    aex("agent", "create", "a", 1, 1)
    assert sole_agent(context) == "a"
    aex("agent", "create", "b", 1, 1)
    with pytest.raises(CommandRefused, match="--agent NAME: a, b"):
        sole_agent(context)
