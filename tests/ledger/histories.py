"""Random histories: commands over few names and ids, so that they collide in every way.

Owns: the strategies. Refuses to know: what the outcomes should be.
"""

from __future__ import annotations

from hypothesis import strategies as st

from ledger.commands import (
    Command,
    CreditAgent,
    DeleteAgent,
    NoteGateway,
    Quote,
    Recover,
    Refusal,
    RevokeToken,
)
from tests.ledger.making import admit, commit, create, issue, release, token_hash

names = st.sampled_from(["alice", "bob"])
keys = st.sampled_from([f"e{number}" for number in range(8)])
amounts = st.integers(0, 600)
numbers = st.integers(1, 4)
quotes = st.builds(Quote, amounts, st.sampled_from([0, 500, 2_000]), st.integers(0, 200))
refusals = st.none() | st.just(Refusal(403, "model_unpriced", "no price"))

creations = st.builds(
    lambda name, budget, rpm, number, mode: create(
        name,
        budget,
        rpm=rpm,
        token_hash=token_hash(name, number),
        on_short_budget=mode,
        min_output_tokens=10,
    ),
    names,
    st.integers(0, 2_000),
    st.sampled_from([0, 2]),
    numbers,
    st.sampled_from(["clamp", "deny"]),
)
admissions = st.builds(
    lambda key, name, number, quote, refusal: admit(
        key, token_hash=token_hash(name, number), quote=quote, refusal=refusal
    ),
    keys,
    names,
    numbers,
    quotes,
    refusals,
)
settlements: st.SearchStrategy[Command] = st.one_of(
    st.builds(commit, keys, st.none() | amounts),
    st.builds(release, keys),
    st.builds(Recover, keys, st.sampled_from(["charge", "release"])),
)
acts: st.SearchStrategy[Command] = st.one_of(
    st.builds(CreditAgent, names, amounts, st.just("more"), st.just("operator")),
    st.builds(
        lambda name, number, alone: issue(name, number, revoke_others=alone),
        names,
        numbers,
        st.booleans(),
    ),
    st.builds(
        lambda name, number: RevokeToken(token_hash(name, number), "lost", "operator"),
        names,
        numbers,
    ),
    st.builds(DeleteAgent, names, st.just("operator")),
    st.just(NoteGateway("gw-1", "started")),
)
commands: st.SearchStrategy[Command] = st.one_of(
    creations, admissions, admissions, settlements, acts
)
histories = st.lists(commands, max_size=30).map(
    lambda rest: [create("alice", 1_000), create("bob", 500, rpm=2), *rest]
)
