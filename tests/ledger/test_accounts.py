"""Laws of accounts: what may stand in the budget tree, and what an agent may hand on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.accounts import DEPTH_MAX
from ledger.admin_commands import Command, DeleteAgent, RevokeToken, SetLimits
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Admitted, Denied, Done, Rejected
from tests.ledger.making import (
    SECOND,
    START,
    Pure,
    admit,
    commit,
    create,
    issue,
    run,
    started,
    team,
    token_hash,
    word,
)

HOUR = START + 3_600 * SECOND


def refusal(kernel: Pure, command: Command) -> str:
    """Why the command was rejected; it must have left no event."""
    before = list(kernel.log)
    outcome = kernel(command)
    assert isinstance(outcome, Rejected), outcome
    assert kernel.log == before
    return outcome.message


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (create("x", kind="run"), "one of team, agent"),
        (create("x", kind="team"), "a team has none"),
        (create("x", token_hash=""), "an agent has a token, and a team has none"),
        (create("x", kind="team"), "an agent has a token, and a team has none"),
        (create("x", parent="nobody"), "there is no team 'nobody'"),
        (create("x", parent="alice"), "there is no team 'alice'"),
        (create("x", parent="gone"), "there is no team 'gone'"),
        (create("x", parent="x"), "there is no team 'x'"),
        (create("x", budget_window="hour"), "one of total, day, week, month"),
        (team("org"), "team org exists"),
    ],
)
def test_accounts_that_cannot_be(command: Command, why: str) -> None:
    """An account of no kind, in no place or without its credentials is refused with the rule."""
    kernel = started()
    for each in (team("org"), team("gone"), DeleteAgent("gone", "operator")):
        kernel(each)
    assert why in refusal(kernel, command)


def test_a_tree_is_no_deeper_than_it_may_be() -> None:
    """Accounts stand below each other down to the limit, and neither agent nor run below it."""
    kernel = Pure()
    parent = None
    for number in range(DEPTH_MAX - 1):
        assert kernel(team(f"t{number}", parent=parent)) == Done(f"t{number}")
        parent = f"t{number}"
    assert kernel(create(parent=parent)) == Done("alice")
    assert kernel(team("t9", parent=parent)) == Done("t9")
    assert "at most 6 accounts deep" in refusal(kernel, create("bob", parent="t9"))
    assert "at most 6 accounts deep" in refusal(kernel, run("alice", "r1", 1))


@pytest.mark.parametrize("parent", [None, "below", "beside"])
def test_an_account_keeps_its_place(parent: str | None) -> None:
    """A name created again stands where it stood, so that there are no cycles or lost levels."""
    kernel = Pure()
    for command in (
        team("org"),
        team("team", parent="org"),
        team("below", parent="team"),
        team("beside"),
        DeleteAgent("team", "operator"),
    ):
        kernel(command)
    assert "stood below org" in refusal(kernel, team("team", parent=parent))
    assert kernel(team("team", parent="org")) == Done("team")


def test_an_adjustment_of_an_earlier_life_reaches_the_levels_that_paid() -> None:
    """What an account spent before it was deleted is corrected above it, not on its new budget."""
    kernel = Pure()
    for command in (
        team(),
        create(parent="team"),
        admit("e1"),
        commit("e1", 60),
        DeleteAgent("alice", "operator"),
        create(parent="team", token_hash="new"),
        commit("e1", 60),
    ):
        kernel(command)
    kernel(admit("e2", token_hash="new"))
    assert (kernel.balance("team"), kernel.balance()) == ((1_200, 60, 100), (1_000, 0, 100))


def test_an_operator_opens_a_run() -> None:
    """A run is an account below its agent, with a token of the agent that the run pays for."""
    kernel = started(rpm=5)
    assert kernel(run("alice", "r1", 300)) == Done("alice/r1")
    account = kernel.state.agents["alice/r1"]
    assert (account.kind, account.parent, account.tpm) == ("run", "alice", 0)
    token = kernel.state.tokens[token_hash("alice/r1")]
    assert (token.agent, token.account) == ("alice", "alice/r1")
    assert word(kernel(admit("e1", "alice/r1", 300))) == "holds 300 cap 0"
    assert kernel.balance() == (1_000, 0, 300)
    denied = kernel(admit("e2", "alice/r1", 1))
    assert isinstance(denied, Denied)
    assert (denied.agent, denied.account) == ("alice", "alice/r1")


def test_the_tokens_of_a_run_end_with_it() -> None:
    """Those of runs below it, too; its agent's and those of other runs stay."""
    kernel = started()
    for name, label in (("alice", "r1"), ("alice/r1", "r2"), ("alice", "r11")):
        kernel(run(name, label, 300))
    kernel(DeleteAgent("alice/r1", "operator"))
    ended = {token.account for token in kernel.state.tokens.values() if token.revoked_at}
    assert ended == {"alice/r1", "alice/r1/r2"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "nobody"}, "there is no agent 'nobody'"),
        ({"name": "org"}, "there is no agent 'org'"),
        ({"name": "bob"}, "there is no agent 'bob'"),
        ({"run": "a/b"}, "cannot be a run's name"),
        ({"run": "r0"}, "run r0 of alice exists"),
        ({"token_hash": token_hash("alice")}, "this token exists"),
        ({"budget_nanousd": -1}, "a run's budget is at most"),
        ({"budget_nanousd": MAX_NANOUSD + 1}, "a run's budget is at most"),
        ({"rpm": -1}, "a run's budget is at most"),
        ({"by_token_hash": "?"}, "not a valid one"),
        ({"by_token_hash": token_hash("alice", 2)}, "not a valid one"),
        ({"by_token_hash": token_hash("alice", 3)}, "may not open runs"),
    ],
)
def test_runs_that_cannot_be(change: dict[str, Any], why: str) -> None:
    """A run of nobody, of no name or asked for by nobody is refused with the rule."""
    kernel = started()
    for command in (
        team("org"),
        create("bob"),
        DeleteAgent("bob", "operator"),
        run("alice", "r0", 1),
        issue(number=2),
        RevokeToken(token_hash("alice", 2), "lost", "operator"),
        issue(number=3, scope="read-only"),
    ):
        kernel(command)
    assert why in refusal(kernel, replace(run("alice", "r1", 1), **change))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"budget_nanousd": 601}, "above what is left"),
        ({"expires_at": HOUR + 1}, "outlive"),
        ({"rpm": 6}, "rate is above"),
    ],
)
def test_an_agent_hands_on_no_more_than_it_has(change: dict[str, Any], why: str) -> None:
    """A run that an agent asks for has at most its budget left, its life and its rate."""
    kernel = started(rpm=5, token_expires_at=HOUR)
    kernel(admit("e1", fixed=400))
    most = replace(
        run("", "r1", 600, by=token_hash("alice")), expires_at=HOUR, rpm=5, actor="alice"
    )
    command = replace(most, **change)
    if why:
        assert why in refusal(kernel, command)
    else:
        assert kernel(command) == Done("alice/r1", HOUR)


def test_a_run_hands_on_no_more_than_it_has() -> None:
    """A run's own token opens runs below the run, within what the run has."""
    kernel = started()
    kernel(replace(run("alice", "r1", 300), expires_at=HOUR))
    below = run("", "r2", 300, by=token_hash("alice/r1"))
    assert "outlive" in refusal(kernel, replace(below, expires_at=HOUR + 1))
    assert "above what is left" in refusal(kernel, replace(below, budget_nanousd=301))
    assert kernel(below) == Done("alice/r1/r2", HOUR)


@pytest.mark.parametrize("asks", [False, True])
def test_a_run_of_no_stated_end_ends_with_what_it_is_below(asks: bool) -> None:
    """A run without an end or a rate of its own has those of the account and the token above."""
    kernel = started(rpm=2, token_expires_at=HOUR if asks else 0)
    kernel(run("alice", "r1", 300, by=token_hash("alice") if asks else ""))
    account, token = kernel.state.agents["alice/r1"], kernel.state.tokens[token_hash("alice/r1")]
    assert account.expires_at == token.expires_at == (HOUR if asks else 0)
    words = [word(kernel(admit(f"e{number}", "alice/r1"))) for number in range(3)]
    assert words == ["holds 100 cap 0", "holds 100 cap 0", "429 rate_limited"]


def test_runs_end_with_their_agent_and_their_time() -> None:
    """A run serves until its instant, and not after its agent was deleted and created again."""
    kernel = started()
    kernel(replace(run("alice", "r1", 300), expires_at=HOUR))
    kernel(run("alice/r1", "r2", 300))
    again = token_hash("alice/r1/r2")
    assert isinstance(kernel(admit("e1", token_hash=again, fixed=0)), Admitted)
    kernel.now = HOUR - SECOND
    assert word(kernel(admit("e2", token_hash=again))) == "401 token_expired"
    kernel.now = START
    kernel(commit("e1", 0))
    kernel(DeleteAgent("alice", "operator"))
    kernel(create(token_hash="new"))
    assert word(kernel(admit("e3", token_hash=again))) == "401 token_revoked"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "nobody"}, "there is no agent"),
        ({"rpm": -1}, "a rate limit is 0"),
        ({"tpm": MAX_NANOUSD + 1}, "a rate limit is 0"),
        ({"on_short_budget": "ask"}, "clamp or deny"),
        ({"min_output_tokens": 0}, "1 or more"),
        ({"budget_window": "year"}, "one of total"),
    ],
)
def test_limits_that_make_no_sense(change: dict[str, Any], why: str) -> None:
    """A limit outside of its range is refused and changes nothing."""
    assert why in refusal(started(), replace(SetLimits("alice", "operator"), **change))


def test_limits_that_are_not_named_stay() -> None:
    """Setting one limit leaves every other one, and all balances, as they are."""
    kernel = started(rpm=5, tpm=7, on_short_budget="deny", min_output_tokens=9)
    for change in ({"rpm": 0}, {"tpm": 8}, {"on_short_budget": "clamp"}, {"min_output_tokens": 1}):
        before = kernel.state.agents["alice"]
        changes: dict[str, Any] = dict(change)
        assert kernel(SetLimits("alice", "operator", **changes)) == Done("alice")
        assert kernel.state.agents["alice"] == before._replace(**changes)


@pytest.mark.parametrize("reason", ["", "the new quarter"])
def test_a_reason_stands_in_the_event(reason: str) -> None:
    """Of every act that is given one; where nobody gave one the event has none."""
    kernel = Pure()
    kernel(create(reason=reason))
    kernel(SetLimits("alice", "operator", rpm=3, reason=reason))
    kernel(issue(reason=reason))
    said = [event.data().get("reason") for event in kernel.log if event.type != "token.issued"]
    assert said == [reason or None] * 2
    assert kernel.log[-1].data().get("reason") == (reason or None)
