"""Random histories: commands over few names and ids, so that they collide in every way.

Owns: the strategies. Refuses to know: what the outcomes should be.
"""

from __future__ import annotations

from hashlib import sha256

from hypothesis import strategies as st

from ledger.admin_commands import (
    Command,
    CreditAgent,
    DeleteAgent,
    Fence,
    LendToken,
    NoteBypass,
    NoteGateway,
    NoteRestore,
    RevokeToken,
    SetLimits,
    SetState,
    SetTool,
    Withdraw,
)
from ledger.commands import (
    Adjust,
    Asked,
    BillBulk,
    Kept,
    NoteResults,
    Quote,
    Recover,
    Refusal,
    Sealed,
    Tool,
)
from ledger.lifecycle import GOALS
from tests.ledger.making import (
    SECOND,
    admit,
    commit,
    create,
    install,
    issue,
    release,
    run,
    team,
    token_hash,
)

names = st.sampled_from(["alice", "bob"])
payers = st.sampled_from(["alice", "bob", "alice/r1"])
keys = st.sampled_from([f"e{number}" for number in range(8)])
amounts = st.integers(0, 600)
numbers = st.integers(1, 4)
quotes = st.builds(Quote, amounts, st.sampled_from([0, 500, 2_000]), st.integers(0, 200))
refusals = st.none() | st.just(Refusal(403, "model_unpriced", "no price"))

creations = st.builds(
    lambda name, budget, rpm, number, mode, parent: create(
        name,
        budget,
        rpm=rpm,
        tpm=rpm * 50,
        parent=parent,
        token_hash=token_hash(name, number),
        on_short_budget=mode,
        min_output_tokens=10,
    ),
    names,
    st.integers(0, 2_000),
    st.sampled_from([0, 2]),
    numbers,
    st.sampled_from(["clamp", "deny"]),
    st.sampled_from([None, "team"]),
)
tool_names = st.sampled_from(["lookup", "sum"])
installations = st.builds(
    lambda name, version, cost: install(name, version, cost_nanousd=cost),
    tool_names,
    st.sampled_from(["1", "2"]),
    st.sampled_from([0, 40]),
)
tools = st.none() | st.builds(
    lambda name, version: Tool(name, install(name, version).digest),
    tool_names,
    st.sampled_from(["1", "2"]),
)
admissions = st.builds(
    lambda key, name, number, quote, refusal, gateway, idempotency, tool: admit(
        key,
        token_hash=token_hash(name, number),
        quote=quote,
        refusal=refusal,
        gateway=gateway,
        tokens_max=40,
        asked=Asked((frozenset({"gpt-4o"}),)),
        key_hash=idempotency[0],
        fingerprint=idempotency[1],
        key_ttl_ns=30 * SECOND,
        tool=tool,
    ),
    keys,
    payers,
    numbers,
    quotes,
    refusals,
    st.sampled_from(["gw-1", "gw-1", "gw-2"]),
    st.sampled_from([("", "f"), ("k1", "f"), ("k1", "g"), ("k2", "f")]),
    st.none() | tools,
)
answers = st.sampled_from([None, b"", b"sealed"]).map(
    lambda data: (
        None if data is None else Sealed(sha256(data).hexdigest(), len(data), 30 * SECOND, data)
    )
)
bulks = st.sampled_from(["openai/batch_1", "openai/batch_2", "openai/file_1"])
kept = st.none() | bulks.map(lambda ref: Kept(ref, "file" if "file" in ref else "batch", "{}"))
settlements: st.SearchStrategy[Command] = st.one_of(
    st.builds(commit, keys, st.none() | amounts, sealed=answers, kept=kept),
    st.builds(NoteResults, bulks, st.sampled_from(["openai/file_2", "openai/file_3"])),
    st.builds(BillBulk, bulks, amounts, st.just({"input_tokens": 5}), st.just("its results")),
    st.builds(Adjust, keys, amounts, st.just("a late bill"), st.just("operator")),
    st.builds(release, keys),
    st.builds(Recover, keys, st.sampled_from(["charge", "release"])),
)
acts: st.SearchStrategy[Command] = st.one_of(
    st.builds(CreditAgent, names, amounts, st.just("more"), st.just("operator")),
    st.builds(Withdraw, names, amounts, st.just("mistyped"), st.just("operator")),
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
    st.builds(
        SetState,
        st.sampled_from(["alice", "bob", "team", "alice/r1"]),
        # What lets calls go on is tried more often, so that histories do not come to a stand.
        st.sampled_from([*GOALS, "READY", "READY", "READY"]),
        st.just("because"),
        st.just("operator"),
    ),
    installations,
    st.builds(
        lambda name, number: LendToken(token_hash(name), token_hash(name, number), "t", 0, "gw"),
        payers,
        st.integers(5, 6),
    ),
    st.builds(
        lambda name, stands, version: SetTool(
            name, stands, "cli:ann", digest=install(name, version).digest if version else ""
        ),
        tool_names,
        st.sampled_from(["enabled", "enabled", "disabled", "removed"]),
        st.sampled_from(["", "1", "2"]),
    ),
    st.just(NoteGateway("gw-1", "started")),
    st.just(NoteGateway("gw-1", "configured", {"actor": "operator"})),
    st.just(Fence("gw-2", "lost")),
    st.builds(
        lambda name, blocked: NoteBypass(name, "r", "h", "192.0.2.1", 443, "p", blocked, "cli:x"),
        payers,
        st.booleans(),
    ),
    st.just(NoteRestore("operator", "a new disk", 1, "0" * 64)),
    st.builds(
        SetLimits,
        st.sampled_from(["alice", "bob", "team", "alice/r1"]),
        st.just("operator"),
        rpm=st.sampled_from([None, None, 0, 5]),
        tpm=st.sampled_from([None, 0, 60, 100]),
        budget_window=st.sampled_from([None, "total", "day", "week", "month"]),
        caps=st.sampled_from(
            [None, None, {"models": ["gpt-4o"]}, {"models": None}, {"strict": True}]
        ),
    ),
    st.builds(
        lambda name, asks, number, label: run(
            name, label, 300, by=token_hash(name, number) if asks else "", number=number
        ),
        names,
        st.booleans(),
        numbers,
        st.sampled_from(["r1", "r2"]),
    ),
    st.builds(
        lambda label, number, alone: issue(f"alice/{label}", number, revoke_others=alone),
        st.sampled_from(["r1", "r2"]),
        numbers,
        st.booleans(),
    ),
)
commands: st.SearchStrategy[Command] = st.one_of(
    creations, admissions, admissions, settlements, acts
)
histories = st.lists(commands, max_size=30).map(
    lambda rest: [
        team(),
        create("alice", 1_000, parent="team"),
        create("bob", 500, rpm=2),
        run("alice", "r1", 300),
        *rest,
    ]
)
