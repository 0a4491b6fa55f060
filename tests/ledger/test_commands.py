"""Laws of a quote: its cost grows with the cap, and the affordable cap is the largest that fits."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.commands import Quote

quotes = st.builds(
    Quote,
    fixed_nanousd=st.integers(0, 10**12),
    output_rate_picousd=st.integers(0, 10**9),
    output_tokens_cap=st.integers(0, 10**7),
    choices=st.integers(1, 128),
)
amounts = st.integers(-(10**6), 10**18)


@given(quotes, amounts)
def test_an_affordable_cap_fits(quote: Quote, nanousd: int) -> None:
    """What the affordable cap costs is within the amount."""
    cap = quote.affordable_cap(nanousd)
    assume(cap >= 0)
    assert quote.cost(cap) <= nanousd


@given(quotes, amounts)
def test_no_larger_cap_fits(quote: Quote, nanousd: int) -> None:
    """One token more than the affordable cap is not within the amount, or was not asked for."""
    cap = quote.affordable_cap(nanousd)
    assert cap <= quote.output_tokens_cap
    assert cap == quote.output_tokens_cap or quote.cost(cap + 1) > nanousd


@given(quotes, amounts)
def test_no_cap_fits_when_none_is_given(quote: Quote, nanousd: int) -> None:
    """-1 is said exactly where even a cap of nothing is too dear."""
    assert (quote.affordable_cap(nanousd) == -1) == (quote.cost(0) > nanousd)


@given(quotes, st.integers(0, 10**7))
def test_cost_is_rounded_up_once(quote: Quote, cap: int) -> None:
    """The cost is the exact one, rounded up by less than a nano-dollar for all choices together."""
    exact = 1000 * quote.fixed_nanousd + quote.choices * cap * quote.output_rate_picousd
    assert exact <= 1000 * quote.cost(cap) < exact + 1000


def test_a_cheap_token_costs_something() -> None:
    """One token at $0.02 a million is 20 nano-dollars, and a thousandth of that is still one."""
    assert Quote(0, 20_000, 1).cost(1) == 20
    assert Quote(0, 20, 1).cost(1) == 1


def test_affordable_caps() -> None:
    """Of 1,000 nano-dollars, 100 fixed, tokens at 2.5 each for two choices leave a cap of 180."""
    quote = Quote(fixed_nanousd=100, output_rate_picousd=2_500, output_tokens_cap=500, choices=2)
    assert quote.affordable_cap(1_000) == 180
    assert quote.affordable_cap(100) == 0
    assert quote.affordable_cap(99) == -1
    assert quote.affordable_cap(2_600) == 500
