"""Laws of spelling: what a lax server would read as another key does not pass as an unknown one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.registry import FORMATS
from providers.spelling import refuse_other_spellings
from providers.wire import Call, Refused
from tests.providers.asking import WAYS, Way, named

LAX = ("ollama_chat", "cohere_chat", "cohere_chat_v1")
ODD: list[dict[str, Any]] = [
    {"Model": "another"},
    {"Tools": []},
    {"tool\u017f": []},
    {"\u212aind": 1, "Stream": True},
    {"messages": [{"role": "user", "Content": "hi"}]},
    {"messages": [{"role": "user", "content": "hi", "IMAGES": ["AA=="]}]},
    {"tools": [{"type": "function", "function": {"Name": "f"}}]},
    {"options": {"Num_Predict": 1}},
]


@pytest.mark.parametrize("odd", ODD)
def test_another_spelling_is_refused(odd: dict[str, Any]) -> None:
    """At any depth, and where Unicode folds a letter into an ASCII one."""
    with pytest.raises(Refused) as raised:
        refuse_other_spellings({"model": "m", **odd})
    assert raised.value.denial.status == 400


def test_names_of_the_clients_own_are_free() -> None:
    """Parameters of tools, schemas and arguments may be called anything."""
    own = {"type": "object", "properties": {"Name": {"type": "string"}, "Model": {}}}
    function = {"name": "f", "parameters": own}
    said = {"function": {"name": "f", "arguments": {"Content": "x"}}}
    document = {
        "model": "m",
        "format": own,
        "tools": [{"type": "function", "function": function}],
        "messages": [{"role": "assistant", "tool_calls": [said]}],
        "Something": {"else": 1},
    }
    refuse_other_spellings(document)


@pytest.mark.parametrize("way", [way for way in WAYS if way.name in LAX], ids=named)
@pytest.mark.parametrize("key", ["Model", "TOOLS", "Stream"])
def test_lax_formats_refuse_it(way: Way, key: str) -> None:
    """A model, tools or a stream under another spelling never reach the server."""
    wire_format = next(each for each in FORMATS if each.name == way.name)
    with pytest.raises(Refused, match="lower case"):
        wire_format.read(_with(way.call(), {key: None}))


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        ("local_chat", "/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}),
        ("local_responses", "/v1/responses", {"input": "x"}),
        ("compatible_embeddings", "/v1/embeddings", {"input": "x"}),
        ("ollama_embed", "/api/embed", {"input": "x"}),
    ],
)
def test_local_servers_may_be_lax(name: str, path: str, body: dict[str, Any]) -> None:
    """Whatever they are written in."""
    wire_format = next(each for each in FORMATS if each.name == name)
    call = Call("ollama", "POST", path, "", {}, json.dumps({"model": "m", **body}).encode())
    assert wire_format.read(call).model == "m"
    with pytest.raises(Refused, match="lower case"):
        wire_format.read(_with(call, {"Model": "other"}))


def _with(call: Call, more: dict[str, Any]) -> Call:
    body = json.dumps({**json.loads(call.body), **more}).encode()
    return Call(call.provider, call.method, call.path, call.query, call.headers, body)
