"""`aex agent list` and `inspect`."""

from __future__ import annotations

from datetime import datetime

from aex_addon.cli.context import Context
from aex_addon.cli.issue import open_run
from tests.aex_addon.cli.conftest import Aex

HOUR_NS = 3_600_000_000_000


def test_inspect_gives_all_balances(aex: Aex, calls: list[str]) -> None:
    """Budget, spent, reserved and remaining are integers that add up."""
    one = aex.json("agent", "inspect", "shop")
    assert one["budget_nanousd"] == 5_000_000_000
    assert (one["spent_nanousd"], one["reserved_nanousd"]) == (1_200, 0)
    assert one["remaining_nanousd"] == 4_999_998_800
    assert one["lifecycle_state"] == "READY"
    assert [set(token) for token in one["tokens"]] == [
        {
            *("token_id", "account", "scope", "label", "state"),
            *("created_at", "expires_at", "revoked_at"),
        }
    ]


def test_inspect_in_words(aex: Aex, calls: list[str]) -> None:
    """Amounts are exact, and a token without an end says never."""
    shown = aex("agent", "inspect", "shop").stdout
    assert "$0.0000012" in shown
    assert "never" in shown


def test_tokens_that_have_ended_are_counted(aex: Aex, context: Context, shop: str) -> None:
    """Each run leaves one behind, so only those that serve have a line; JSON has all."""
    _, run = open_run(context, "shop", "nightly", 1_000_000_000, HOUR_NS)
    aex("agent", "delete", run, "--yes")
    aex("agent", "rotate-token", "shop")
    live = [
        one for one in aex.json("agent", "inspect", "shop")["tokens"] if one["state"] == "active"
    ]
    lines = aex("agent", "inspect", "shop").stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("tok_")] == [live[0]["token_id"]]
    assert lines[-1] == "tokens revoked or expired: 2 (--json shows them)"


def test_list(aex: Aex, shop: str) -> None:
    """One row an agent, by name; those deleted only when asked for."""
    aex("agent", "create", "ant", 1, 0)
    aex("agent", "delete", "shop", "--yes")
    assert [one["name"] for one in aex.json("agent", "list")] == ["ant"]
    assert [one["name"] for one in aex.json("agent", "list", "--deleted")] == ["ant", "shop"]
    lines = aex("agent", "list").stdout.splitlines()
    assert lines[0].split() == [
        *("agent", "kind", "parent", "state"),
        *("budget", "spent", "reserved", "remaining", "rpm"),
    ]
    assert lines[1].split() == [
        "ant",
        "agent",
        "-",
        "READY",
        "$1.00",
        "$0.00",
        "$0.00",
        "$1.00",
        "-",
    ]


def test_nothing_yet(aex: Aex, shop: str) -> None:
    """An empty list says how to fill it, an unknown name where to look."""
    aex("agent", "delete", "shop", "--yes")
    assert "aex agent create" in aex("agent", "list").stdout
    assert "`aex agent list`" in aex("agent", "inspect", "nobody", code=1).stderr


def test_runs_are_shown_when_asked_for(aex: Aex, context: Context, shop: str) -> None:
    """A run is an account below its agent, hidden in the list unless `--runs` asks for it."""
    open_run(context, "shop", "nightly", 1_000_000_000, HOUR_NS)
    assert [one["name"] for one in aex.json("agent", "list")] == ["shop"]
    run = aex.json("agent", "list", "--runs")[1]
    assert (run["name"], run["kind"], run["parent"]) == ("shop/nightly", "run", "shop")
    assert run["expires_at"] > run["created_at"]
    row = aex("agent", "list", "--runs").stdout.splitlines()[2].split()
    assert row[:3] == ["shop/nightly", "run", "shop"]


def test_a_run_has_its_own_token_and_its_agent_has_all(
    aex: Aex, context: Context, shop: str
) -> None:
    """Inspecting a run shows the token that pays from it; inspecting the agent shows every one."""
    open_run(context, "shop", "nightly", 1_000_000_000, HOUR_NS)
    run = aex.json("agent", "inspect", "shop/nightly")
    assert [one["account"] for one in run["tokens"]] == ["shop/nightly"]
    accounts = {one["account"] for one in aex.json("agent", "inspect", "shop")["tokens"]}
    assert accounts == {"shop", "shop/nightly"}
    assert "expires" in aex("agent", "inspect", "shop/nightly").stdout


def test_inspect_says_when_the_budget_starts_anew(aex: Aex) -> None:
    """A daily budget resets at the next midnight in UTC; one for good never does."""
    aex("agent", "create", "daily", 1, 0, "--window", "day")
    aex("agent", "create", "once", 1, 0)
    daily, once = aex.json("agent", "inspect", "daily"), aex.json("agent", "inspect", "once")
    assert (daily["budget_window"], once["budget_window"]) == ("day", "total")
    resets, created = (
        datetime.fromisoformat(daily[key]) for key in ("window_resets_at", "created_at")
    )
    assert (resets.hour, resets.minute, resets.second) == (0, 0, 0)
    assert 0 < (resets - created).total_seconds() <= 86_400
    assert (once["window_resets_at"], once["expires_at"], once["parent"]) == (None, None, None)
    assert (
        f"day, the next from {daily['window_resets_at']}" in aex("agent", "inspect", "daily").stdout
    )


def test_inspect_a_team(aex: Aex) -> None:
    """A team has no tokens, so no table of them is shown."""
    aex("team", "create", "lab", 10)
    assert aex.json("agent", "inspect", "lab")["tokens"] == []
    shown = aex("agent", "inspect", "lab").stdout
    assert shown.startswith("team ")
    assert "token " not in shown
