"""OpenAI Chat Completions: the `POST /v1/chat/completions` wire format.

Owns: what such a request may cost, and the changes AEX makes to it.
Refuses to know: prices, budgets. The answer is counted in openai_chat_meter.py.
Request: https://platform.openai.com/docs/api-reference/chat/create

Fails closed on content: a part, tool or option that costs money and whose cost cannot be bounded
from the request is refused as `not_metered`, and so is every kind that is not known here.
"""

from __future__ import annotations

import json
import re
from typing import Any

from providers import jsonbody, openai_errors, tokens
from providers.openai_chat_meter import JsonMeter, StreamMeter
from providers.wire import Call, Denial, Facts, Grant, Meter, Reply

PATH = "/v1/chat/completions"
MAX_CHOICES = 128
MAX_MESSAGES = 100_000
CAP_KEYS = ("max_completion_tokens", "max_tokens")

# Billed for what the usage object does not show, or for tokens that the caps do not hold.
_UNMETERED_OPTIONS = {
    "web_search_options": "Web search",
    "prediction": "Predicted output",
    "audio": "Audio output",
}
_METERED_TOOLS = ("function", "custom")
# These models search the web on every call, for a fee that the usage object does not show.
_SEARCH_MODEL = re.compile(r"-search-(preview|api)(-|$)")


class OpenAIChat:
    """The wire format; stateless, one instance."""

    name = "openai_chat"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        _refuse_unmetered_options(document, model)
        messages = document.get("messages")
        if not isinstance(messages, list) or not 0 < len(messages) <= MAX_MESSAGES:
            raise jsonbody.bad_request("`messages` must be a non-empty list.")
        pictures = _pictures(messages)
        caps = [jsonbody.optional_count(document, key) for key in CAP_KEYS]
        stream_options = jsonbody.optional_object(document, "stream_options")
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            stream=jsonbody.optional_bool(document, "stream"),
            input_tokens_max=tokens.request_tokens_max(
                call.body,
                messages=len(messages),
                tools=_count_tools(document),
                image_bytes=sum(pictures),
                images=len(pictures),
                model=model,
            ),
            output_tokens_cap=max((cap for cap in caps if cap is not None), default=None),
            choices=jsonbody.optional_count(document, "n", most=MAX_CHOICES) or 1,
            usage_wanted=stream_options.get("include_usage") is True,
            service_tier=jsonbody.optional_string(document, "service_tier"),
            modalities=frozenset({"text", "image"} if pictures else {"text"}),
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        changes: dict[str, Any] = {}
        cap = grant.output_tokens_cap
        if cap is not None:
            used = [key for key in CAP_KEYS if facts.document.get(key) is not None]
            for key in used:
                if facts.document[key] > cap:
                    changes[key] = cap
            if not used:
                changes[_cap_key(call.provider)] = cap
        if facts.stream and not facts.usage_wanted:
            old = facts.document.get("stream_options") or {}
            changes["stream_options"] = {**old, "include_usage": True}
        if not changes:
            return call.body
        document = {**facts.document, **changes}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter. Errors are always JSON."""
        kind = content_type.partition(";")[0].strip().lower()
        is_stream = kind == "text/event-stream" or (not kind and facts.stream)
        if is_stream and status < 400:
            return StreamMeter(hide_usage=facts.stream and not facts.usage_wanted)
        return JsonMeter()

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)


OPENAI_CHAT = OpenAIChat()


def _cap_key(provider: str) -> str:
    # OpenAI's reasoning models take only the newer key; most compatible hosts only the older.
    return "max_completion_tokens" if provider in ("openai", "azure") else "max_tokens"


def _refuse_unmetered_options(document: dict[str, Any], model: str) -> None:
    for key, what in _UNMETERED_OPTIONS.items():
        if document.get(key) is not None:
            raise jsonbody.not_metered(f"{what} (`{key}`)")
    if any(kind != "text" for kind in jsonbody.optional_list(document, "modalities")):
        raise jsonbody.not_metered("Output other than text (`modalities`)")
    if _SEARCH_MODEL.search(model):
        raise jsonbody.not_metered("A model that searches the web on every call")


def _count_tools(document: dict[str, Any]) -> int:
    tools = jsonbody.optional_list(document, "tools")
    for tool in tools:
        if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
            raise jsonbody.bad_request("Each of `tools` must be an object with a `type`.")
        if tool["type"] not in _METERED_TOOLS:
            raise jsonbody.not_metered("A tool that the provider runs itself")
    return len(tools) + len(jsonbody.optional_list(document, "functions"))


def _pictures(messages: list[Any]) -> list[int]:
    """Bytes of each picture's address or data. Raises Refused for parts that cannot be bounded."""
    pictures: list[int] = []
    for message in messages:
        if not isinstance(message, dict):
            raise jsonbody.bad_request("Each of `messages` must be an object.")
        if message.get("audio") is not None:
            raise jsonbody.not_metered("A reference to earlier audio")
        content = message.get("content")
        if content is None or isinstance(content, str):
            continue
        if not isinstance(content, list):
            raise jsonbody.bad_request("The `content` of a message must be text or a list.")
        pictures.extend(filter(None, map(_picture, content)))
    return pictures


# https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages
def _picture(part: Any) -> int | None:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise jsonbody.bad_request("Each part of a message must be an object with a `type`.")
    if part["type"] in ("text", "refusal"):
        return None
    if part["type"] != "image_url":
        raise jsonbody.not_metered("Content other than text and pictures")
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str) or not url:
        raise jsonbody.bad_request("An `image_url` part must hold an address.")
    return tokens.text_tokens_max(url)
