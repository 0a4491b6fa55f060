"""Laws of admission: the order of the questions, the answers, and what is held afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.admin_commands import CreditAgent, RevokeToken
from ledger.commands import Adjust, Quote
from ledger.outcomes import Admitted, Denied
from ledger.state import DENIED, DISPATCHED
from tests.ledger.making import (
    REFUSED,
    SECOND,
    admit,
    commit,
    issue,
    started,
    token_hash,
    word,
)

TOKENS = Quote(fixed_nanousd=100, output_rate_picousd=2_000, output_tokens_cap=300)


def test_calls_hold_until_nothing_is_left() -> None:
    """Reserves add up to the budget exactly, and what does not fit is denied and costs nothing."""
    kernel = started(budget=1_000, on_short_budget="deny")
    for key, fixed, expected, held in [
        ("e1", 400, "holds 400 cap 0", 400),
        ("e2", 601, "402 budget_exceeded", 400),
        ("e3", 600, "holds 600 cap 0", 1_000),
        ("e4", 1, "402 budget_exceeded", 1_000),
        ("e5", 0, "holds 0 cap 0", 1_000),
        ("e1", 0, "rejected", 1_000),
        ("e2", 0, "rejected", 1_000),
    ]:
        assert (key, word(kernel(admit(key, fixed=fixed)))) == (key, expected)
        assert kernel.balance() == (1_000, 0, held)
    assert kernel.state.executions["e1"].state == DISPATCHED
    assert kernel.state.executions["e2"].state == DENIED


@pytest.mark.parametrize(
    ("left", "mode", "useful", "expected"),
    [
        (700, "clamp", 1, "holds 700 cap 300"),  # the whole cap fits
        (699, "clamp", 1, "holds 698 cap 299"),
        (102, "clamp", 1, "holds 102 cap 1"),
        (101, "clamp", 1, "402 budget_exceeded"),  # not one token
        (99, "clamp", 1, "402 budget_exceeded"),  # not even the input
        (699, "clamp", 299, "holds 698 cap 299"),
        (699, "clamp", 300, "402 budget_exceeded"),  # less than is useful
        (699, "clamp", 9_999, "402 budget_exceeded"),  # more than was asked for is not needed
        (700, "clamp", 9_999, "holds 700 cap 300"),
        (700, "deny", 1, "holds 700 cap 300"),
        (699, "deny", 1, "402 budget_exceeded"),
    ],
)
def test_a_short_budget_clamps_the_cap(left: int, mode: str, useful: int, expected: str) -> None:
    """The cap shrinks to what is affordable where the agent wants that and it is of use."""
    kernel = started(budget=left, on_short_budget=mode, min_output_tokens=useful)
    assert word(kernel(admit("e1", quote=TOKENS))) == expected


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 3_000), st.integers(0, 300)), max_size=9
    ),
    st.integers(0, 2_000),
)
def test_a_reserve_never_breaks_the_budget(calls: list[tuple[int, int, int]], budget: int) -> None:
    """After any calls, what is held is within the budget and every grant is what it costs."""
    kernel = started(budget=budget, min_output_tokens=10)
    for number, (fixed, rate, cap) in enumerate(calls):
        quote = Quote(fixed, rate, cap)
        outcome = kernel(admit(f"e{number}", quote=quote))
        if isinstance(outcome, Admitted):
            assert outcome.output_tokens_cap <= cap
            assert outcome.reserved_nanousd == quote.cost(outcome.output_tokens_cap)
        assert 0 <= kernel.balance()[2] <= budget


@pytest.mark.parametrize(
    ("left", "quote", "fits"),
    [
        (699, TOKENS, True),
        (102, TOKENS, True),
        (101, TOKENS, False),  # not one token
        (103, replace(TOKENS, output_tokens_least=2), False),
        (699, Quote(fixed_nanousd=700), False),  # nothing of it goes by an output cap
    ],
)
def test_a_denial_tells_whether_a_smaller_cap_fits(left: int, quote: Quote, fits: bool) -> None:
    """And where it says so, the same call with one output token, or the least it takes, passes."""
    denied = started(budget=left, on_short_budget="deny")(admit("e1", quote=quote))
    assert isinstance(denied, Denied)
    assert denied.cap_fits is fits
    least = replace(
        quote, output_tokens_cap=min(quote.output_tokens_cap, quote.output_tokens_least)
    )
    again = started(budget=left, on_short_budget="deny")(admit("e1", quote=least))
    assert isinstance(again, Admitted) is fits


def test_above_its_budget_nothing_is_held() -> None:
    """An agent of which more is booked than its budget may only make calls that cost nothing."""
    kernel = started(budget=100, min_output_tokens=1)
    kernel(admit("e1", fixed=100))
    kernel(commit("e1", 100))
    kernel(Adjust("e1", 150, "the invoice", "operator"))
    assert kernel.balance() == (100, 150, 0)
    assert word(kernel(admit("e2", fixed=1))) == "402 budget_exceeded"
    assert word(kernel(admit("e0", fixed=0))) == "holds 0 cap 0"
    assert word(kernel(admit("e3", quote=TOKENS))) == "402 budget_exceeded"
    kernel(CreditAgent("alice", 51, "more", "operator"))
    assert word(kernel(admit("e4", fixed=2))) == "402 budget_exceeded"
    assert word(kernel(admit("e5", fixed=1))) == "holds 1 cap 0"


@pytest.mark.parametrize(
    ("least", "expected"), [(1, "holds 400 cap 150"), (150, "holds 400 cap 150"), (151, "402")]
)
def test_no_cap_is_made_smaller_than_the_provider_takes(least: int, expected: str) -> None:
    """Where the affordable cap would make the provider refuse the call, the call is denied."""
    kernel = started(budget=400, min_output_tokens=1)
    found = word(kernel(admit("e1", quote=replace(TOKENS, output_tokens_least=least))))
    assert found.startswith(expected)


# Each row breaks one rule more than the row below it: the first question that fails answers.
PRECEDENCE: list[tuple[str, str]] = [
    ("unknown", "401 token_unknown"),
    ("revoked", "401 token_revoked"),
    ("expired", "401 token_expired"),
    ("claimed", "401 token_of_another_agent"),
    ("scope", "403 token_scope"),
    ("deleted", "423 agent_not_serving"),
    ("refused", "403 model_unpriced"),
    ("overrun", "402 overrun"),
    ("rate", "429 rate_limited"),
    ("budget", "402 budget_exceeded"),
    ("nothing", "holds 500 cap 0"),
]


@pytest.mark.parametrize(("first", "expected"), PRECEDENCE)
def test_the_order_of_the_questions(first: str, expected: str) -> None:
    """Of all that is wrong with a call, what stands first in the table is the answer."""
    kinds = [kind for kind, _ in PRECEDENCE]
    wrong = set(kinds[kinds.index(first) :])
    kernel = started(budget=400 if "budget" in wrong else 1_000, rpm=1)
    if "rate" in wrong:
        kernel(admit("e0", fixed=0))
    if "overrun" in wrong:
        agent = kernel.state.agents["alice"]
        kernel.state.agents["alice"] = agent._replace(stopped_by="e0")
    kernel(
        issue(
            scope="read-only" if "scope" in wrong else "execution",
            expires_at=kernel.now if "expired" in wrong else 0,
        )
    )
    if "revoked" in wrong:
        kernel(RevokeToken(token_hash("alice", 2), "lost", "operator"))
    if "deleted" in wrong:
        agent = kernel.state.agents["alice"]
        stopped = agent._replace(lifecycle_state="PAUSED", lifecycle_reason="by hand")
        kernel.state.agents["alice"] = stopped
    command = admit("e1", fixed=500, token_hash=token_hash("alice", 2))
    if "unknown" in wrong:
        command = command._replace(token_hash="?")
    if "claimed" in wrong:
        command = command._replace(claimed_agent="bob")
    if "refused" in wrong:
        command = command._replace(refusal=REFUSED)
    assert word(kernel(command)) == expected


def test_denials_say_what_they_know() -> None:
    """A denial carries the account that said no, and the amounts or the wait."""
    kernel = started(budget=1_000, rpm=1)
    kernel(admit("e1", fixed=400))
    limited = kernel(admit("e2"))
    assert limited == Denied(
        "e2",
        "alice",
        429,
        "rate_limited",
        "1 requests per minute",
        "alice",
        retry_after_ns=59 * SECOND,
    )
    short = kernel(admit("e3", fixed=601, metered=False))
    assert short == Denied(
        "e3",
        "alice",
        402,
        "budget_exceeded",
        "",
        "alice",
        needed_nanousd=601,
        remaining_nanousd=600,
        budget_nanousd=1_000,
    )
    assert kernel(admit("e4", token_hash="?")) == Denied("e4", None, 401, "token_unknown")


def test_denials_are_recorded_where_somebody_is_known() -> None:
    """A denial is an event of its agent; a token that nobody has leaves nothing behind."""
    kernel = started()
    before = len(kernel.log)
    kernel(admit("e1", token_hash="?"))
    assert len(kernel.log) == before
    kernel(admit("e2", refusal=REFUSED))
    assert kernel.types()[before:] == ["execution.denied"]
    row = kernel.state.executions["e2"]
    assert (row.state, row.status_code, row.reason) == (
        DENIED,
        403,
        "model_unpriced: no price for m",
    )
    assert row.terminal_at == row.created_at == kernel.now


def test_the_name_that_a_route_gave_a_model() -> None:
    """It is in the event of the admission and of a denial alike; without one nothing is added."""
    kernel = started(budget=1_000)
    for key, fixed in (("e1", 1), ("e2", 2_000)):
        kernel(admit(key, fixed=fixed)._replace(alias="fast", route_tag="0f"))
    kernel(admit("e3"))
    noted = [
        (event.data().get("alias"), event.data().get("route_tag"))
        for event in kernel.log
        if event.type in ("execution.reserved", "execution.denied")
    ]
    assert noted == [("fast", "0f"), ("fast", "0f"), (None, None)]
