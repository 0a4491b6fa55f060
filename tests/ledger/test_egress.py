"""Laws of egress: lists hold on every level, and only who may make calls may go anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.admin_commands import Command, RevokeToken, SetLimits, SetState
from ledger.egress import Payer, decide, payer
from ledger.outcomes import Denied
from tests.ledger.making import Pure, create, issue, run, team, token_hash

RUN = token_hash("alice/r1")
TOKEN = token_hash("alice")


def grown(*commands: Command, **caps: dict[str, Any]) -> Pure:
    """A run below an agent below a team, each with these caps, and then these commands."""
    kernel = Pure()
    kernel(team(caps=caps.get("team")))
    kernel(create(parent="team", caps=caps.get("agent")))
    kernel(run("alice", "r1", 300))
    for command in commands:
        kernel(command)
    return kernel


def asked(kernel: Pure, host: str, hashed: str = RUN) -> str:
    """The code of the refusal, with whose it is; "" where there is none."""
    found = payer(kernel.state, hashed, None, kernel.now)
    assert isinstance(found, Payer)
    denied = decide(found.levels, host, 443, None)
    return f"{denied.code} {denied.account}" if denied else ""


@pytest.mark.parametrize(
    ("caps", "host", "expected"),
    [
        ({}, "example.com", ""),
        ({"team": {"egress_deny": ["*.com"]}}, "example.com", "egress_denied team"),
        ({"agent": {"egress_deny": ["*.com"]}}, "example.com", "egress_denied alice"),
        ({"agent": {"egress_allow": ["*.org"]}}, "example.com", "egress_not_allowed alice"),
        ({"agent": {"egress_allow": []}}, "example.com", "egress_not_allowed alice"),
        ({"agent": {"egress_allow": ["*.org"]}}, "example.org", ""),
        (
            {"team": {"egress_allow": ["a.org"]}, "agent": {"egress_allow": ["*"]}},
            "b.org",
            "egress_not_allowed team",
        ),
        (
            {"team": {"egress_deny": ["b.org"]}, "agent": {"egress_allow": ["*"]}},
            "b.org",
            "egress_denied team",
        ),
        ({"agent": {"strict": True}}, "example.com", "egress_not_allowed alice"),
        ({"team": {"strict": True}}, "example.com", "egress_not_allowed team"),
        ({"agent": {"strict": True, "egress_allow": ["example.com"]}}, "example.com", ""),
        (
            {"agent": {"strict": True, "egress_allow": ["*"], "egress_deny": ["*"]}},
            "x.y",
            "egress_denied alice",
        ),
        ({"agent": {"models": []}}, "example.com", ""),
    ],
)
def test_every_level_is_asked(caps: dict[str, Any], host: str, expected: str) -> None:
    """All must allow, one that denies is enough, and strict allows nothing by itself."""
    assert asked(grown(**caps), host) == expected


def test_caps_that_cannot_be_read_allow_nothing() -> None:
    """Those of another program, or of a wrong type."""
    kernel = grown()
    alice = kernel.state.agents["alice"]
    for text in ('{"egress_allow":"*"}', '{"egress_allow":["a b"]}', '{"egress_new":1}', "{"):
        kernel.state.agents["alice"] = alice._replace(caps=text)
        assert asked(kernel, "example.com") == "caps_unreadable alice"


def test_a_change_holds_from_then_on() -> None:
    """Also for what is below; taken away, it is gone."""
    kernel = grown()
    kernel(SetLimits("alice", "operator", caps={"egress_deny": ["*"]}))
    assert asked(kernel, "example.com") == "egress_denied alice"
    kernel(SetLimits("alice", "operator", caps={"egress_deny": None}))
    assert asked(kernel, "example.com") == ""


def test_lists_that_cannot_be_are_refused() -> None:
    """With the sentence about the entry."""
    kernel = grown(SetLimits("alice", "operator", caps={"egress_allow": ["https://x.org"]}))
    assert kernel.state.agents["alice"].caps == ""


@pytest.mark.parametrize(
    ("command", "claimed", "code"),
    [
        (RevokeToken(TOKEN, "lost", "operator"), None, "token_revoked"),
        (SetState("alice", "PAUSED", "a loop", "operator"), None, "agent_not_serving"),
        (SetState("team", "PAUSED", "a loop", "operator"), "alice", "agent_not_serving"),
        (issue(number=2), "bob", "token_of_another_agent"),
        (issue(number=2), "alice", ""),
    ],
)
def test_who_may_begin_anything(command: Command, claimed: str | None, code: str) -> None:
    """As in an admission: the token, the name beside it, and every account that it pays from."""
    kernel = grown(command)
    found = payer(kernel.state, TOKEN, claimed, kernel.now)
    assert (found.code if isinstance(found, Denied) else "") == code


def test_a_token_of_nobody_s() -> None:
    """It begins nothing; a good one stands for its account and all above."""
    kernel = grown()
    found = payer(kernel.state, token_hash("bob"), None, 0)
    assert isinstance(found, Denied)
    assert found.code == "token_unknown"
    good = payer(kernel.state, RUN, "alice", kernel.now)
    assert isinstance(good, Payer)
    assert (good.agent, good.account) == ("alice", "alice/r1")
    assert [level.name for level in good.levels] == ["alice/r1", "alice", "team"]
