"""Laws of loading: a batch decides as if it knew all rows, also about rows of its own making."""

from __future__ import annotations

import pytest

from ledger.admin_commands import Command, DeleteAgent, Fence, NoteRestore, RevokeToken
from ledger.commands import Adjust, Recover
from ledger.outcomes import Outcome, Settled
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import sound
from tests.ledger.making import (
    SECOND,
    Hand,
    Pure,
    admit,
    commit,
    create,
    issue,
    run,
    team,
    token_hash,
    word,
)

BEFORE: list[Command] = [
    team(),
    create(parent="team", tpm=500),
    run("alice", "r1", 300),
    run("alice/r1", "r2", 200),
    admit("e1", tokens_max=50, key_hash="k", key_ttl_ns=10**12),
    commit("e1", 5),
    admit("e2", "alice/r1/r2", tokens_max=50),
    NoteRestore("operator", "a new disk", 1, "00"),
    Fence("gw-9", "lost"),
]


@pytest.mark.parametrize(
    "batch",
    [
        [issue("alice/r1", 7, revoke_others=True)],
        [issue(number=7), run("", "r1", 1, by=token_hash("alice", 7), number=2)],
        [DeleteAgent("alice", "operator")],
        [create("bob", parent="team"), admit("e3", "bob")],
        [Adjust("e1", 9, "the invoice", "operator")],
        [Recover("e2", "charge")],
        [commit("e2", 3, usage={"input_tokens": 1})],
        [admit("e3", key_hash="k", key_ttl_ns=10**12), admit("e4", key_hash="k")],
        [admit("e3", gateway="gw-9")],
        [NoteRestore("operator", "again", 2, "00"), NoteRestore("operator", "again", 3, "00")],
        [RevokeToken(token_hash("alice/r1"), "over", "operator"), admit("e3", "alice/r1")],
    ],
)
def test_a_batch_knows_all_that_it_needs(
    store: Store, reader: Reader, batch: list[Command]
) -> None:
    """A batch has the outcomes and the events of a kernel that knows every row."""
    kernel = Pure(log=[logged.event for logged in reader.log()])
    expected: list[Outcome] = [kernel.at_once(command) for command in BEFORE + batch]
    assert store.execute(BEFORE) + store.execute(batch) == expected
    assert [logged.event for logged in reader.log()] == kernel.log
    assert sound(reader)


def test_a_deletion_is_the_same_in_any_batch(store: Store, reader: Reader) -> None:
    """Tokens are revoked oldest first, whichever of them a batch has loaded before."""
    store.execute([create(), *(issue(number=number) for number in range(2, 8))])
    store.execute([RevokeToken("?", "", ""), admit("e1", token_hash=token_hash("alice", 5))])
    store.execute([admit("e2", token_hash=token_hash("alice", 6)), DeleteAgent("alice", "me")])
    revoked = [e.event.data() for e in reader.log() if e.event.type == "token.revoked"]
    assert [event["token_hash"] for event in revoked] == [
        token_hash("alice", number) for number in range(1, 8)
    ]


@pytest.mark.parametrize("tokens", [10**9, 2 * 10**11, 2**53 - 1])
def test_an_absurd_claim_is_held(store: Store, hand: Hand, tokens: int) -> None:
    """A call that claims any number of tokens spoils no batch, and is a debt of a day at most."""
    store.execute([create(tpm=1), admit("e1", tokens_max=tokens), admit("e2", metered=False)])
    hand.now += 86_400 * SECOND + SECOND
    assert word(store.one(admit("e3", tokens_max=1))) == "holds 100 cap 0"
    assert store.one(commit("e1", 1)) == Settled("e1", "COMMITTED", 1, fresh=True)


def test_a_limit_survives_a_restart(store: Store, hand: Hand) -> None:
    """Cells that one batch took are known to the next."""
    store.execute([create(tpm=100), admit("e1", tokens_max=90)])
    hand.now += 1
    assert word(store.one(admit("e2", tokens_max=20))) == "429 rate_limited"
