"""Laws of standing: what ends calls under way is what ends the right to make them, and no more."""

from __future__ import annotations

import pytest

from ledger.admin_commands import Command, DeleteAgent, RevokeToken
from ledger.standing import stopped
from tests.ledger.making import Pure, admit, create, issue, run, team, token_hash

RUN = token_hash("alice/r1")


def grown(*commands: Command) -> Pure:
    """A run below an agent below a team, with a call under way, and then these commands."""
    kernel = Pure()
    first = [team(), create(parent="team"), run("alice", "r1", 300), admit("e1", "alice/r1")]
    for command in (*first, *commands):
        kernel(command)
    return kernel


@pytest.mark.parametrize(
    ("command", "code", "account"),
    [
        (RevokeToken(RUN, "over", "operator"), "token_revoked", "alice/r1"),
        (DeleteAgent("alice", "operator"), "token_revoked", "alice/r1"),
        (DeleteAgent("team", "operator"), "agent_not_serving", "team"),
    ],
)
def test_what_ends_a_call(command: Command, code: str, account: str) -> None:
    """A revoked token, and an account that does not serve, on any level."""
    kernel = grown(command)
    why = stopped(kernel.state, RUN)
    assert why is not None
    assert (why.code, why.account, why.status) == (code, account, 401 if "tok" in code else 423)


@pytest.mark.parametrize("state", ["PAUSED", "QUARANTINED"])
def test_a_lifecycle_that_stops(state: str) -> None:
    """Whatever the state is called: what may make no new call ends those under way."""
    kernel = grown()
    alice = kernel.state.agents["alice"]
    kernel.state.agents["alice"] = alice._replace(
        lifecycle_state=state, lifecycle_reason="too dear"
    )
    why = stopped(kernel.state, RUN)
    assert why is not None
    assert (why.code, why.message) == ("agent_not_serving", f"{state}: too dear")


@pytest.mark.parametrize(
    "command", [issue(number=2), issue(number=2, revoke_others=True), admit("e2", fixed=10**9)]
)
def test_what_ends_no_call(command: Command) -> None:
    """A rotation of the agent's own tokens, a budget that is used up: those are about others."""
    assert stopped(grown(command).state, RUN) is None


def test_an_expiry_ends_no_call() -> None:
    """It decides about new calls; one that was admitted before may come to its end."""
    kernel = grown()
    token = kernel.state.tokens[RUN]
    kernel.state.tokens[RUN] = token._replace(expires_at=1)
    assert stopped(kernel.state, RUN) is None


def test_a_token_that_nobody_knows() -> None:
    """After a restore a call may be of a token that is not in the books."""
    why = stopped(grown().state, "unknown")
    assert why is not None
    assert why.code == "token_unknown"
