"""Laws of changed limits: whatever happens to a limit, a call gives back what it took of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.admin_commands import Command, DeleteAgent, SetLimits
from ledger.events import canonical
from ledger.evolve import evolve, fold
from ledger.outcomes import Admitted, Denied, Outcome, Settled
from ledger.state import State
from tests.ledger.making import (
    SECOND,
    START,
    Pure,
    admit,
    commit,
    create,
    release,
    rows,
    team,
    token_hash,
    word,
)

MINUTE = 60 * SECOND
DAY_CELLS = 1440
# Alice and bob below a team; each limits tokens, but not to so few.
LOOSE = 1_000_000


class Still(Pure):
    """The kernel at one instant, nearly: time pays off a nanosecond a command, so no cell."""

    def __call__(self, command: Command) -> Outcome:
        self.now = max(START, self.now - SECOND + 1)
        return super().__call__(command)

    def free(self, name: str = "team", kind: str = "tpm") -> int:
        """How many cells this account could take; its limit must be set."""
        limit = getattr(self.state.agents[name], kind)
        wait = max(self.state.rates.get((name, kind), 0) - self.now, 0)
        return int(limit - -(-wait * limit // MINUTE))


def tree(limit: int) -> Still:
    """A team with a token limit, and two agents below it."""
    kernel = Still()
    kernel(team(tpm=limit))
    for name in ("alice", "bob"):
        kernel(create(name, tpm=LOOSE, parent="team"))
    return kernel


def tpm(limit: int) -> SetLimits:
    """The team's limit is another one."""
    return SetLimits("team", "operator", tpm=limit)


def used(key: str, tokens: int) -> Command:
    """A call's end, with so many tokens used."""
    return commit(key, 1, usage={"input_tokens": tokens, "output_tokens": 0})


@pytest.mark.parametrize(
    ("first", "changes", "free"),
    [
        # e0 has taken 20 and e1 80; e1 will have used 30 of them.
        pytest.param(100, [], 50, id="kept"),
        pytest.param(100, [tpm(1_000)], 950, id="raised"),
        pytest.param(1_000, [tpm(200)], 150, id="lowered"),
        pytest.param(1_000, [tpm(50)], 0, id="lowered below what is taken"),
        pytest.param(100, [tpm(1_000), tpm(100)], 50, id="raised and lowered again"),
        # What is taken of no limit is not counted, and a new limit begins with none taken.
        pytest.param(0, [tpm(100)], 100, id="added"),
        pytest.param(0, [tpm(100), admit("e2", tokens_max=40)], 60, id="added, and taken of"),
        pytest.param(100, [tpm(0), tpm(100)], 100, id="removed and added again"),
        pytest.param(
            100, [tpm(0), tpm(100), admit("e2", tokens_max=40)], 60, id="and taken of again"
        ),
        pytest.param(100, [tpm(0), admit("e2", tokens_max=999), tpm(100)], 100, id="while none"),
    ],
)
def test_a_limit_that_changes_between(first: int, changes: list[Command], free: int) -> None:
    """What is free after a settlement is the limit of now less what others took and it used."""
    kernel = tree(first)
    kernel(admit("e0", "bob", tokens_max=20))
    kernel(admit("e1", tokens_max=80))
    for change in changes:
        assert not isinstance(kernel(change), Denied)
    kernel(used("e1", 30))
    assert kernel.free() == free
    # The limit of another level was never changed, and gave back as always.
    taken_by_others = sum(c.tokens_max for c in changes if hasattr(c, "tokens_max"))
    assert kernel.free("alice") == LOOSE - 30 - taken_by_others
    assert rows(fold(kernel.log)) == rows(kernel.state)


@pytest.mark.parametrize("end", [used("e1", 80), used("e1", 500), commit("e1", 1, usage=None)])
def test_what_was_used_stays_used(end: Command) -> None:
    """After a change too, a call that used all it took, or more, or who knows what, keeps it."""
    kernel = tree(100)
    kernel(admit("e1", tokens_max=80))
    kernel(tpm(400))
    kernel(end)
    assert kernel.free() == 320


@pytest.mark.parametrize(("raised_to", "free"), [(40, 30), (15, 5), (10, 0), (5, 0)])
def test_calls_taken_are_restated_too(raised_to: int, free: int) -> None:
    """A changed limit of calls counts those that it let through before."""
    kernel = Still()
    kernel(create(rpm=20))
    for number in range(10):
        assert isinstance(kernel(admit(f"e{number}")), Admitted)
    kernel(SetLimits("alice", "operator", rpm=raised_to))
    assert max(kernel.free("alice", "rpm"), 0) == free
    denied = word(kernel(admit("e10")))
    assert (denied == "429 rate_limited") == (free == 0)


def test_an_account_made_again_owes_nothing() -> None:
    """The calls of a deleted account take nothing of the new one's limit, and give nothing."""
    kernel = tree(100)
    kernel(admit("e1", fixed=0, tokens_max=100))
    kernel(DeleteAgent("alice", "operator"))
    kernel(create(tpm=100, parent="team", token_hash=token_hash("alice", 2)))
    assert kernel.free("alice") == 100
    kernel(admit("e2", token_hash=token_hash("alice", 2), tokens_max=0))
    kernel(tpm(1_000))
    kernel(admit("e3", token_hash=token_hash("alice", 2), tokens_max=90))
    kernel(release("e1"))
    # The team's limit is the same one, and got back what it had given.
    assert (kernel.free("alice"), kernel.free("team")) == (10, 910)


def test_no_debt_is_longer_than_a_day() -> None:
    """A limit lowered far below what is taken shuts nobody out for longer than a day."""
    kernel = tree(LOOSE)
    kernel(admit("e1", tokens_max=LOOSE))
    kernel(tpm(1))
    assert kernel.state.rates[("team", "tpm")] - kernel.log[-1].time_ns == DAY_CELLS * MINUTE


def test_an_absurd_estimate_frees_no_more_than_it_took() -> None:
    """Where a claim was counted in part only, that part is what comes back."""
    kernel = tree(10)
    kernel(admit("e1", tokens_max=10**9))
    kernel(tpm(10**6))
    kernel(admit("e2", "bob", tokens_max=5_000))
    kernel(release("e1"))
    assert kernel.free() == 10**6 - 5_000


def test_an_event_of_before() -> None:
    """An event of limits that says nothing of rates, as they once were, changes none."""
    kernel = tree(100)
    kernel(admit("e1", tokens_max=80))
    kernel(tpm(1_000))
    *before, limits = kernel.log
    payload = {key: value for key, value in limits.data().items() if key != "rates"}
    old = evolve(fold(before), limits._replace(payload=canonical(payload)))
    assert old.rates == fold(before).rates
    assert old.agents == kernel.state.agents
    assert evolve(State(), before[0]).rates == {}


LIMITS = st.sampled_from([0, 50, 90])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), st.sampled_from(["alice", "bob"]), st.integers(1, 50)),
        st.tuples(st.just("end"), st.integers(0, 9), st.sampled_from([0, 10, 60])),
        st.tuples(st.just("limit"), st.sampled_from(["team", "alice"]), LIMITS),
    ),
    min_size=8,
    max_size=30,
)


@given(STEPS)
def test_as_if_cells_were_counted(steps: list[tuple[str, object, int]]) -> None:
    """At one instant, limits changing all the time, calls leave exactly where cells are free."""
    kernel = tree(90)
    limits = {"team": 90, "alice": LOOSE, "bob": LOOSE}
    held: dict[str, dict[int, int]] = {name: {} for name in limits}
    begun: list[str] = []
    for what, which, number in steps:
        if what == "limit":
            assert isinstance(which, str)
            kernel(SetLimits(which, "operator", tpm=number))
            if not (number and limits[which]):
                held[which] = {}
            limits[which] = number
        elif what == "admit":
            assert isinstance(which, str)
            outcome = kernel(admit(f"e{len(begun)}", which, 0, tokens_max=number))
            levels = [name for name in ("team", which) if limits[name]]
            fits = all(sum(held[name].values()) + number <= limits[name] for name in levels)
            # A nanosecond or two are lost to rounding where a limit does not divide a minute.
            late = isinstance(outcome, Denied) and outcome.retry_after_ns > len(steps)
            assert late != fits or isinstance(outcome, Admitted) == fits
            if isinstance(outcome, Admitted):
                for name in levels:
                    held[name][len(begun)] = number
            begun.append(which)
        elif begun:
            assert isinstance(which, int)
            index = which % len(begun)
            settled = kernel(used(f"e{index}", number))
            assert isinstance(settled, Settled)
            for cells in held.values():
                if settled.fresh and index in cells:
                    cells[index] = min(cells[index], number)
