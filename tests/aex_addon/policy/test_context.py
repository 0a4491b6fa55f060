"""aex_addon/policy/context.py: the document of a call."""

from __future__ import annotations

import json
from datetime import timedelta, timezone

from aex_addon.policy.context import at_time
from tests.aex_addon.policy.calls import CALL, NOON, call


def test_the_document_holds_what_readme_says() -> None:
    """It has these keys and no others, and no text of a prompt has a place in it."""
    document = CALL.document()
    assert list(document) == [
        *("version", "agent", "account", "teams", "provider", "hosts", "method", "path"),
        *("canonical_path", "endpoint", "alias", "models", "stream", "input_tokens_max"),
        *("output_tokens_max", "output_can_be_lowered", "cost_max_nanousd", "functions"),
        *("server_tools", "media", "own_key"),
    ]
    assert document["models"] == [["gpt-4o-mini", "openai/gpt-4o-mini"]]
    assert document["cost_max_nanousd"] == 2_000


def test_sets_have_an_order() -> None:
    """Names stand in one order, however a set gives them."""
    names = frozenset(f"tool{n}" for n in range(50))
    assert call(functions=names).document()["functions"] == sorted(names)


def test_unknown_is_null() -> None:
    """What nobody read is told as unknown, and an unknown cost is no cost of nothing."""
    told = call(models=None, functions=None, media=None, stream=None, cost_known=False).document()
    keys = ("models", "functions", "media", "stream", "cost_max_nanousd")
    assert [told[key] for key in keys] == [None] * 5


def test_the_time_is_in_utc() -> None:
    """Plugins are told the second, whatever zone it was read in."""
    there = NOON.astimezone(timezone(timedelta(hours=5)))
    assert at_time(CALL.document(), there)["time"] == "2026-11-25T12:00:00Z"
    assert "time" not in json.dumps(CALL.document())
