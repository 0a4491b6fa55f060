"""Laws of budget windows in the kernel: each has the whole budget, and nothing is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.admin_commands import SetLimits
from ledger.commands import Adjust
from ledger.evolve import fold
from ledger.outcomes import Admitted, Denied
from ledger.windows import WINDOWS, end_of, start_of
from tests.ledger.making import SECOND, START, Pure, admit, commit, create, rows, started, word

DAY = 86_400 * SECOND


def spent(kernel: Pure) -> tuple[int, int]:
    """(in the window, before it)."""
    agent = kernel.state.agents["alice"]
    return agent.spent_nanousd, agent.spent_before_nanousd


def test_a_new_day_has_the_whole_budget() -> None:
    """What one day spent does not count the next, from the day's first nanosecond on."""
    kernel = started(budget=100, budget_window="day")
    kernel(admit("e1"))
    kernel(commit("e1", 100))
    midnight = end_of("day", kernel.now)
    kernel.now = midnight - 1 - SECOND
    denied = kernel(admit("e2"))
    assert isinstance(denied, Denied)
    assert (denied.code, denied.resets_at) == ("budget_exceeded", midnight)
    kernel.now = midnight - SECOND
    assert isinstance(kernel(admit("e3")), Admitted)
    assert spent(kernel) == (0, 100)
    assert kernel.types()[-3:] == ["agent.window", "execution.reserved", "execution.dispatched"]
    kernel(admit("e4", fixed=0))
    assert kernel.types().count("agent.window") == 1


def test_open_reserves_count_in_the_next_window() -> None:
    """A call that is under way at midnight holds its reserve in the new day, which pays for it."""
    kernel = started(budget=100, budget_window="day")
    kernel(admit("e1", fixed=60))
    kernel.now += DAY
    assert word(kernel(admit("e2", fixed=41))) == "402 budget_exceeded"
    assert word(kernel(admit("e3", fixed=40))) == "holds 40 cap 0"
    kernel(commit("e1", 60))
    assert spent(kernel) == (60, 0)


@given(
    st.sampled_from(WINDOWS),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 90), st.integers(0, 200)), max_size=12),
)
def test_a_lifetime_is_the_sum_of_all_windows(
    window: str, days: list[tuple[int, int, int]]
) -> None:
    """Spent now and before is all that was booked, and no adjustment makes either negative."""
    kernel = started(budget=100, budget_window=window)
    for number, (later, bill, adjusted) in enumerate(days):
        kernel.now += later * DAY // 4
        if isinstance(kernel(admit(f"e{number}", fixed=90)), Admitted):
            kernel(commit(f"e{number}", bill))
        earliest = next(iter(kernel.state.executions))
        kernel(Adjust(earliest, adjusted, "the invoice", "operator"))
        agent = kernel.state.agents["alice"]
        assert min(spent(kernel)) >= 0
        assert sum(spent(kernel)) == sum(
            row.actual_nanousd for row in kernel.state.executions.values()
        )
        assert agent.window_start <= start_of(window, kernel.now)
    assert rows(fold(kernel.log)) == rows(kernel.state)


def test_money_taken_back_comes_from_this_window_first() -> None:
    """An adjustment below what this window spent takes the rest from those before."""
    kernel = started(budget=100, budget_window="day")
    kernel(admit("e1"))
    kernel(commit("e1", 100))
    kernel.now += DAY
    kernel(admit("e2"))
    kernel(commit("e2", 30))
    assert spent(kernel) == (30, 100)
    kernel(Adjust("e1", 20, "the invoice", "operator"))
    assert spent(kernel) == (0, 50)


def test_another_window_forgets_nothing() -> None:
    """A budget made one for all time counts all that was ever spent; as a day's, only the day's."""
    kernel = started(budget=100, budget_window="day")
    for number in range(3):
        kernel(admit(f"e{number}"))
        kernel(commit(f"e{number}", 40))
        kernel.now += DAY
    kernel(SetLimits("alice", "operator", budget_window="total"))
    assert spent(kernel) == (120, 0)
    assert word(kernel(admit("e8"))) == "402 budget_exceeded"
    kernel(SetLimits("alice", "operator", budget_window="month"))
    assert word(kernel(admit("e9"))) == "holds 100 cap 0"
    assert spent(kernel) == (0, 120)


def test_a_team_has_a_window_of_its_own() -> None:
    """A new day of an agent is not a new month of its team."""
    kernel = Pure(now=start_of("month", START) + DAY)
    kernel(create("team", 150, kind="team", token_hash="", budget_window="month"))
    kernel(create(budget=100, parent="team", budget_window="day"))
    kernel(admit("e1"))
    kernel(commit("e1", 100))
    kernel.now += DAY
    denied = kernel(admit("e2"))
    assert isinstance(denied, Denied)
    assert (denied.account, denied.resets_at) == ("team", end_of("month", kernel.now))
