"""Tools of a Gemini request: whose they are, and what they come to."""

from __future__ import annotations

from typing import Any

import pytest

from providers.gemini_input import Prompt
from providers.gemini_tools import Tools, read
from providers.protojson import Message
from providers.wire import Refused


def found(*tools: Any) -> tuple[Tools, Prompt]:
    """What the tools come to, and what was noted of the prompt."""
    prompt = Prompt("gemini-3.8-flash")
    return read(Message({"tools": list(tools)}, ""), prompt), prompt


def test_functions_are_counted_one_by_one() -> None:
    """Each is described to the model; a tool may declare many, and a list may be left out."""
    tools, prompt = found(
        {"functionDeclarations": [{"name": "a"}, {"name": "b"}]},
        {"function_declarations": {"name": "c"}},
        {},
    )
    assert (tools.declared, tools.on_server, prompt.unseen) == (3, False, False)


def test_a_description_by_references_grows() -> None:
    """Both kinds of schema, of what goes in and what comes out."""
    schema = {"$defs": {"A": {"type": "string"}}, "items": {"$ref": "#/$defs/A"}}
    for name in ("parameters", "parametersJsonSchema", "response", "response_json_schema"):
        _, prompt = found({"functionDeclarations": [{"name": "f", name: schema}]})
        assert prompt.schema_bytes > 0
        assert not prompt.unseen
    _, prompt = found({"functionDeclarations": [{"name": "f", "parameters": {"$ref": "#"}}]})
    assert prompt.unseen


def test_tools_of_the_provider_are_told_apart_by_their_fee() -> None:
    """Only searches have one, in both their forms."""
    assert found({"googleSearch": {}})[0] == Tools(0, True, {"web_searches"}, kinds={"web_search"})
    assert found({"google_search_retrieval": {"x": 1}})[0].units == {"web_searches"}
    kinds = {"url_context", "file_search"}
    assert found({"urlContext": {}}, {"fileSearch": {}})[0] == Tools(0, True, kinds=kinds)
    assert found({"googleSearch": None})[0] == Tools()
    allowed = {"timeRangeFilter": {}, "searchTypes": {"webSearch": {}}}
    assert found({"googleSearch": allowed})[0].on_server


@pytest.mark.parametrize(
    "name",
    [
        *("codeExecution", "code_execution", "googleMaps", "mcpServers", "retrieval"),
        *("enterpriseWebSearch", "exaAiSearch", "parallelAiSearch", "someNewTool"),
    ],
)
def test_a_tool_of_unknown_cost_is_refused(name: str) -> None:
    """By its name, even where it is empty."""
    with pytest.raises(Refused, match=name) as caught:
        found({"functionDeclarations": [], name: {}})
    assert caught.value.denial.code == "not_metered"


def test_computer_use_is_functions_that_are_not_shown() -> None:
    """The client runs them; their descriptions are the provider's."""
    tools, prompt = found({"computerUse": {"environment": "ENVIRONMENT_BROWSER"}})
    assert (tools.on_server, prompt.unseen) == (False, True)
