"""`aex agent list` and `inspect`."""

from __future__ import annotations

from tests.aex_addon.cli.conftest import Aex


def test_inspect_gives_all_balances(aex: Aex, calls: list[str]) -> None:
    """Budget, spent, reserved and remaining are integers that add up."""
    one = aex.json("agent", "inspect", "shop")
    assert one["budget_nanousd"] == 5_000_000_000
    assert (one["spent_nanousd"], one["reserved_nanousd"]) == (1_200, 0)
    assert one["remaining_nanousd"] == 4_999_998_800
    assert one["lifecycle_state"] == "READY"
    assert [set(token) for token in one["tokens"]] == [
        {"token_id", "scope", "label", "state", "created_at", "expires_at", "revoked_at"}
    ]


def test_inspect_in_words(aex: Aex, calls: list[str]) -> None:
    """Amounts are exact, and a token without an end says never."""
    shown = aex("agent", "inspect", "shop").stdout
    assert "$0.0000012" in shown
    assert "never" in shown


def test_list(aex: Aex, shop: str) -> None:
    """One row an agent, by name; those deleted only when asked for."""
    aex("agent", "create", "ant", 1, 0)
    aex("agent", "delete", "shop", "--yes")
    assert [one["name"] for one in aex.json("agent", "list")] == ["ant"]
    assert [one["name"] for one in aex.json("agent", "list", "--deleted")] == ["ant", "shop"]
    lines = aex("agent", "list").stdout.splitlines()
    assert lines[0].split() == [
        *("agent", "state", "budget", "spent", "reserved", "remaining", "rpm")
    ]
    assert lines[1].split() == ["ant", "READY", "$1.00", "$0.00", "$0.00", "$1.00", "-"]


def test_nothing_yet(aex: Aex, shop: str) -> None:
    """An empty list says how to fill it, an unknown name where to look."""
    aex("agent", "delete", "shop", "--yes")
    assert "aex agent create" in aex("agent", "list").stdout
    assert "`aex agent list`" in aex("agent", "inspect", "nobody", code=1).stderr
