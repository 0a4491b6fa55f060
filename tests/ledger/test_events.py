"""Laws of payloads: their text is RFC 8785, and every engine can hold it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger import admin_commands, commands, events
from ledger.events import Event, Unstorable, canonical, storable
from ledger.outcomes import Rejected
from tests.ledger.making import (
    SECOND,
    START,
    Pure,
    admit,
    commit,
    create,
    issue,
    release,
    run,
    team,
    token_hash,
)

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
names = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=12)
amounts = st.integers(-(2**53) + 1, 2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | amounts | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, values, max_size=5))
def test_payloads_are_canonical(payload: dict[str, Any]) -> None:
    """The text of a payload is what a library for RFC 8785 makes of it, byte by byte."""
    assert canonical(payload).encode() == rfc8785.dumps(payload)


@given(st.dictionaries(names, values, max_size=5))
def test_payloads_come_back(payload: dict[str, Any]) -> None:
    """What an event says is what was put into it."""
    assert Event(1, 1, None, None, "x", canonical(payload)).data() == payload


def test_no_binary_fractions() -> None:
    """Not even whole ones: amounts are integers."""
    for number in (float("nan"), float("inf"), 1.0):
        for payload in ({"amount": number}, {"usage": {"tokens": number}}):
            with pytest.raises(Unstorable, match="fraction"):
                canonical(payload)


@given(text, text, st.integers(0, 10**12), st.integers(0, 2**53 - 1))
def test_the_kernel_emits_canonical_payloads(
    model: str, label: str, amount: int, expires_at: int
) -> None:
    """Every type of event that the kernel emits has a canonical payload, whatever is in it."""
    kernel = Pure(now=START + 57_588 * SECOND)
    label = label.replace("\0", "")
    model = model.replace("\0", "")
    batch = commands.Kept("openai/batch_1", "batch", model)
    for command in (
        admin_commands.NoteGateway("gw-1", "started", {"pid": "1", "model": model}),
        admin_commands.NoteGateway("gw-1", "configured", {"actor": label, "added": model}),
        create(budget=2 * 10**12, rpm=60, tpm=7, budget_window="day"),
        admin_commands.CreditAgent("alice", amount + 1, label, "operator"),
        issue(label=label, expires_at=2**63 - 1 - expires_at),
        admit("e1", fixed=amount, model=model, endpoint=model),
        admit("e2", refusal=commands.Refusal(403, "model_unpriced", model)),
        admit("e3", fixed=2**53 - 1),
        admit("e4", fixed=1),
        commit("e1", amount + 1, usage={"input_tokens": amount}, reason=model),
        release("e4"),
        admin_commands.CreditAgent("alice", 1, "seen", "operator"),
        admin_commands.Withdraw("alice", 1, label, "operator"),
        commands.Adjust("e4", 3, label or "why", "operator"),
        admin_commands.SetLimits("alice", "operator", rpm=9, budget_window="day"),
        team("team"),
        run("alice", "r1", amount),
        admit("e6", fixed=0, key_hash="k", key_ttl_ns=1),
        commit("e6", 0, sealed=commands.Sealed("d", 6, 9, b"sealed"), kept=batch),
        commands.NoteResults(batch.ref, "openai/file_2"),
        commands.BillBulk(batch.ref, 1, {"input_tokens": amount}, label or "read"),
        admin_commands.NoteBypass("alice", "r1", "h", "10.0.0.1", 443, label, False, "run:r1"),
        admin_commands.NoteEgress("alice", "r1", label or "h", 443, "passed", "gw-1"),
        admin_commands.Fence("gw-9", "lost"),
        admin_commands.NoteRestore("operator", "a new disk", 7, "0" * 64),
        admit("e5", fixed=2),
        commands.Recover("e5", "charge"),
        admin_commands.SetState("alice", "PAUSED", "why" + label[:99], "operator"),
        admin_commands.RevokeToken(token_hash("alice", 2), label, "operator"),
        admin_commands.DeleteAgent("alice", "operator"),
        admin_commands.InstallTool(
            "t", "1", "a" * 64, "d" * 64, json.dumps(model), amount, label, model
        ),
        *(
            admin_commands.SetTool("t", state, label)
            for state in ("enabled", "disabled", "removed")
        ),
        admin_commands.NoteGateway("gw-1", "stopped"),
    ):
        assert not isinstance(kernel(command), Rejected)
    made_elsewhere = {events.LEDGER_CREATED}
    types = {value for name, value in vars(events).items() if name.isupper()}
    assert set(kernel.types()) == types - made_elsewhere
    for event in kernel.log:
        assert event.payload.encode() == rfc8785.dumps(json.loads(event.payload))


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ("plain", True),
        ("Zürich ✓ 日本 \U0001f600", True),
        ("\x1f\x7f\n", True),
        ("\0", False),
        ("a\0b", False),
        ("\\u0000", True),
        ("\\\0", False),
        ("\ud800", False),
        ("é\udfff", False),
    ],
)
def test_texts_that_no_engine_holds(value: str, holds: bool) -> None:
    """NUL and halves of surrogate pairs are told from all other text, and refused in payloads."""
    assert storable(value) is holds
    with nullcontext() if holds else pytest.raises(Unstorable):
        assert json.loads(canonical({"text": value})) == {"text": value}
