"""Chat Completions requests: what they may cost, what is refused, what AEX writes into them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from providers import tokens
from providers.openai_chat import CHATS, OPENAI_CHAT, PATH
from providers.prices import PriceBook
from providers.wire import Call, Facts, Grant, Refused
from tests.providers.catalogue import AT
from tests.providers.forms import wav

HELLO = [{"role": "user", "content": "Hello"}]


def call(provider: str = "openai", **fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "gpt-4o", "messages": HELLO, **fields}).encode()
    return Call(provider, "POST", PATH, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return OPENAI_CHAT.read(call(**fields))


def with_part(part: object) -> list[dict[str, object]]:
    """Messages that hold one content part."""
    return [{"role": "user", "content": [part]}]


MALFORMED: list[dict[str, Any]] = [
    {"model": None},
    {"model": ["gpt-4o"]},
    {"model": ""},
    {"model": "x" * 300},
    {"messages": None},
    {"messages": []},
    {"messages": {}},
    {"messages": "hi"},
    {"messages": ["hi"]},
    {"messages": [{"role": "user", "content": 7}]},
    {"messages": [{"role": "user", "content": {"type": "text"}}]},
    {"messages": with_part("bare")},
    {"messages": with_part({"text": "untyped"})},
    {"messages": with_part({"type": "image_url"})},
    {"messages": with_part({"type": "image_url", "image_url": {"url": 3}})},
    {"max_tokens": "abc"},
    {"max_tokens": -1},
    {"max_tokens": 0},
    {"max_tokens": True},
    {"max_tokens": 1.5},
    {"max_completion_tokens": 10**10},
    {"n": 0},
    {"n": 129},
    {"n": True},
    {"n": "2"},
    {"stream": 1},
    {"stream": "true"},
    {"stream_options": []},
    {"service_tier": 3},
    {"tools": {}},
    {"tools": ["f"]},
    {"tools": [{"function": {}}]},
    {"functions": "f"},
    {"modalities": "text"},
    {"messages": with_part({"type": "input_audio", "input_audio": {}})},
    {"messages": with_part({"type": "input_audio", "input_audio": {"data": "?"}})},
]
UNMETERED: list[dict[str, Any]] = [
    {"messages": with_part({"type": "file", "file": {"file_id": "file-1"}})},
    {"messages": with_part({"type": "some_new_kind"})},
    {"tools": [{"type": "web_search"}]},
    {"tools": [{"type": "function", "function": {}}, {"type": "code_interpreter"}]},
    {"web_search_options": {}},
    {"prediction": {"type": "content", "content": "x"}},
    {"modalities": ["text", "image"]},
    {"model": "gpt-4o-search-preview"},
    {"model": "gpt-4o-mini-search-preview-2025-03-11"},
    {"model": "gpt-5-search-api"},
]


@pytest.mark.parametrize("fields", MALFORMED, ids=lambda fields: json.dumps(fields)[:40])
def test_malformed_requests_are_a_400(fields: dict[str, Any]) -> None:
    """What no provider would take is refused before anything is reserved."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (400, "invalid_request")


@pytest.mark.parametrize("fields", UNMETERED, ids=lambda fields: json.dumps(fields)[:40])
def test_what_cannot_be_bounded_is_a_403(fields: dict[str, Any]) -> None:
    """Content whose cost the request does not bound never passes unmetered."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")


def test_null_is_absent() -> None:
    """A field set to null asks for nothing."""
    names = ["max_tokens", "max_completion_tokens", "n", "stream", "stream_options", "tools"]
    names += ["functions", "modalities", "audio", "prediction", "web_search_options"]
    facts = read(**dict.fromkeys(names))
    assert (facts.output_tokens_cap, facts.choices, facts.stream) == (None, 1, False)


def test_facts_name_what_multiplies_the_price() -> None:
    """Caps, choices, tier and stream are read; of two caps the larger bounds."""
    facts = read(max_tokens=5, max_completion_tokens=9, n=3, stream=True, service_tier="priority")
    assert (facts.output_tokens_cap, facts.choices, facts.stream) == (9, 3, True)
    assert (facts.kind, facts.model, facts.endpoint) == ("metered", "gpt-4o", PATH)
    assert (facts.service_tier, facts.usage_wanted) == ("priority", False)
    assert read(stream=True, stream_options={"include_usage": True}).usage_wanted


def test_the_whole_body_bounds_the_input() -> None:
    """Tools, schemas and non-Latin text all count, each by its bytes at least."""
    tool = {"type": "function", "function": {"name": "f", "description": "x" * 500}}
    plain = read()
    assert plain.input_tokens_max >= len(call().body)
    assert read(tools=[tool]).input_tokens_max >= plain.input_tokens_max + 500
    wide = [{"role": "user", "content": "界" * 100}]
    assert read(messages=wide).input_tokens_max >= 300


def test_pictures_count_as_pictures() -> None:
    """A picture's data is not text; its tokens are the model's own bound."""
    data = "data:image/png;base64," + "A" * 100_000
    part = {"type": "image_url", "image_url": {"url": data, "detail": "high"}}
    facts = read(messages=with_part(part))
    assert facts.modalities == {"text", "image"}
    assert facts.input_tokens_max < 1_000 + tokens.image_tokens_max("gpt-4o")
    assert facts.input_tokens_max > tokens.image_tokens_max("gpt-4o")
    mini = read(messages=with_part({"type": "image_url", "image_url": "http://x"}), model="o")
    assert mini.input_tokens_max > tokens.IMAGE_TOKENS_MAX


@pytest.mark.parametrize(
    ("fields", "cap"),
    [
        ({}, None),
        ({"max_tokens": 10}, 10),
        ({"max_tokens": 10}, None),
        ({"max_completion_tokens": 10, "max_tokens": 7}, 10),
        ({"stream": True, "stream_options": {"include_usage": True}}, None),
    ],
)
def test_nothing_to_change_leaves_the_bytes_alone(fields: dict[str, Any], cap: int | None) -> None:
    """Where the request already says it all, its own bytes are sent."""
    request = call(**fields)
    assert OPENAI_CHAT.patch(request, OPENAI_CHAT.read(request), Grant(cap)) is request.body


@pytest.mark.parametrize(
    ("provider", "fields", "cap", "changed"),
    [
        ("openai", {}, 5, {"max_completion_tokens": 5}),
        ("azure", {"max_tokens": None}, 5, {"max_completion_tokens": 5}),
        ("fireworks", {}, 5, {"max_tokens": 5}),
        ("openai", {"max_tokens": 10}, 5, {"max_tokens": 5}),
        ("fireworks", {"max_completion_tokens": 10}, 5, {"max_completion_tokens": 5}),
        ("openai", {"max_tokens": 3, "max_completion_tokens": 10}, 5, {"max_completion_tokens": 5}),
        ("openai", {"stream": True}, None, {"stream_options": {"include_usage": True}}),
        (
            "openai",
            {"stream": True, "stream_options": {"include_obfuscation": False}},
            None,
            {"stream_options": {"include_obfuscation": False, "include_usage": True}},
        ),
    ],
)
def test_only_the_cap_and_the_wish_for_usage_are_written(
    provider: str, fields: dict[str, Any], cap: int | None, changed: dict[str, Any]
) -> None:
    """The granted cap goes to the key in use, never raising one; all else stays as it was."""
    request = call(provider, **fields)
    chat = next(each for each in CHATS if each.name == f"{provider}_chat")
    facts = chat.read(request)
    patched = chat.patch(request, facts, Grant(cap))
    assert json.loads(patched) == {**json.loads(request.body), **changed}
    assert facts.document == json.loads(request.body)


def test_patched_text_survives() -> None:
    """Unicode, escapes and number forms mean the same after a patch."""
    body = (
        b'{"model":"gpt-4o","messages":[{"role":"user",'
        b'"content":"\\u00e9\\ud83d\\ude00 \xe4\xb8\x96"}],'
        b'"temperature":1e-1,"seed":12345678901234567890}'
    )
    request = Call("openai", "POST", PATH, "", {}, body)
    patched = OPENAI_CHAT.patch(request, OPENAI_CHAT.read(request), Grant(5))
    assert json.loads(patched) == {**json.loads(body), "max_completion_tokens": 5}


def test_it_claims_its_one_path() -> None:
    """Only POST, and only the exact path."""
    assert OPENAI_CHAT.claims(call())
    for method, path in [("GET", PATH), ("POST", PATH + "/"), ("POST", "/v1/completions")]:
        assert not OPENAI_CHAT.claims(Call("openai", method, path, "", {}, b""))


def test_sound_is_bounded_and_needs_prices_of_its_own() -> None:
    """In, out, or both; an answer in sound hides what it costs until it is whole."""
    data = base64.b64encode(wav(2.5)).decode()
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    heard = read(model="gpt-audio", messages=with_part(part))
    assert heard.own_prices == {"input_audio_tokens"}
    assert (heard.modalities, heard.hidden_output) == ({"text", "audio"}, None)
    assert heard.input_tokens_max < len(call(messages=with_part(part)).body) - len(data) + 200
    said = read(model="gpt-audio", modalities=["text", "audio"])
    assert (said.own_prices, said.hidden_output) == ({"output_audio_tokens"}, True)
    assert read(audio={"voice": "alloy", "format": "wav"}).own_prices == said.own_prices
    assert read(modalities=["text"]).own_prices == frozenset()


def test_sound_that_is_not_seen_fills_the_window() -> None:
    """An earlier answer may be as long as the window of the model."""
    messages = [*HELLO, {"role": "assistant", "audio": {"id": "audio_1"}}]
    facts = read(model="gpt-audio", messages=messages)
    price = PriceBook().price("openai", "gpt-audio", AT)
    quote = price.quote(facts)
    assert (facts.input_unseen, quote.input_tokens) == (True, 134_400)
    assert quote.fixed_nanousd == 134_400 * 32_000
