"""Tools of a Responses request: who runs them decides what they cost."""

from __future__ import annotations

from typing import Any

import pytest

from providers.openai_responses_tools import Toolbox, read_tools
from providers.wire import Refused

FUNCTION = {"type": "function", "name": "f", "parameters": {}}
CUSTOM = {"type": "custom", "name": "g"}
NAMESPACE = {"type": "namespace", "name": "n", "description": "d", "tools": [FUNCTION, CUSTOM]}


def read(*tools: Any, model: str = "gpt-5.2") -> Toolbox:
    """What these tools come to."""
    return read_tools(list(tools), model)


def test_what_the_client_describes_costs_its_own_text() -> None:
    """Functions, custom tools, namespaces of them, and a search that the client runs."""
    search = {"type": "tool_search", "execution": "client", "description": "d"}
    assert read() == Toolbox()
    assert read(FUNCTION, CUSTOM, search, NAMESPACE) == Toolbox(count=6)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "local_shell"},
        {"type": "apply_patch"},
        {"type": "computer"},
        {"type": "computer_use_preview", "display_width": 800},
        {"type": "shell", "environment": {"type": "local"}},
    ],
)
def test_what_the_provider_describes_adds_text_that_is_not_seen(tool: dict[str, Any]) -> None:
    """The client runs it, for no fee; how long its description is, nothing tells."""
    assert read(tool) == Toolbox(count=1, unseen=True)


@pytest.mark.parametrize(
    ("tool", "unit"),
    [
        ({"type": "web_search"}, "web_searches"),
        ({"type": "web_search_2025_08_26"}, "web_searches"),
        ({"type": "web_search_preview"}, "web_searches"),
        ({"type": "file_search", "vector_store_ids": ["vs_1"]}, "storage_searches"),
        ({"type": "code_interpreter", "container": "cntr_1"}, "code_executions"),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, "code_executions"),
        (
            {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "1g"}},
            "code_executions",
        ),
    ],
)
def test_what_the_provider_runs_is_billed_by_its_unit(tool: dict[str, Any], unit: str) -> None:
    """Each use has a fee under a unit of the price catalogue."""
    assert read(tool) == Toolbox(count=1, units={unit})


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "image_generation"},
        {"type": "mcp", "server_label": "s", "server_url": "https://x"},
        {"type": "programmatic_tool_calling"},
        {"type": "shell"},
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "tool_search"},
        {"type": "tool_search", "execution": "server"},
        {"type": "code_interpreter"},
        {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "64g"}},
        {"type": "namespace", "tools": [{"type": "mcp"}]},
        {"type": "namespace", "tools": [{"type": "web_search"}]},
        {"type": "some_new_tool"},
    ],
    ids=repr,
)
def test_other_tools_are_a_403(tool: dict[str, Any]) -> None:
    """What has no counted uses or no known fee is refused, alone or among others."""
    for tools in ([tool], [FUNCTION, tool]):
        with pytest.raises(Refused) as caught:
            read(*tools)
        assert caught.value.denial.code == "not_metered"


@pytest.mark.parametrize(
    ("model", "passes"),
    [
        *(("gpt-5", True), ("o4-mini", True), ("gpt-4o", False), ("gpt-4.1-mini", False)),
        *(("gpt-5-chat-latest", False), ("gpt-5.1-chat-latest", False), ("unheard-of", False)),
    ],
)
def test_the_older_search_has_two_prices(model: str, passes: bool) -> None:
    """The catalogue has the one for models that reason; with others it is refused."""
    tool = {"type": "web_search_preview_2025_03_11"}
    if passes:
        assert read(tool, model=model).units == {"web_searches"}
        return
    with pytest.raises(Refused):
        read(tool, model=model)


@pytest.mark.parametrize("tool", ["f", None, {}, {"type": 7}, {"type": "namespace", "tools": [7]}])
def test_malformed_tools_are_a_400(tool: object) -> None:
    """What no provider would take."""
    with pytest.raises(Refused) as caught:
        read(tool)
    assert caught.value.denial.status == 400
