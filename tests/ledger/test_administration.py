"""Laws of administration: what an operator may do, each act an event with its actor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.admin_commands import (
    CAPTURE,
    Command,
    CreditAgent,
    DeleteAgent,
    NoteBypass,
    NoteEgress,
    NoteGateway,
    RevokeToken,
)
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Admitted, Denied, Done, Outcome, Rejected
from tests.ledger.making import Pure, admit, commit, create, issue, rows, started, token_hash, word


def credit(amount: int, name: str = "alice") -> CreditAgent:
    """A top-up."""
    return CreditAgent(name, amount, "more work", "operator")


DELETE = DeleteAgent("alice", "operator")


def test_the_life_of_an_agent() -> None:
    """Acts have these outcomes in this order, with these balances between."""
    kernel = Pure()
    rows: list[tuple[Command, str, tuple[int, int, int]]] = [
        (create(budget=1_000), "done", (1_000, 0, 0)),
        (create(budget=5), "agent alice exists", (1_000, 0, 0)),
        (admit("e1", fixed=300), "admitted", (1_000, 0, 300)),
        (credit(500), "done", (1_500, 0, 300)),
        (DELETE, "done", (1_500, 0, 300)),
        (DELETE, "there is no agent", (1_500, 0, 300)),
        (credit(1), "there is no agent", (1_500, 0, 300)),
        (issue(), "there is no agent", (1_500, 0, 300)),
        (create(token_hash="new"), "still has calls under way", (1_500, 0, 300)),
        (commit("e1", 200), "settled", (1_500, 200, 0)),
        (create(budget=7), "this token exists already", (1_500, 200, 0)),
        (create(budget=7, token_hash="new"), "done", (7, 0, 0)),
        (admit("e2", fixed=1), "denied", (7, 0, 0)),
        (admit("e3", fixed=7, token_hash="new"), "admitted", (7, 0, 7)),
    ]
    for number, (command, expected, balance) in enumerate(rows):
        outcome = kernel(command)
        assert (number, expected) == (number, _word(outcome, expected))
        assert kernel.balance() == balance


def _word(outcome: Outcome, expected: str) -> str:
    if isinstance(outcome, Rejected):
        return expected if expected in outcome.message else outcome.message
    return type(outcome).__name__.lower()


@pytest.mark.parametrize("name", ["a", "alice", "A-1_b.c", "9", "x" * 64])
def test_names(name: str) -> None:
    """A name is up to 64 characters that need no escaping anywhere."""
    assert Pure()(create(name)) == Done(name)


@pytest.mark.parametrize(
    "name",
    ["", "-a", ".a", "_a", "a b", "a/b", "a:b", "a@b", "é", "a\n", "x" * 65, "a\0", "\ud800"],
)
def test_other_names(name: str) -> None:
    """Any other name is refused with the rule."""
    outcome = Pure()(replace(create(token_hash="t"), name=name))
    assert isinstance(outcome, Rejected)
    assert "up to 64 letters" in outcome.message


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"budget_nanousd": -1}, "a budget is at most"),
        ({"budget_nanousd": MAX_NANOUSD + 1}, "a budget is at most"),
        ({"rpm": -1}, "a rate limit is 0"),
        ({"tpm": -1}, "a rate limit is 0"),
        ({"on_short_budget": "ask"}, "clamp or deny"),
        ({"min_output_tokens": 0}, "1 or more"),
    ],
)
def test_agents_that_make_no_sense(change: dict[str, Any], why: str) -> None:
    """A limit outside of its range is refused and creates nothing."""
    kernel = Pure()
    outcome = kernel(create(**change))
    assert isinstance(outcome, Rejected)
    assert why in outcome.message
    assert kernel.log == []


@pytest.mark.parametrize(
    ("amount", "done"),
    [
        (0, False),
        (-1, False),
        (1, True),
        (MAX_NANOUSD - 1_000, True),
        (MAX_NANOUSD - 999, False),
        (MAX_NANOUSD + 1, False),
    ],
)
def test_credits_stay_within_what_can_be_held(amount: int, done: bool) -> None:
    """A top-up is above nothing, and the sum of credits within the largest amount."""
    kernel = Pure()
    kernel(create(budget=1_000))
    assert (kernel(credit(amount)) == Done("alice")) is done
    assert kernel.balance() == (1_000 + amount * done, 0, 0)


def alive(kernel: Pure) -> set[str]:
    """The ids of the tokens that are not revoked."""
    return {token.token_id for token in kernel.state.tokens.values() if not token.revoked_at}


def test_tokens_are_added_rotated_and_revoked() -> None:
    """A further token leaves the others, a rotation ends them, a revocation ends one."""
    kernel = Pure()
    kernel(create())
    kernel(create("bob"))
    kernel(issue(number=2))
    assert alive(kernel) == {"alice-1", "alice-2", "bob-1"}
    kernel(issue(number=3, revoke_others=True))
    assert alive(kernel) == {"alice-3", "bob-1"}
    assert isinstance(kernel(admit("e1")), Denied)
    assert isinstance(kernel(admit("e2", token_hash=token_hash("alice", 3))), Admitted)
    kernel(RevokeToken(token_hash("bob"), "run ended", "operator"))
    assert alive(kernel) == {"alice-3"}
    kernel(DELETE)
    assert alive(kernel) == set()


def test_a_rotation_leaves_what_was_never_shown() -> None:
    """A token that a gateway holds for an agent goes on, until it is revoked itself."""
    kernel = Pure()
    kernel(create())
    kernel(issue(number=2, label=CAPTURE))
    kernel(issue(number=3, revoke_others=True))
    assert alive(kernel) == {"alice-2", "alice-3"}
    kernel(RevokeToken(token_hash("alice", 2), "the gateway stopped", "gw_1"))
    assert alive(kernel) == {"alice-3"}


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (issue("bob"), "there is no agent 'bob'"),
        (issue(scope="root"), "one of execution, read-only"),
        (issue(number=1), "this token exists already"),
        (RevokeToken("?", "lost", "operator"), "no such token"),
        (create("bob", token_hash=token_hash("alice")), "this token exists already"),
        (issue(label="a\0b"), "NUL"),
        (CreditAgent("alice", 1, "\ud800", "operator"), "surrogate"),
    ],
)
def test_acts_that_contradict_the_books(command: Command, why: str) -> None:
    """An act that cannot be carried out says why and leaves no event."""
    kernel = Pure()
    kernel(create())
    before, tokens = list(kernel.log), dict(kernel.state.tokens)
    outcome = kernel(command)
    assert isinstance(outcome, Rejected)
    assert why in outcome.message
    assert (kernel.log, kernel.state.tokens) == (before, tokens)


def test_revoking_twice_is_done_and_no_event() -> None:
    """A token that has ended stays as it ended."""
    kernel = Pure()
    kernel(create())
    revoke = RevokeToken(token_hash("alice"), "lost", "operator")
    kernel(revoke)
    log, tokens = list(kernel.log), dict(kernel.state.tokens)
    assert kernel(revoke) == Done("alice")
    assert (kernel.log, kernel.state.tokens) == (log, tokens)


def test_every_act_names_its_actor() -> None:
    """Every event of administration holds who did it."""
    kernel = Pure()
    for command in (
        create(),
        credit(1),
        issue(number=2),
        issue(number=3, revoke_others=True),
        RevokeToken(token_hash("alice", 3), "lost", "operator"),
        DELETE,
    ):
        kernel(command)
    assert len(kernel.log) == 9
    assert all(event.data()["actor"] == "operator" for event in kernel.log)


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("started", "gateway.started"),
        ("stopped", "gateway.stopped"),
        ("configured", "gateway.configured"),
    ],
)
def test_gateways_are_noted(what: str, kind: str) -> None:
    """That a gateway came, went or changed its ways is in the log with its detail."""
    kernel = Pure()
    assert kernel(NoteGateway("gw-1", what, {"version": "3.0.0"})) == Done("gw-1")
    assert kernel.types() == [kind]
    assert kernel.log[0].data() == {"gateway": "gw-1", "version": "3.0.0"}


def test_a_way_around_is_noted() -> None:
    """Who saw which program go where is in the log of the agent, and no row moves."""
    kernel = started()
    before = rows(kernel.state)
    seen = NoteBypass("alice", "tok_1", "api.openai.com", "192.0.2.1", 443, "curl", False, "cli:x")
    assert kernel(seen) == Done("alice")
    assert rows(kernel.state) == before
    last = kernel.log[-1]
    assert (last.type, last.agent) == ("bypass.seen", "alice")
    assert last.data() == {
        "actor": "cli:x",
        "address": "192.0.2.1",
        "blocked": False,
        "host": "api.openai.com",
        "port": 443,
        "program": "curl",
        "run": "tok_1",
    }
    assert word(kernel(replace(seen, name="nobody"))) == "rejected"


@pytest.mark.parametrize("name", ["alice", ""])
def test_a_host_that_was_reached_is_noted(name: str) -> None:
    """It is in the log of the agent, or of nobody, and no row moves."""
    kernel = started()
    before = rows(kernel.state)
    seen = NoteEgress(name, f"{name}/r1", "example.com", 443, "passed", "gw-1")
    assert kernel(seen) == Done(name)
    assert rows(kernel.state) == before
    last = kernel.log[-1]
    assert (last.type, last.agent) == ("egress.seen", name or None)
    assert last.data() == {
        "account": f"{name}/r1",
        "gateway": "gw-1",
        "host": "example.com",
        "outcome": "passed",
        "port": 443,
    }
    assert word(kernel(replace(seen, name="nobody"))) == "rejected"
