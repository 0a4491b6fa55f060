"""Laws of token rates: a call takes its estimate, and gives back what it did not use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.admin_commands import SetLimits
from ledger.commands import Recover
from ledger.outcomes import Denied
from tests.ledger.making import Pure, admit, commit, create, release, started, team, word

LIMIT = 100


def freed(kernel: Pure) -> int:
    """How many cells alice could take at this moment."""
    wait = max(kernel.state.rates[("alice", "tpm")] - kernel.now, 0)
    return LIMIT - -(-wait * LIMIT // 60_000_000_000)


@pytest.mark.parametrize(
    ("end", "free"),
    [
        ([], 20),
        ([commit("e1", 1, usage={"input_tokens": 10, "output_tokens": 20})], 70),
        ([commit("e1", 1, usage={"input_tokens": 80, "output_tokens": 0})], 20),
        ([commit("e1", 1, usage={"input_tokens": 500, "output_tokens": 0})], 20),
        ([commit("e1", 1, usage=None)], 20),
        ([release("e1")], 100),
        ([Recover("e1", "charge")], 20),
        ([Recover("e1", "release")], 100),
        ([release("e1"), release("e1")], 100),
    ],
)
def test_what_was_not_used_is_given_back(end: list[Any], free: int) -> None:
    """Known usage frees the rest, a release frees all, unknown usage frees nothing."""
    kernel = started(tpm=LIMIT)
    kernel(admit("e1", tokens_max=80))
    taken = kernel.now
    for command in end:
        kernel(command)
    kernel.now = taken
    assert freed(kernel) == free


def test_the_estimate_holds_until_it_is_known_better() -> None:
    """A call whose estimate does not fit waits, and leaves as soon as another gives back."""
    kernel = started(tpm=LIMIT)
    kernel(admit("e1", tokens_max=90))
    denied = kernel(admit("e2", tokens_max=20))
    assert isinstance(denied, Denied)
    assert (denied.code, denied.message) == ("rate_limited", "100 tokens per minute")
    assert denied.retry_after_ns > 0
    kernel(commit("e1", 1, usage={"input_tokens": 50, "output_tokens": 0}))
    assert word(kernel(admit("e3", tokens_max=20))) == "holds 100 cap 0"


def test_every_level_gives_back() -> None:
    """A team's token rate is taken and given back as the agent's is, and denies in its name."""
    kernel = Pure()
    kernel(team(tpm=50))
    kernel(create(parent="team"))
    kernel(create("bob", tpm=LIMIT, parent="team"))
    kernel(admit("e1", tokens_max=50))
    denied = kernel(admit("e2", "bob", tokens_max=50))
    assert isinstance(denied, Denied)
    assert denied.account == "team"
    kernel(release("e1"))
    assert word(kernel(admit("e3", "bob", tokens_max=50))) == "holds 100 cap 0"
    assert set(kernel.state.rates) == {("team", "tpm"), ("bob", "tpm")}


def test_a_call_that_took_no_cells_gives_none_back() -> None:
    """A limit that was set while a call was under way is not loosened by that call's end."""
    kernel = started()
    kernel(admit("e1", tokens_max=90))
    kernel(SetLimits("alice", "operator", tpm=LIMIT))
    kernel(admit("e2", tokens_max=100))
    before = dict(kernel.state.rates)
    kernel(release("e1"))
    assert kernel.state.rates == before


@given(
    st.lists(
        st.tuples(
            st.integers(1, LIMIT),
            st.none()
            | st.fixed_dictionaries(
                {"input_tokens": st.integers(0, 60), "output_tokens": st.integers(0, 60)}
            ),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_never_more_than_a_burst_at_once(
    calls: list[tuple[int, Mapping[str, int] | None]],
) -> None:
    """At one instant, the tokens of all that left and are counted are within the limit."""
    kernel, counted = started(tpm=LIMIT), 0
    now = kernel.now
    for number, (estimate, usage) in enumerate(calls):
        kernel.now = now
        if word(kernel(admit(f"e{number}", fixed=0, tokens_max=estimate))) != "holds 0 cap 0":
            assert counted + estimate > LIMIT
            continue
        kernel.now = now
        kernel(commit(f"e{number}", 0, usage=usage))
        known = sum(usage.values()) if usage is not None else estimate
        counted += min(known, estimate)
        assert counted <= LIMIT
