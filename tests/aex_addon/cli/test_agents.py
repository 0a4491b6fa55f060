"""`aex agent …`: what changes agents."""

from __future__ import annotations

import pytest

from aex_addon.home import Home
from aex_addon.tokens import looks_like_token
from tests.aex_addon.cli.conftest import Aex


def test_create_gives_the_token_once(aex: Aex) -> None:
    """The document holds the token and exact amounts, and nothing prints the token again."""
    made = aex.json("agent", "create", "shop", "$1,000.25", 60, "--tpm", 9, "--ttl", "30d")
    assert looks_like_token(made["token"])
    assert (made["name"], made["budget_nanousd"], made["budget_usd"]) == (
        "shop",
        1_000_250_000_000,
        "1000.25",
    )
    assert (made["rpm"], made["tpm"]) == (60, 9)
    assert made["token_expires_at"].endswith("Z")
    for command in (["agent", "inspect", "shop"], ["agent", "list"], ["status"], ["audit"]):
        assert made["token"] not in aex(*command).output + str(aex.json(*command))


def test_the_token_is_not_kept(aex: Aex, home: Home, shop: str) -> None:
    """No file of the home holds the secret."""
    assert aex("agent", "inspect", "shop")
    for path in home.path.rglob("*"):
        assert not path.is_file() or shop.encode() not in path.read_bytes()


def test_create_in_words(aex: Aex) -> None:
    """The token stands on stdout, advice on stderr."""
    result = aex("agent", "create", "shop", 5, 60)
    assert "token   aex_" in result.stdout
    assert "shown this once" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("shop", "5.0.0", 1), "is not an amount"),
        (("shop", "1e-10", 1), "nano-dollar"),
        (("shop", "NaN", 1), "finite"),
        (("shop", "5", "many"), "not a valid integer"),
        (("shop", "5", "1", "--ttl", "soon"), "90m, 12h, 30d"),
        (("shop", "5", "1", "--on-short-budget", "x"), "is not one of"),
    ],
)
def test_wrong_usage_is_exit_code_2(aex: Aex, words: tuple[object, ...], sentence: str) -> None:
    """What cannot be meant is a usage error, and leaves nothing behind."""
    assert sentence in aex("agent", "create", *words, code=2).stderr
    aex("agent", "list", code=1)


def test_refusals_are_one_line(aex: Aex, shop: str) -> None:
    """A name that is taken, or cannot be one, is exit code 1 and one line with the remedy."""
    taken = aex("agent", "create", "shop", 1, 1, code=1).stderr
    assert taken == "aex: agent shop exists; `aex agent top-up` adds to its budget\n"
    assert "cannot be an agent's name" in aex("agent", "create", "a/b", 1, 1, code=1).stderr
    assert "no agent 'x'" in aex("agent", "top-up", "x", 1, code=1).stderr


def test_top_up_adds(aex: Aex, shop: str) -> None:
    """The budget grows by the amount, and the reason stands in the log."""
    assert aex.json("agent", "top-up", "shop", "0.5", "--reason", "bonus")["budget_usd"] == "5.50"
    assert "$6.50" in aex("agent", "top-up", "shop", 1).stdout


def test_rotation_ends_all_other_tokens(aex: Aex, shop: str) -> None:
    """After a rotation exactly the new token is active."""
    rotated = aex.json("agent", "rotate-token", "shop")
    assert rotated["token"] != shop
    tokens = aex.json("agent", "inspect", "shop")["tokens"]
    states = {token["token_id"]: token["state"] for token in tokens}
    assert sorted(states.values()) == ["active", "revoked"]
    assert states[rotated["token_id"]] == "active"
    assert "token    aex_" in aex("agent", "rotate-token", "shop", "--ttl", "1h").stdout


def test_delete_asks_first(aex: Aex, shop: str) -> None:
    """Nothing is deleted without a yes, and a deleted agent keeps its history."""
    aex("agent", "delete", "shop", code=1)
    aex("agent", "delete", "shop", code=1, text="n\n")
    assert aex.json("agent", "inspect", "shop")["lifecycle_state"] == "READY"
    assert aex.json("agent", "delete", "shop", "--yes") == {"name": "shop", "deleted": True}
    assert aex.json("agent", "list") == []
    assert aex.json("agent", "inspect", "shop")["lifecycle_state"] == "DECOMMISSIONED"
    refused = aex("agent", "delete", "shop", code=1).stderr
    assert refused == "aex: there is no agent 'shop'; `aex agent list` shows those there are\n"
    aex("audit")


def test_an_agent_in_a_team(aex: Aex, shop: str) -> None:
    """The team must exist; the agent then stands below it, with the window it was given."""
    words = ("agent", "create", "ant", 1, 0, "--team", "lab", "--window", "week")
    assert "there is no team 'lab'" in aex(*words, code=1).stderr
    aex("team", "create", "lab", 10)
    made = aex.json(*words)
    assert (made["parent"], made["budget_window"]) == ("lab", "week")
    one = aex.json("agent", "inspect", "ant")
    assert (one["parent"], one["budget_window"], one["kind"]) == ("lab", "week", "agent")


def test_limits_change_what_is_named(aex: Aex, shop: str) -> None:
    """What is named changes, also to 0; the rest stays, and the change is an event."""
    changed = aex.json("agent", "limits", "shop", "--tpm", 9, "--window", "month")
    assert (changed["rpm"], changed["tpm"], changed["budget_window"]) == (60, 9, "month")
    words = ("--rpm", 0, "--on-short-budget", "deny", "--min-output-tokens", 7)
    shown = aex("agent", "limits", "shop", *words).stdout
    assert "calls a minute     no limit\n" in shown
    kept = aex.json("agent", "inspect", "shop")
    assert (kept["rpm"], kept["tpm"], kept["budget_window"]) == (0, 9, "month")
    assert (kept["on_short_budget"], kept["min_output_tokens"]) == ("deny", 7)
    aex("audit")


def test_limits_need_one(aex: Aex, shop: str) -> None:
    """Nothing to change is wrong usage; nobody to change is refused."""
    assert "at least one limit" in aex("agent", "limits", "shop", code=2).stderr
    assert "no agent 'x'" in aex("agent", "limits", "x", "--rpm", 1, code=1).stderr


def test_a_team_is_not_taken_for_an_agent(aex: Aex, shop: str) -> None:
    """What ends, limits or gives tokens to an agent leaves a team alone; credit goes to either."""
    aex("team", "create", "lab", 10)
    for words in (
        ("delete", "lab", "--yes"),
        ("limits", "lab", "--rpm", 1),
        ("rotate-token", "lab"),
    ):
        assert "lab is of the kind team" in aex("agent", *words, code=1).stderr
    assert aex.json("agent", "top-up", "lab", 1)["budget_usd"] == "11.00"
