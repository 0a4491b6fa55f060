"""Laws of idempotency keys: one request, one execution, for as long as its answer is kept."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from ledger.admin_commands import RevokeToken, SetState
from ledger.commands import Recover, Sealed
from ledger.outcomes import Admitted, Denied, Outcome, Replayed, Underway
from ledger.state import Binding
from tests.ledger.making import (
    REFUSED,
    SECOND,
    Pure,
    admit,
    commit,
    create,
    release,
    run,
    started,
    token_hash,
    word,
)

DATA = b"sealed"


def sealed(ttl_s: int = 60) -> Sealed:
    """An answer to keep."""
    return Sealed(sha256(DATA).hexdigest(), len(DATA), ttl_s * SECOND, DATA)


def ask(kernel: Pure, key: str, name: str = "alice", **changes: Any) -> Outcome:
    """A call with the idempotency key k, which stands for a minute."""
    keyed: dict[str, Any] = {"key_hash": "k", "key_ttl_ns": 60 * SECOND}
    return kernel(admit(key, name, **(keyed | changes)))


@pytest.mark.parametrize(
    ("between", "later", "expected"),
    [
        ([], 0, Underway("e1")),
        ([commit("e1", 5, sealed=sealed())], 0, Replayed("e1")),
        ([commit("e1", 5, sealed=sealed())], 57, Replayed("e1")),
        ([commit("e1", 5, sealed=sealed())], 58, None),
        ([commit("e1", 5, sealed=sealed(2))], 0, Replayed("e1")),
        ([commit("e1", 5, sealed=sealed(2))], 1, None),
        ([commit("e1", 5)], 0, None),
        ([release("e1")], 0, None),
        ([Recover("e1", "charge")], 0, None),
        ([Recover("e1", "release")], 0, None),
    ],
)
def test_the_same_request_again(between: list[Any], later: int, expected: Outcome | None) -> None:
    """While open it is under way, while its answer is kept it is replayed, else it is made anew."""
    kernel = started()
    assert isinstance(ask(kernel, "e1"), Admitted)
    for command in between:
        kernel(command)
    kernel.now += later * SECOND
    before = list(kernel.log)
    outcome = ask(kernel, "e2")
    if expected is None:
        assert word(outcome) == "holds 100 cap 0"
        assert ask(kernel, "e3") == Underway("e2")
    else:
        assert outcome == expected
        assert kernel.log == before


@pytest.mark.parametrize("ended", [False, True])
def test_another_request_with_the_key(ended: bool) -> None:
    """A key that stands for another request is refused, recorded, and keeps what it stands for."""
    kernel = started()
    ask(kernel, "e1")
    if ended:
        kernel(commit("e1", 5, sealed=sealed()))
    assert word(ask(kernel, "e2", fingerprint="other")) == "422 idempotency_key_reused"
    assert kernel.types()[-1] == "execution.denied"
    assert ask(kernel, "e3") == (Replayed("e1") if ended else Underway("e1"))


def test_an_expired_key_is_free() -> None:
    """From the instant at which a key expires it may stand for any request."""
    kernel = started()
    ask(kernel, "e1")
    kernel.now += 59 * SECOND - 1
    kernel.now -= SECOND
    assert isinstance(ask(kernel, "e2", fingerprint="other"), Denied)
    kernel.now += 1
    assert isinstance(ask(kernel, "e3", fingerprint="other"), Admitted)
    bound = kernel.state.bindings[("alice", "k")]
    assert bound == Binding("alice", "k", "e3", "other", kernel.now + 60 * SECOND)


@pytest.mark.parametrize("change", [{"refusal": REFUSED}, {"fixed": 9_999}])
def test_denials_bind_no_key(change: dict[str, Any]) -> None:
    """A denied call leaves its key free, also for another request."""
    kernel = started()
    assert isinstance(ask(kernel, "e1", **change), Denied)
    assert kernel.state.bindings == {}
    assert isinstance(ask(kernel, "e2", fingerprint="other"), Admitted)


def test_keys_are_each_agents_own() -> None:
    """Two agents may use the same key; an agent and its runs share theirs."""
    kernel = started()
    kernel(create("bob"))
    kernel(run("alice", "r1", 500))
    ask(kernel, "e1")
    assert isinstance(ask(kernel, "e2", "bob", fingerprint="other"), Admitted)
    assert ask(kernel, "e3", "alice/r1") == Underway("e1")
    assert ask(kernel, "e4", "bob", fingerprint="other") == Underway("e2")


def test_an_answer_is_for_who_may_ask() -> None:
    """A kept answer is given neither to a token that has ended nor to another agent's."""
    kernel = started(token_expires_at=0)
    ask(kernel, "e1")
    kernel(commit("e1", 5, sealed=sealed()))
    assert word(ask(kernel, "e2", claimed_agent="bob")) == "401 token_of_another_agent"
    assert word(ask(kernel, "e3", token_hash="?")) == "401 token_unknown"


def test_a_replay_costs_nothing() -> None:
    """A replay takes no budget and no cell of the rate."""
    kernel = started(budget=100, rpm=1)
    ask(kernel, "e1")
    kernel(commit("e1", 100, sealed=sealed()))
    balance, rates = kernel.balance(), dict(kernel.state.rates)
    assert ask(kernel, "e2") == Replayed("e1")
    assert (kernel.balance(), kernel.state.rates) == (balance, rates)


def test_a_paused_agent_gets_what_it_has_paid_for() -> None:
    """An answer that is there is no new call; a new one is refused, and so is a revoked token."""
    kernel = started()
    ask(kernel, "e1")
    kernel(commit("e1", 5, sealed=sealed()))
    kernel(SetState("alice", "QUARANTINED", "looked into", "operator"))
    assert ask(kernel, "e2") == Replayed("e1")
    assert word(kernel(admit("e3"))) == "423 agent_not_serving"
    kernel(RevokeToken(token_hash("alice"), "leaked", "operator"))
    assert word(ask(kernel, "e4")) == "401 token_revoked"
