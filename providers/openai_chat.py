"""OpenAI Chat Completions: the `POST /v1/chat/completions` wire format, in all its dialects.

Owns: what such a request may cost, and the changes AEX makes to it.
Refuses to know: prices, budgets. The answer is counted in openai_chat_meter.py.
Request: https://platform.openai.com/docs/api-reference/chat/create

Fails closed on content: a part, tool or option that costs money and whose cost cannot be bounded
from the request is refused as `not_metered`, and so is every kind that is not known here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from providers import jsonbody, openai_errors, openai_sellers, tokens
from providers.media_type import is_stream
from providers.openai_chat_content import Content, read_content
from providers.openai_chat_meter import JsonMeter, StreamMeter
from providers.openai_dialect import Dialect
from providers.openai_dialects import DIALECTS
from providers.rewriting import changed
from providers.uses import of_tools
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v1/chat/completions"
MAX_CHOICES = 128
MAX_MESSAGES = 100_000
_SEARCH = ({"type": "web_search"},)
IN, OUT = "input_audio_tokens", "output_audio_tokens"


class OpenAIChat:
    """The wire format; stateless, one instance per dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.name = f"{dialect.name}_chat"
        self._dialect = dialect

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        dialect, document = self._dialect, jsonbody.parse_object(call.body)
        model = call.path_model or jsonbody.model_name(document)
        tier = jsonbody.optional_string(document, "service_tier")
        dialect.refuse_unmetered(document, model)
        messages = document.get("messages")
        if not isinstance(messages, list) or not 0 < len(messages) <= MAX_MESSAGES:
            raise jsonbody.bad_request("`messages` must be a non-empty list.")
        content = read_content(messages, dialect.text_parts, dialect.hears)
        sounds = _sounds(content, document)
        if dialect.many_sellers:
            openai_sellers.max_price(document)
        caps = [jsonbody.optional_count(document, key) for key in dialect.caps]
        stream_options = jsonbody.optional_object(document, "stream_options")
        input_tokens_max = dialect.preamble_tokens + tokens.request_tokens_max(
            call.body,
            messages=len(messages),
            tools=_count_tools(document, dialect.tool_types),
            image_bytes=sum(content.pictures) + content.sound_bytes,
            images=len(content.pictures) if dialect.bounds_pictures else 0,
            model=model,
        )
        input_tokens_max += content.sound_tokens
        if not dialect.byte_level:
            input_tokens_max += tokens.normal_form_bytes(document)
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            stream=jsonbody.optional_bool(document, "stream"),
            input_tokens_max=input_tokens_max,
            input_unseen=content.sounds_unseen
            or (bool(content.pictures) and not dialect.bounds_pictures),
            output_tokens_cap=max((cap for cap in caps if cap is not None), default=None),
            choices=jsonbody.optional_count(document, "n", most=MAX_CHOICES) or 1,
            # Where usage comes by itself there is nothing to ask for, and nothing to hide.
            usage_wanted=stream_options.get("include_usage") is True or not dialect.asks_usage,
            service_tier=tier,
            premium_tier=tier in dialect.premium_tiers,
            modalities=_modalities(content, sounds),
            uses=of_tools(
                [
                    *jsonbody.optional_list(document, "tools"),
                    *(_SEARCH if dialect.searches else ()),
                ],
                _modalities(content, sounds) - {"text"},
                functions=jsonbody.optional_list(document, "functions"),
            ),
            own_prices=sounds,
            media_fill_window=bool(sounds) and not content.pictures,
            hidden_output=True if OUT in sounds else None,
            many_sellers=dialect.many_sellers,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        changes = self._capped(facts.document, grant.output_tokens_cap)
        if facts.many_sellers and grant.usd_per_mtok is not None:
            changes["provider"] = openai_sellers.limited(facts.document, grant.usd_per_mtok)
        if facts.stream and not facts.usage_wanted:
            old = facts.document.get("stream_options") or {}
            changes["stream_options"] = {**old, "include_usage": True}
        return changed(call.body, facts.document, changes)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter. Errors are always JSON."""
        shape = self._dialect.usage
        if facts.own_prices:
            shape = replace(shape, untold=facts.own_prices)
        if is_stream(facts, status, content_type):
            hide = facts.stream and not facts.usage_wanted
            return StreamMeter(hide, shape)
        return JsonMeter(shape)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)

    def _capped(self, document: dict[str, Any], cap: int | None) -> dict[str, Any]:
        """What must change in the request for this cap to hold."""
        if cap is None:
            return {}
        used = [key for key in self._dialect.caps if document.get(key) is not None]
        if used:
            return {key: cap for key in used if document[key] > cap}
        beside = self._dialect.with_cap.items()
        extra = {key: value for key, value in beside if document.get(key) is None}
        return {self._dialect.caps[0]: cap, **extra}


CHATS = tuple(map(OpenAIChat, DIALECTS))
OPENAI_CHAT = CHATS[0]


def _sounds(content: Content, document: dict[str, Any]) -> frozenset[str]:
    """The units of sound that the call may be billed by."""
    asks = "audio" in jsonbody.optional_list(document, "modalities")
    found = {IN} if content.has_sound else set()
    return frozenset(found | {OUT} if asks or document.get("audio") is not None else found)


def _modalities(content: Content, sounds: frozenset[str]) -> frozenset[str]:
    found = {"text"} | ({"image"} if content.pictures else set())
    return frozenset(found | {"audio"} if sounds else found)


def _count_tools(document: dict[str, Any], types: tuple[str, ...] | None) -> int:
    tools = jsonbody.optional_list(document, "tools")
    for tool in tools:
        if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
            raise jsonbody.bad_request("Each of `tools` must be an object with a `type`.")
        if types is not None and tool["type"] not in types:
            raise jsonbody.not_metered("A tool that the provider runs itself")
    return len(tools) + len(jsonbody.optional_list(document, "functions"))
