"""Laws of the budget tree: a reserve holds on all levels or on none, and sums add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.admin_commands import DeleteAgent
from ledger.admission import lineage
from ledger.commands import Quote
from ledger.outcomes import Admitted
from tests.ledger.making import Pure, admit, commit, create, team, word

budgets = st.integers(0, 1_000)
# The parent of the n-th team is one before it, or none.
trees = st.lists(st.tuples(budgets, st.integers(-1, 3)), min_size=1, max_size=4)
members = st.lists(st.tuples(budgets, st.integers(0, 3)), min_size=1, max_size=3)
calls = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.builds(Quote, st.integers(0, 300), st.sampled_from([0, 2_000]), st.integers(0, 200)),
        st.none() | st.integers(0, 100),
    ),
    max_size=12,
)


def grown(levels: list[tuple[int, int]], agents: list[tuple[int, int]]) -> Pure:
    """Teams t0, t1, ... and agents a0, a1, ... below them."""
    kernel = Pure()
    for number, (budget, above) in enumerate(levels):
        parent = f"t{min(above, number - 1)}" if above >= 0 and number else None
        kernel(team(f"t{number}", budget, parent=parent))
    for number, (budget, above) in enumerate(agents):
        parent = f"t{min(above, len(levels) - 1)}"
        kernel(create(f"a{number}", budget, parent=parent, min_output_tokens=1))
    return kernel


@given(trees, members, calls)
def test_every_level_holds(
    levels: list[tuple[int, int]],
    agents: list[tuple[int, int]],
    requests: list[tuple[int, Quote, int | None]],
) -> None:
    """After every admission, spent and held are within the budget on every level that pays."""
    kernel = grown(levels, agents)
    for number, (who, quote, bill) in enumerate(requests):
        key, payer = f"e{number}", f"a{who % len(agents)}"
        before = {account.name: account for account in kernel.state.agents.values()}
        outcome = kernel(admit(key, payer, quote=quote))
        held = outcome.reserved_nanousd if isinstance(outcome, Admitted) else 0
        paying = {level.name for level in lineage(kernel.state, payer)}
        for name, account in kernel.state.agents.items():
            taken = account.reserved_nanousd - before[name].reserved_nanousd
            assert taken == (held if name in paying else 0)
            assert account.spent_nanousd + account.reserved_nanousd <= account.budget_nanousd
        if held and bill is not None:
            kernel(commit(key, min(bill, held)))


@given(trees, members, calls)
def test_a_team_spends_what_those_below_it_spend(
    levels: list[tuple[int, int]],
    agents: list[tuple[int, int]],
    requests: list[tuple[int, Quote, int | None]],
) -> None:
    """What a team spent and holds is the sum of those directly below it, overruns included."""
    kernel = grown(levels, agents)
    for number, (who, quote, bill) in enumerate(requests):
        kernel(admit(f"e{number}", f"a{who % len(agents)}", quote=quote))
        if bill is not None and f"e{number}" in kernel.state.executions:
            kernel(commit(f"e{number}", bill * 9))
    accounts = kernel.state.agents.values()
    for parent in (account for account in accounts if account.kind == "team"):
        children = [account for account in accounts if account.parent == parent.name]
        assert parent.spent_nanousd == sum(child.spent_nanousd for child in children)
        assert parent.reserved_nanousd == sum(child.reserved_nanousd for child in children)


def test_a_deleted_team_stops_all_below_it() -> None:
    """Calls of agents below a team that was deleted are denied in its name."""
    kernel = grown([(900, -1)], [(900, 0)])
    kernel(DeleteAgent("t0", "operator"))
    denied = kernel(admit("e1", "a0"))
    assert word(denied) == "423 agent_not_serving"
    assert getattr(denied, "account", "") == "t0"
