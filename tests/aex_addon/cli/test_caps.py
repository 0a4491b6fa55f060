"""Caps on the command line: set, changed, taken away and shown."""

from __future__ import annotations

import json

import apsw

from aex_addon.cli.caps import CAPS, caps_text
from aex_addon.home import Home
from ledger.caps import NAMES
from tests.aex_addon.cli.conftest import Aex

FLAGS = (
    *("--allow-model", "gpt-4o*", "--allow-model", "claude-*", "--allow-tool", "lookup"),
    *("--max-input-tokens", "1000", "--max-output-tokens", "200", "--max-total-tokens", "1100"),
    *("--no-streaming", "--tools", "--function-calling", "--no-vision", "--no-audio"),
    *("--documents", "--no-passthrough", "--strict", "--deny-host", "*.example.com"),
    *("--allow-host", "*.example.org", "--allow-host", "203.0.113.0/24:443"),
)
SAID = {
    "models": ["gpt-4o*", "claude-*"],
    "tool_names": ["lookup"],
    "max_input_tokens": 1000,
    "max_output_tokens": 200,
    "max_total_tokens": 1100,
    "streaming": False,
    "tools": True,
    "function_calling": True,
    "vision": False,
    "audio": False,
    "documents": True,
    "passthrough": False,
    "strict": True,
    "egress_allow": ["*.example.org", "203.0.113.0/24:443"],
    "egress_deny": ["*.example.com"],
}


def test_every_cap_has_an_option(aex: Aex) -> None:
    """What `create` was told is what `inspect` shows, each with its own type."""
    assert set(SAID) == set(CAPS) == set(NAMES)
    assert aex.json("agent", "create", "shop", 5, 0, *FLAGS)["caps"] == SAID
    assert aex.json("agent", "inspect", "shop")["caps"] == SAID
    assert aex.json("agent", "list")[0]["caps"] == SAID
    shown = aex("agent", "inspect", "shop").stdout
    assert "models gpt-4o* claude-*, tool names lookup, egress allow *.example.org 203" in shown
    assert "egress deny *.example.com, max input tokens 1000" in shown
    assert "no streaming, tools, function calling, no vision" in shown


def test_no_caps_are_an_empty_document(aex: Aex, shop: str) -> None:
    """An agent without caps says so to programs, and nothing to people."""
    assert aex.json("agent", "inspect", "shop")["caps"] == {}
    assert "caps" not in aex("agent", "inspect", "shop").stdout
    shown = aex("agent", "limits", "shop", "--rpm", 1).stdout
    assert [line.split() for line in shown.splitlines()][-1] == ["caps", "none"]


def test_limits_change_what_is_named(aex: Aex) -> None:
    """One cap is changed, one taken away, the others stay; 0 is no limit."""
    aex("agent", "create", "shop", 5, 0, *FLAGS)
    words = ("--streaming", "--uncap", "models", "--uncap", "strict", "--max-total-tokens", 0)
    found = aex.json("agent", "limits", "shop", *words)["caps"]
    gone = ("models", "strict", "max_total_tokens")
    kept = {name: value for name, value in SAID.items() if name not in gone}
    assert found == {**kept, "streaming": True}
    assert aex.json("agent", "limits", "shop", "--rpm", 7)["caps"] == found
    assert aex.json("agent", "limits", "shop", "--uncap", "all")["caps"] == {}
    assert aex.json("agent", "limits", "shop", "--allow-tool", "a")["caps"] == {"tool_names": ["a"]}


def test_teams_have_caps(aex: Aex) -> None:
    """A team is made with them, and its limits change them."""
    made = aex.json("team", "create", "house", 9, "--no-tools")
    assert made["caps"] == {"tools": False}
    changed = aex.json("team", "limits", "house", "--uncap", "tools", "--no-vision")
    assert changed["caps"] == {"vision": False}


def test_wrong_usage(aex: Aex, shop: str) -> None:
    """What cannot be meant is a usage error or one line, and changes nothing."""
    aex("agent", "limits", "shop", "--uncap", "everything", code=2)
    aex("agent", "limits", "shop", "--max-input-tokens", "-1", code=2)
    aex("agent", "limits", "shop", code=2)
    refused = aex("agent", "limits", "shop", "--allow-model", "x" * 201, code=1).stderr
    assert "models is a list of up to 200 patterns" in refused
    assert aex.json("agent", "inspect", "shop")["caps"] == {}


def test_unreadable_caps_are_told(aex: Aex, shop: str, home: Home) -> None:
    """Caps of another program are no document, and the remedy is named."""
    with apsw.Connection(str(home.path / "ledger.db")) as db:
        db.execute("UPDATE agents SET caps = ?", (json.dumps({"new_cap": True}),))
    db.close()
    assert aex.json("agent", "inspect", "shop")["caps"] is None
    assert "--uncap all" in aex("agent", "inspect", "shop").stdout
    assert aex.json("agent", "limits", "shop", "--uncap", "all")["caps"] == {}
    assert caps_text({}) is None
