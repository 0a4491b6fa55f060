"""Tools: what each kind costs, what the provider may run, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.anthropic_tools import RUNS_MAX, read_tools, with_limit
from providers.wire import Refused

LOOK_UP = {"name": "look_up", "input_schema": {"type": "object"}}


def tool(kind: str, **fields: Any) -> dict[str, Any]:
    """A tool of Anthropic's."""
    return {"type": kind, "name": kind.rpartition("_")[0], **fields}


def test_custom_tools_cost_their_definition() -> None:
    """They count, and nothing is added that their bytes do not hold."""
    tools = read_tools([LOOK_UP, {**LOOK_UP, "type": "custom"}], [])
    assert (tools.count, tools.tokens, tools.runs_itself, tools.searches_max) == (2, 0, False, 0)


@pytest.mark.parametrize(
    ("kind", "published"),
    [
        ("bash_20250124", 325),
        ("text_editor_20250728", 700),
        ("computer_20251124", 735),
        ("computer_toolset_20260801", 4_590),
        ("browser_toolset_20260801", 6_670 + 880),
        ("memory_20250818", 0),
    ],
)
def test_client_tools_cost_more_than_was_published(kind: str, published: int) -> None:
    """Their definitions are the API's own, so a constant bounds them."""
    tools = read_tools([tool(kind)], [])
    assert tools.tokens > published
    assert (tools.runs_itself, tools.searches_max, tools.units) == (False, 0, frozenset())


@pytest.mark.parametrize(
    ("tools", "searches", "units"),
    [
        ([tool("web_search_20250305", max_uses=3)], 3, {"web_searches"}),
        ([tool("web_search_20260318")], None, {"web_searches"}),
        ([tool("web_search_29990101", max_uses=1)], 1, {"web_searches"}),
        ([tool("web_search_20250305", max_uses=3), tool("web_search_20260209")], None, None),
        (
            [tool("web_search_20250305", max_uses=3), tool("web_search_20260209", max_uses=2)],
            5,
            None,
        ),
        ([tool("web_fetch_20250910")], 0, set()),
        ([tool("tool_search_tool_regex_20251119"), LOOK_UP], 0, set()),
        ([{"type": "tool_search_tool_bm25", "name": "tool_search_tool_bm25"}], 0, set()),
        ([tool("code_execution_20250825")], None, {"code_executions"}),
        ([tool("code_execution_20260521"), tool("web_fetch_20250910")], None, {"code_executions"}),
        ([tool("code_execution_20260521"), tool("web_fetch_20260209")], 0, set()),
        ([tool("code_execution_20260521"), tool("web_search_20260209", max_uses=1)], 1, None),
    ],
)
def test_server_tools(tools: list[Any], searches: int | None, units: set[str] | None) -> None:
    """Searches have a fee and a limit, code a fee unless the web tools bring it along."""
    found = read_tools(tools, [])
    assert found.runs_itself
    assert RUNS_MAX == 10
    assert (found.searches_max, found.units) == (searches, units or found.units)
    assert found.units or units == set()


@pytest.mark.parametrize(
    "tools",
    [
        [tool("advisor_20260301", model="claude-opus-5")],
        [{"type": "mcp_toolset", "mcp_server_name": "x"}],
        [tool("bash_29990101")],
        [tool("something_new_20260101")],
        [tool("web_searchx_20260101")],
        [tool("web_search_latest")],
        [tool("code_execution_20250825"), tool("web_search_20250305", max_uses=1)],
    ],
    ids=json.dumps,
)
def test_what_cannot_be_bounded_is_a_403(tools: list[Any]) -> None:
    """Other models, other servers, and kinds that are not known."""
    with pytest.raises(Refused) as caught:
        read_tools(tools, [])
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")


@pytest.mark.parametrize(
    "tools",
    [["f"], [None], [{"type": 3}], *([tool("web_search_20250305", max_uses=n)] for n in (0, "3"))],
    ids=str,
)
def test_malformed_tools_are_a_400(tools: list[Any]) -> None:
    """What is no tool at all is refused before anything is reserved."""
    with pytest.raises(Refused) as caught:
        read_tools(tools, [])
    assert caught.value.denial.status == 400


def test_tools_within_messages() -> None:
    """They count like others, but the provider's own are not to be hidden there."""
    assert read_tools([LOOK_UP], [LOOK_UP]).count == 2
    with pytest.raises(Refused, match="within a message"):
        read_tools([], [tool("web_search_20250305", max_uses=1)])


def test_a_limit_is_written_where_there_is_none() -> None:
    """Only into searches, and never over a limit of the request's own."""
    own, open_ended = tool("web_search_20250305", max_uses=9), tool("web_search_20260209")
    fetch, code = tool("web_fetch_20250910"), tool("code_execution_20250825")
    written = with_limit([own, open_ended, fetch, code, LOOK_UP], 4)
    assert written == [own, {**open_ended, "max_uses": 4}, fetch, code, LOOK_UP]


def test_a_definition_that_is_written_out_again() -> None:
    """It costs what it is long, a toolset what it is known to be, a stranger the longest."""
    long = {**LOOK_UP, "name": "long", "description": "x" * 900}
    tools = read_tools([LOOK_UP, long, {"type": "computer_toolset_20260801"}], [])
    assert tools.expanded_tokens_max([]) == 0
    assert 40 < tools.expanded_tokens_max(["look_up"]) < 200
    assert tools.expanded_tokens_max(["long", "long"]) > 1_800
    largest = tools.expanded_tokens_max(["computer"])
    assert largest > 4_590
    assert tools.expanded_tokens_max(["unheard-of"]) == largest
    assert read_tools([], []).expanded_tokens_max(["x"]) == 0
