"""`aex team …`."""

from __future__ import annotations

import pytest

from tests.aex_addon.cli.conftest import Aex


@pytest.fixture
def teams(aex: Aex, shop: str) -> None:
    """acme above lab; bee in lab, and ant in acme; shop in none."""
    aex("team", "create", "acme", 100, "--window", "month", "--rpm", 600)
    aex("team", "create", "lab", 10, "--parent", "acme", "--tpm", 9)
    aex("agent", "create", "bee", 2, 0, "--team", "lab")
    aex("agent", "create", "ant", 3, 0, "--team", "acme")


def test_create(aex: Aex) -> None:
    """A team has a budget, a window and limits, and no token at all."""
    made = aex.json("team", "create", "lab", "1.5", "--window", "day", "--rpm", 6, "--tpm", 9)
    assert (made["name"], made["kind"], made["parent"]) == ("lab", "team", None)
    assert (made["budget_usd"], made["budget_window"]) == ("1.50", "day")
    assert (made["rpm"], made["tpm"]) == (6, 9)
    assert "token" not in made
    assert aex.json("agent", "inspect", "lab")["tokens"] == []
    assert "there is no team 'x'" in aex("team", "create", "y", 1, "--parent", "x", code=1).stderr
    aex("team", "create", "y", 1, "--window", "hour", code=2)


@pytest.mark.usefixtures("teams")
def test_list_is_a_tree(aex: Aex) -> None:
    """Members stand indented below their team, with their balances; agents in no team do not."""
    lines = aex("team", "list").stdout.splitlines()
    assert lines[0].split() == [
        *("team", "kind", "window", "budget", "spent", "reserved", "remaining")
    ]
    names = [line[: line.index(line.split()[1])].rstrip() for line in lines[1:]]
    assert names == ["acme", "  ant", "  lab", "    bee"]
    assert lines[1].split()[1:] == ["team", "month", "$100.00", "$0.00", "$0.00", "$100.00"]


@pytest.mark.usefixtures("teams")
def test_list_as_a_document(aex: Aex) -> None:
    """Each team has its balances, its parent and the names of what is directly below it."""
    acme, lab = aex.json("team", "list")
    assert (acme["name"], acme["parent"], acme["members"]) == ("acme", None, ["ant", "lab"])
    assert (lab["name"], lab["parent"], lab["members"]) == ("lab", "acme", ["bee"])
    assert lab["remaining_nanousd"] == 10_000_000_000


@pytest.mark.usefixtures("teams")
def test_a_team_below_one_that_has_ended_is_still_shown(aex: Aex) -> None:
    """It becomes a root, also where an agent has the old name by now."""
    aex("team", "delete", "acme", "--yes")
    for command in (("audit",), ("agent", "create", "acme", 1, 0)):
        aex(*command)
        lines = aex("team", "list").stdout.splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["lab", "bee"]


def test_nothing_yet(aex: Aex, shop: str) -> None:
    """An empty list says how to fill it; an agent is no team."""
    assert "aex team create" in aex("team", "list").stdout
    assert aex.json("team", "list") == []


@pytest.mark.usefixtures("teams")
def test_top_up_and_limits(aex: Aex) -> None:
    """Credit adds to the budget; limits that are not named stay."""
    assert aex.json("team", "top-up", "lab", "0.5", "--reason", "more")["budget_usd"] == "10.50"
    changed = aex.json("team", "limits", "lab", "--rpm", 5, "--window", "week")
    assert (changed["rpm"], changed["tpm"], changed["budget_window"]) == (5, 9, "week")
    assert "at least one limit" in aex("team", "limits", "lab", code=2).stderr
    aex("audit")


@pytest.mark.usefixtures("teams")
def test_an_agent_is_not_taken_for_a_team(aex: Aex) -> None:
    """What is said of a team changes no agent, and an unknown team is refused as one."""
    for name, sentence in (("shop", "this takes a team"), ("x", "there is no team 'x'")):
        for words in (("top-up", name, 1), ("limits", name, "--rpm", 1), ("delete", name, "--yes")):
            assert sentence in aex("team", *words, code=1).stderr
    assert aex.json("agent", "inspect", "shop")["budget_usd"] == "5.00"


@pytest.mark.usefixtures("teams")
def test_delete_asks_first(aex: Aex) -> None:
    """Without a yes the team stays; with it the team has ended."""
    assert (
        "Its members can spend nothing" in aex("team", "delete", "lab", code=1, text="n\n").stderr
    )
    assert len(aex.json("team", "list")) == 2
    assert aex.json("team", "delete", "lab", "--yes") == {"name": "lab", "deleted": True}
    assert [one["name"] for one in aex.json("team", "list")] == ["acme"]
    assert aex("team", "delete", "acme", text="y\n").stdout == "team acme has ended\n"
