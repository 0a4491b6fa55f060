"""Spending by the hour: exact sums, a rate, and how long a budget lasts at it."""

from __future__ import annotations

from ledger.commands import Adjust
from tests.ledger.making import admit, commit, create
from tests.web.conftest import Site
from web.spend import HOUR, KEPT_HOURS, Spend, lasts, rate, series

DAY = 1_800_000_000 * 10**9 // (24 * HOUR) * 24 * HOUR
HOURS = {
    DAY - HOUR: {("bot", "m"): 60, ("zoe", "m"): 5},
    DAY: {("bot", "m"): 30, ("bot", ""): 10},
    DAY - 30 * HOUR: {("bot", "m"): 1},
}


def test_it_goes_along_the_log(site: Site) -> None:
    """Each look adds what is new; adjustments count where their call does."""
    site.store.one(create("zoe"))
    spend = Spend()
    with site.open_reader() as reader:
        assert spend.look(reader) == {}
        site.store.execute([admit("e1", "bot"), admit("e2", "zoe")])
        site.store.execute([commit("e1", 70), commit("e2", 5)])
        (cells,) = spend.look(reader).values()
        assert cells == {("bot", "gpt-4o"): 70, ("zoe", "gpt-4o"): 5}
        site.store.one(Adjust("e1", 100, "late", "operator"))
        assert sum(next(iter(spend.look(reader).values())).values()) == 105
        assert spend.look(reader) == Spend().look(reader)
        assert cells == {("bot", "gpt-4o"): 70, ("zoe", "gpt-4o"): 5}


def test_a_rate() -> None:
    """Over this hour and the last, or since the agent was made; a first call is no rate yet."""
    half = DAY + HOUR // 2
    assert rate(HOURS, "bot", half, 0) == 100 * 2 // 3
    assert rate(HOURS, "bot", half, half - HOUR // 4) == 400
    assert rate(HOURS, "bot", half, half) == 6000
    assert rate(HOURS, "nobody", half, 0) == 0


def test_how_long_it_lasts() -> None:
    """Nothing spent lasts for ever, nothing left no time at all."""
    assert lasts(100, 50) == 2 * HOUR
    assert lasts(-5, 50) == 0
    assert lasts(100, 0) is None


def test_series() -> None:
    """Bars of so many hours up to now, the dearest name first; older hours are left out."""
    starts, found = series(HOURS, "agent", DAY + 1, 3, 1)
    assert starts == [DAY - 2 * HOUR, DAY - HOUR, DAY]
    assert list(found.items()) == [("bot", [0, 60, 40]), ("zoe", [0, 5, 0])]
    _, found = series(HOURS, "model", DAY + 1, 2, 24)
    assert found == {"m": [65, 30], "–": [0, 10]}
    assert series({}, "model", DAY, 2, 24)[1] == {}
    free = {DAY: {("bot", "m"): 30, ("bot", ""): 0, ("zoe", ""): 0}}
    assert series(free, "model", DAY, 1, 24)[1] == {"m": [30]}
    assert series(free, "agent", DAY, 1, 24)[1] == {"bot": [30]}


def test_old_hours_go(site: Site) -> None:
    """What nobody shows any more takes no memory."""

    class Rows:
        def spent(self, _after: int, _upto: int) -> list[object]:
            from ledger.activity import Spent

            return [Spent("bot", "m", hour * HOUR, 1) for hour in (1, 2, KEPT_HOURS + 2)]

    kept = Spend().added({}, Rows(), 0, 1)  # type: ignore[arg-type]
    assert sorted(kept) == [hour * HOUR for hour in (3, KEPT_HOURS + 2) if hour != 3]
