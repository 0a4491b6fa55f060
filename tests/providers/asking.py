"""One call in every family of wire formats, with each thing that a cap may be about in it.

Owns: how each API writes tools, pictures by every way they can come, documents and streams.
Refuses to know: who may ask for what.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from providers.wire import Call

PNG = "iVBORw0KGgoAAAANSUhEUg=="
HOST = "api.openai.com"
SCHEMA = {"type": "object", "properties": {}}
FUNCTION = {"type": "function", "function": {"name": "lookup", "parameters": SCHEMA}}
FLAT = {"type": "function", "name": "lookup", "parameters": SCHEMA}
URL = "https://example.com/a.png"
DATA = f"data:image/png;base64,{PNG}"


@dataclass(frozen=True)
class Way:
    """One API at one provider. `asks` are by feature what is laid over the body, or the path."""

    name: str
    provider: str
    host: str
    prefix: str
    path: str
    body: dict[str, Any]
    asks: dict[str, dict[str, Any] | str] = field(default_factory=dict)
    model: str | None = None

    def call(self, feature: str = "") -> Call:
        """The call as its format gets it."""
        path, body = self.sent(feature)
        plain, _, query = path.partition("?")
        data = json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return Call(self.provider, "POST", plain, query, headers, data, path_model=self.model)

    def sent(self, feature: str = "") -> tuple[str, dict[str, Any]]:
        """Path and body."""
        ask = self.asks.get(feature, {})
        if isinstance(ask, str):
            return ask, self.body
        return self.path, {**self.body, **ask}


def _user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*parts]}]}


def _chat_picture(url: str) -> dict[str, Any]:
    return _user({"type": "image_url", "image_url": {"url": url}})


def _item(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"type": "message", "role": "user", "content": [*parts]}]}


def _nested(part: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"type": "function_call_output", "call_id": "c", "output": [part]}]}


def _source(kind: str, **said: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": kind, **said}}


def _result(block: dict[str, Any]) -> dict[str, Any]:
    return _user({"type": "tool_result", "tool_use_id": "t", "content": [block]})


def _parts(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [*parts]}]}


_BASE64 = _source("base64", media_type="image/png", data=PNG)
_PDF = {"type": "base64", "media_type": "application/pdf", "data": "AA=="}
_TEXT = {"messages": [{"role": "user", "content": "hi"}]}

CHAT: dict[str, Any] = {
    "function": {"tools": [FUNCTION]},
    "function (deprecated)": {"functions": [{"name": "lookup"}]},
    "function (custom)": {"tools": [{"type": "custom", "custom": {"name": "lookup"}}]},
    "image by URL": _chat_picture(URL),
    "image by data": _chat_picture(DATA),
    "stream": {"stream": True},
}
CLAUDE: dict[str, Any] = {
    "function": {"tools": [{"name": "lookup", "input_schema": SCHEMA}]},
    "image by URL": _user(_source("url", url=URL)),
    "image by data": _user(_BASE64),
    "image by file": _user(_source("file", file_id="file_1")),
    "image in a tool's result": _result(_BASE64),
    "document": _user({"type": "document", "source": _PDF}),
}
GEMINI: dict[str, Any] = {
    "function": {"tools": [{"functionDeclarations": [{"name": "lookup"}]}]},
    "function (other spelling)": {"tools": {"function_declarations": {"name": "lookup"}}},
    "server tool": {"tools": [{"googleSearch": {}}]},
    "server tool (other spelling)": {"tools": [{"google_search": {}}]},
    "server tool kept": {"cachedContent": "cachedContents/1"},
    "image by URL": _parts({"fileData": {"fileUri": URL, "mimeType": "image/png"}}),
    "image by data": _parts({"inline_data": {"mime_type": "image/png", "data": PNG}}),
    "image kept": {"cachedContent": "cachedContents/1"},
    "audio": _parts({"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}),
    "document": _parts({"inlineData": {"mimeType": "application/pdf", "data": "AA=="}}),
    "stream": "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
}
RESPONSES: dict[str, Any] = {
    "function": {"tools": [FLAT]},
    "function (namespace)": {"tools": [{"type": "namespace", "name": "n", "tools": [FLAT]}]},
    "function (as an item)": {
        "input": [{"type": "additional_tools", "tools": [FLAT]}],
    },
    "server tool": {"tools": [{"type": "web_search"}], "max_tool_calls": 1},
    "server tool (older)": {
        "tools": [{"type": "web_search_preview_2025_03_11"}],
        "model": "gpt-5-mini",
        "max_tool_calls": 1,
    },
    "function kept": {"previous_response_id": "resp_unseen"},
    "function named": {"input": [{"type": "item_reference", "id": "at_1"}]},
    "server tool kept": {"conversation": "conv_1"},
    "image by URL": _item({"type": "input_image", "image_url": URL}),
    "image by data": _item({"type": "input_image", "image_url": DATA}),
    "image by file": _item({"type": "input_image", "file_id": "file-1"}),
    "image in a tool's result": _nested({"type": "input_image", "image_url": DATA}),
    "image kept": {"previous_response_id": "resp_unseen"},
    "image named": {"input": [{"type": "item_reference", "id": "msg_1"}]},
    "document": _item({"type": "input_file", "file_id": "file-1"}),
    "stream": {"stream": True},
}
_CONVERSE: dict[str, Any] = {
    "function": {"toolConfig": {"tools": [{"toolSpec": {"name": "lookup", "inputSchema": {}}}]}},
    "image by data": _user({"image": {"format": "png", "source": {"bytes": PNG}}}),
    "image by file": _user({"image": {"source": {"s3Location": {"uri": "s3://b/a.png"}}}}),
    "document": _user({"document": {"name": "d", "source": {"bytes": "AA=="}}}),
}
_AWS = "bedrock-runtime.us-east-1.amazonaws.com"
_AT_AWS = "/model/anthropic.claude-3-5-haiku-20241022-v1:0/"
_VERTEX = "/v1/projects/p/locations/global/publishers/"
_HAIKU = {"max_tokens": 64, "model": "claude-haiku-4-5", **_TEXT}
_SEARCH = {"type": "web_search_20250305", "name": "lookup", "max_uses": 1}

WAYS = (
    Way(
        *("openai_chat", "openai", HOST, "", "/v1/chat/completions"),
        {"model": "gpt-4o-mini", "max_tokens": 64, **_TEXT},
        {**CHAT, "audio": {"model": "gpt-audio-mini", "modalities": ["text", "audio"]}},
    ),
    Way(
        *("openai_responses", "openai", HOST, "", "/v1/responses"),
        {"model": "gpt-4o-mini", "input": "hi", "max_output_tokens": 64},
        RESPONSES,
    ),
    Way(
        *("openai_completions", "openai", HOST, "", "/v1/completions"),
        {"model": "gpt-3.5-turbo-instruct", "prompt": "hi", "max_tokens": 64},
        {"stream": {"stream": True}},
    ),
    Way(
        *("openai_speech", "openai", HOST, "", "/v1/audio/speech"),
        {"model": "tts-1", "input": "hi", "voice": "alloy"},
        {"audio": {}},
    ),
    Way(
        *("mistral_chat", "mistral", "api.mistral.ai", "/mistral", "/v1/chat/completions"),
        {"model": "mistral-small-latest", "max_tokens": 64, **_TEXT},
        {key: ask for key, ask in CHAT.items() if key in ("function", "stream")},
    ),
    Way(
        *(
            "perplexity_chat",
            "perplexity",
            "api.perplexity.ai",
            "/perplexity",
            "/v1/chat/completions",
        ),
        {"model": "sonar", "max_tokens": 64, **_TEXT},
        {"server tool": {}},
    ),
    Way(
        *("anthropic_messages", "anthropic", "api.anthropic.com", "/anthropic", "/v1/messages"),
        _HAIKU,
        {**CLAUDE, "server tool": {"tools": [_SEARCH]}, "stream": {"stream": True}},
    ),
    Way(
        "gemini_generate",
        *("google", "generativelanguage.googleapis.com", "/gemini"),
        "/v1beta/models/gemini-2.5-flash:generateContent",
        {**_parts({"text": "hi"}), "generationConfig": {"maxOutputTokens": 64}},
        GEMINI,
    ),
    Way(
        *("cohere_chat", "cohere", "api.cohere.com", "/cohere", "/v2/chat"),
        {"model": "command-r-08-2024", "max_tokens": 64, **_TEXT},
        {"function": {"tools": [FUNCTION]}, "stream": {"stream": True}},
    ),
    Way(
        *("cohere_chat_v1", "cohere", "api.cohere.com", "/cohere", "/v1/chat"),
        {"model": "command-r-08-2024", "message": "hi", "max_tokens": 64},
        {"function": {"tools": [{"name": "lookup"}]}, "stream": {"stream": True}},
    ),
    Way(
        *("ollama_chat", "ollama", "localhost:11434", "/ollama", "/api/chat"),
        {"model": "llama3.2", "stream": False, "options": {"num_predict": 64}, **_TEXT},
        {
            "function": {"tools": [FUNCTION]},
            "image by data": {"messages": [{"role": "user", "content": "", "images": [PNG]}]},
            "stream": {"stream": None},
        },
    ),
    Way(
        *("bedrock_converse", "aws", _AWS, "/bedrock", f"{_AT_AWS}converse"),
        {
            "messages": [{"role": "user", "content": [{"text": "hi"}]}],
            "inferenceConfig": {"maxTokens": 64},
        },
        {**_CONVERSE, "stream": f"{_AT_AWS}converse-stream"},
    ),
    Way(
        *("bedrock_invoke", "aws", _AWS, "/bedrock", f"{_AT_AWS}invoke"),
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, **_TEXT},
        {
            **{key: ask for key, ask in CLAUDE.items() if key != "image by file"},
            "stream": f"{_AT_AWS}invoke-with-response-stream",
        },
    ),
    Way(
        "gemini_generate",
        *("google-vertex", "aiplatform.googleapis.com", "/vertex"),
        f"{_VERTEX}google/models/gemini-2.5-flash:generateContent",
        {**_parts({"text": "hi"}), "generationConfig": {"maxOutputTokens": 64}},
        {key: ask for key, ask in GEMINI.items() if key != "stream" and " kept" not in key},
    ),
    Way(
        "vertex_claude",
        *("google-vertex", "aiplatform.googleapis.com", "/vertex"),
        f"{_VERTEX}anthropic/models/claude-haiku-4-5:rawPredict",
        {"anthropic_version": "vertex-2023-10-16", "max_tokens": 64, **_TEXT},
        CLAUDE,
    ),
)
ASKS = [(way, feature) for way in WAYS for feature in way.asks]


def named(value: object) -> str:
    """How a row of the table is called in the name of a test."""
    return f"{value.provider} {value.name}" if isinstance(value, Way) else str(value)
