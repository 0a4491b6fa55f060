"""The tree of accounts: order, depths, rates."""

from __future__ import annotations

from ledger.admin_commands import DeleteAgent
from tests.ledger.making import create, run, team
from tests.web.conftest import Site
from web.spend import HOUR
from web.tally import Ends
from web.tree import forest, rates, rows


def grown(site: Site) -> None:
    site.store.execute([team("lab"), team("acme"), create("zoe", parent="lab")])
    site.store.execute([create("ann", parent="lab"), run("zoe", "r1", 5), run("zoe", "r2", 5)])


def test_order(site: Site) -> None:
    """Teams first, members below by name, runs below with the newest first."""
    grown(site)
    with site.open_reader() as reader:
        walked = [(depth, one.name) for depth, one in forest(reader, site.now).walk()]
    assert walked == [
        *((0, "acme"), (0, "lab"), (1, "ann"), (1, "zoe"), (2, "zoe/r2"), (2, "zoe/r1")),
        (0, "bot"),
    ]


def test_an_account_whose_team_has_ended(site: Site) -> None:
    """It is shown as a root."""
    grown(site)
    site.store.one(DeleteAgent("lab", "operator"))
    with site.open_reader() as reader:
        walked = [(depth, one.name) for depth, one in forest(reader, site.now).walk()]
    assert (0, "ann") in walked
    assert "lab" not in [name for _, name in walked]


def test_rates(site: Site) -> None:
    """A team spends what its members do."""
    grown(site)
    now = site.now + 10 * HOUR
    start = now - now % HOUR
    hours = {start: {("zoe", "m"): 60, ("ann", "m"): 30, ("bot", "m"): 9}}
    with site.open_reader() as reader:
        found = rates(forest(reader, now), hours)
    assert found["lab"] == found["zoe"] + found["ann"]
    assert found["zoe"] == 2 * found["ann"] > 0
    assert "zoe/r1" not in found


def test_some_rows(site: Site) -> None:
    """Only those asked for, in the tree's order; an overrun is told of its agent."""
    grown(site)
    with site.open_reader() as reader:
        trees = forest(reader, site.now)
    found = rows(trees, {}, {"zoe": Ends(overruns=1, overrun_nanousd=5)}, ["bot", "zoe", "no"])
    assert [(row.name, bool(row.overrun)) for row in found] == [("zoe", True), ("bot", False)]
