"""The tools of a Gemini request: which cost nothing of their own, which the provider runs itself.

Owns: the table. Refuses to know: prices, what else a request holds.

Functions are run by the client, and computer use is functions whose descriptions the provider adds.
The provider's own search and retrieval run the model anew over what they found. No field of a
request limits how often, so the limit is the operator's word (`server_calls_max`), and the API does
not hold it; nor is it said that the output cap holds for all those runs together.

Refused, because nothing in the request or the catalogue bounds them: code execution, whose results
are billed as output outside of any cap (https://ai.google.dev/gemini-api/docs/code-execution);
Google Maps and Vertex's other sources, whose fees are not in the catalogue; MCP servers; and
whatever is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers import jsonbody
from providers.gemini_input import Prompt
from providers.protojson import Message, fields, folded

SEARCH_UNIT = "web_searches"

# https://ai.google.dev/api/caching#Tool
_FUNCTIONS = "functionDeclarations"
_COMPUTER_USE = "computerUse"
# The price of a web search is in the catalogue; read pages and retrieved chunks are tokens.
_SERVER_TOOLS = {
    "googleSearch": SEARCH_UNIT,
    "googleSearchRetrieval": SEARCH_UNIT,
    "urlContext": None,
    "fileSearch": None,
}
# As other providers call the same.
_KINDS = {
    "googleSearch": "web_search",
    "googleSearchRetrieval": "web_search",
    "urlContext": "url_context",
    "fileSearch": "file_search",
}
_KNOWN = fields(_FUNCTIONS, _COMPUTER_USE, *_SERVER_TOOLS)
# Searches for pictures and the like are not known to cost the same.
_SEARCH = fields("timeRangeFilter", "excludeDomains", "blockingConfidence", "searchTypes")
_SEARCH_TYPES = fields("webSearch")
_FUNCTION_SCHEMAS = ("parameters", "parametersJsonSchema", "response", "responseJsonSchema")


@dataclass(slots=True)
class Tools:
    """What a request's tools come to.

    declared:  functions, each of which is described to the model.
    on_server: the provider runs some of them itself.
    units:     what a run of these may be billed as.
    names:     of the functions, None where one has none.
    kinds:     of what the provider runs.
    """

    declared: int = 0
    on_server: bool = False
    units: set[str] = field(default_factory=set)
    names: set[str | None] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)


def read(request: Message, prompt: Prompt) -> Tools:
    """The tools of a request. Raises Refused: 400 malformed, 403 for those of unknown cost."""
    found = Tools()
    for tool in request.messages("tools"):
        for key in tool.beyond(_KNOWN):
            raise jsonbody.not_metered(f"A tool with {key[:64]!r}")
        for declaration in tool.messages(_FUNCTIONS):
            found.declared += 1
            found.names.add(declaration.text("name") or None)
            for name in _FUNCTION_SCHEMAS:
                prompt.add_schema(declaration.get(name))
        if tool.get(_COMPUTER_USE) is not None:
            found.declared += 1
            found.names.add("computer")
            prompt.unseen = True
        for name, unit in _SERVER_TOOLS.items():
            if tool.get(name) is not None:
                found.on_server = True
                found.kinds.add(_KINDS[name])
                if unit is not None:
                    found.units.add(unit)
                    _refuse_other_searches(tool.message(name))
    return found


def _refuse_other_searches(search: Message) -> None:
    if folded(search.where).endswith("retrieval"):
        return
    for key in search.beyond(_SEARCH):
        raise jsonbody.not_metered(f"A search with {key[:64]!r}")
    for key in search.message("searchTypes").beyond(_SEARCH_TYPES):
        raise jsonbody.not_metered(f"A search with {key[:64]!r}")
