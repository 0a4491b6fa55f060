"""No request of the Gemini API is billed above its reserve, by the API's own rules of counting."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from providers.gemini_generate import GEMINI_GENERATE
from providers.gemini_input import PICTURE_TOKENS_MAX, THOUGHTS_TOKENS_MAX
from providers.price import reserve
from providers.prices import PriceBook
from providers.wire import Call, Grant, Usage
from tests.providers.catalogue import AT
from tests.providers.test_gemini_input import TOKENIZERS

# What the API adds around a turn and a function; measured counts are lower.
TURN, FUNCTION = 8, 16
WINDOW = 1_048_576
SEARCHES = 4
BOOK = PriceBook()

MODELS = st.sampled_from(
    [
        *("gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-3.1-flash-lite"),
        *("gemini-2.5-flash", "gemini-2.5-pro", "gemini-4-argon"),
    ]
)
TEXTS = st.text('a bé界😀\n"\\', max_size=60)
PICTURE = {"inlineData": {"mimeType": "image/png", "data": "A" * 400}}
SOUND = {"inlineData": {"mimeType": "audio/mp3", "data": "A" * 400}}
PARTS = st.one_of(
    TEXTS.map(lambda text: {"text": text}),
    TEXTS.map(lambda text: {"functionResponse": {"name": "f", "response": {"r": text}}}),
    TEXTS.map(lambda text: {"text": text, "thoughtSignature": "AAAA"}),
    st.sampled_from([PICTURE, SOUND, {"fileData": {"fileUri": "gs://x"}}]),
)
FUNCTIONS = st.builds(
    lambda name, text: {"name": name, "description": text, "parameters": {"type": "OBJECT"}},
    st.text("abc", min_size=1, max_size=8),
    TEXTS,
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A request with any mixture of what is metered."""
    contents = [
        {"role": "user", "parts": parts}
        for parts in draw(st.lists(st.lists(PARTS, max_size=4), min_size=1, max_size=4))
    ]
    request: dict[str, Any] = {"contents": contents, "tools": []}
    options = {"candidateCount": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        options["maxOutputTokens"] = draw(st.integers(1, 70_000))
    request[draw(st.sampled_from(["generationConfig", "generation_config"]))] = options
    if declared := draw(st.lists(FUNCTIONS, max_size=3)):
        request["tools"].append({"functionDeclarations": declared})
    if draw(st.booleans()):
        request["tools"].append({"google_search": {}})
    return request


def strings(value: Any) -> list[str]:
    """All texts in a JSON value, keys included."""
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in (key, *strings(each))]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


def prompt_tokens(draw: st.DrawFn, request: dict[str, Any], model: str) -> int:
    """What one run of the model takes in, at the dearest that the rules allow."""
    total, tokenizer = 0, draw(st.sampled_from(TOKENIZERS))
    for content in request["contents"]:
        total += TURN
        for part in content["parts"]:
            if "fileData" in part or part is SOUND or (part is PICTURE and "-2.5-" in model):
                return WINDOW
            if part is PICTURE:
                total += draw(st.integers(66, PICTURE_TOKENS_MAX))
                continue
            if "thoughtSignature" in part:
                total += WINDOW if "-4-" in model else draw(st.integers(0, THOUGHTS_TOKENS_MAX))
            shown = {key: each for key, each in part.items() if key != "thoughtSignature"}
            total += sum(len(tokenizer.encode(text)) for text in strings(shown))
    for tool in request["tools"]:
        for declared in tool.get("functionDeclarations", ()):
            total += FUNCTION + sum(len(tokenizer.encode(text)) for text in strings(declared))
    return min(total, WINDOW)


@given(requests(), MODELS, st.data())
def test_no_bill_exceeds_its_reserve(
    request: dict[str, Any], model: str, data: st.DataObject
) -> None:
    """Whatever is sent, searched and answered, if the cap that was granted is held."""
    draw = data.draw
    path = f"/v1beta/models/{model}:generateContent"
    call = Call("google", "POST", path, "", {}, json.dumps(request).encode())
    facts, price = GEMINI_GENERATE.read(call), BOOK.price("google", model, AT)
    searching = facts.server_calls_max is None
    quote = price.quote(facts, SEARCHES if searching else 0)
    sent = GEMINI_GENERATE.patch(call, facts, Grant(quote.output_tokens_cap))
    capped = Call("google", "POST", path, "", {}, sent)
    cap = GEMINI_GENERATE.read(capped).output_tokens_cap
    assert cap is not None

    one_run = prompt_tokens(draw, request, model)
    searches = draw(st.integers(0, SEARCHES)) if searching else 0
    later = sum(draw(st.sampled_from([one_run, WINDOW])) for _ in range(searches))
    counts = {
        "input_tokens": one_run + later,
        "output_tokens": facts.choices * cap * (1 + searches),
        "cache_read_tokens": draw(st.sampled_from([0, one_run // 2])),
    }
    if "audio" in facts.modalities and not counts["cache_read_tokens"]:
        counts["input_audio_tokens"] = draw(st.sampled_from([0, one_run // 2]))
    if searches:
        counts["web_searches"] = searches
    assert price.bill(Usage(counts)) <= reserve(quote, quote.output_tokens_cap)
