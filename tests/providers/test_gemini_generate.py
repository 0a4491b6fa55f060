"""Gemini requests: what they may cost, what is refused, what AEX writes into them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.gemini_generate import GEMINI_ARRAY, GEMINI_GENERATE
from providers.gemini_input import ALL_MODALITIES, PICTURE_TOKENS_MAX
from providers.gemini_meter import ArrayMeter, EventMeter
from providers.jsonanswer import JsonAnswer
from providers.vertex_regions import REGIONAL
from providers.wire import Call, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract

MODEL = "gemini-3.1-flash-lite"
PATH = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent"
VERTEX = "/v1/projects/p/locations/{}/publishers/google/models/gemini-3.8-flash:generateContent"
HELLO = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
OLD = "/v1beta/models/gemini-2.5-flash"


def call(path: str = PATH, query: str = "", **fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    return Call("google", "POST", path, query, {}, json.dumps({**HELLO, **fields}).encode())


def read(path: str = PATH, **fields: Any) -> Facts:
    """The facts of such a call."""
    return GEMINI_GENERATE.read(call(path, **fields))


def options(**fields: Any) -> dict[str, Any]:
    """A request with these generation options."""
    return {"generationConfig": fields}


def parts(*each: object) -> dict[str, Any]:
    """A request with these parts."""
    return {"contents": [{"parts": list(each)}]}


MALFORMED: list[dict[str, Any]] = [
    {"contents": None},
    {"contents": []},
    {"contents": "hi"},
    {"contents": [7]},
    {"contents": [{"parts": ["hi"]}]},
    parts({"inlineData": "x"}),
    parts({"inlineData": {"mimeType": 3, "data": "AAAA"}}),
    parts({"inlineData": {"mimeType": "image/png", "data": 7}}),
    {"systemInstruction": "Be brief."},
    {"generationConfig": []},
    {"generationConfig": {}, "generation_config": {}},
    options(maxOutputTokens=5, max_output_tokens=50),
    options(maxOutputTokens="5"),
    options(maxOutputTokens=0),
    options(maxOutputTokens=-1),
    options(maxOutputTokens=True),
    options(maxOutputTokens=1.5),
    options(candidateCount=0),
    options(candidateCount=65),
    options(candidate_count=2, candidateCount=1),
    {"tools": ["f"]},
    {"tools": [{"functionDeclarations": [7]}]},
    {"tools": [{"googleSearch": {}, "google_search": {}}]},
    {"cachedContent": 7},
    {"model": "models/gemini-4-argon"},
    {"model": 7},
]
UNMETERED: list[dict[str, Any]] = [
    {"someNewField": 1},
    {"modelArmorConfig": {}},
    {"serviceTier": "priority"},
    {"service_tier": "SERVICE_TIER_PRIORITY"},
    {"serviceTier": 3},
    options(someNewOption=1),
    options(responseModalities=["TEXT", "IMAGE"]),
    options(response_modalities=["AUDIO"]),
    options(responseModalities="Image"),
    options(responseModalities=[2]),
    options(response_modalities=[True]),
    options(imageConfig={}),
    options(routingConfig={"manualMode": {"modelName": "gemini-4-argon"}}),
    options(model_selection_config={}),
    parts({"someNewKind": {}}),
    parts({"mediaProcessing": {}}),
    parts({"functionResponse": {"name": "f", "parts": [{"text": "x"}]}}),
    {"contents": [{"parts": [], "someNewField": 1}]},
    {"tools": [{"codeExecution": {}}]},
    {"tools": [{"code_execution": {}}]},
    {"tools": [{"googleMaps": {}}]},
    {"tools": [{"mcp_servers": []}]},
    {"tools": [{"retrieval": {}}]},
    {"tools": {"enterprise_web_search": {}}},
    {"tools": [{"googleSearch": {"searchTypes": {"imageSearch": {}}}}]},
    {"tools": [{"googleSearch": {"someNewField": 1}}]},
]


class TestContract(WireFormatContract):
    """Whole answers and server-sent events keep the contract."""

    wire_format = GEMINI_GENERATE
    default = Call("google", "POST", f"{OLD}:generateContent", "", {}, b"")


class TestArrayContract(WireFormatContract):
    """Streams that are one JSON array keep the contract."""

    wire_format = GEMINI_ARRAY
    default = Call("google", "POST", f"{OLD}:streamGenerateContent", "", {}, b"")


@pytest.mark.parametrize("fields", MALFORMED, ids=lambda fields: json.dumps(fields)[:50])
def test_malformed_requests_are_a_400(fields: dict[str, Any]) -> None:
    """What no provider would take, or takes one of two ways, is refused before any reserve."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (400, "invalid_request")


@pytest.mark.parametrize("fields", UNMETERED, ids=lambda fields: json.dumps(fields)[:50])
def test_what_cannot_be_bounded_is_a_403(fields: dict[str, Any]) -> None:
    """A field, part, tool or option whose cost is not known never passes, in either spelling."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")


@pytest.mark.parametrize(
    "model",
    [
        *("gemini-2.5-flash-image", "gemini-nano-banana-2.1", "gemini-2.5-flash-preview-tts"),
        *("gemini-live-2.5-flash", "gemini-omni-1.1-flash", "imagen-4.0", "veo-3.1"),
        *("gemini-2.5-flash-native-audio-latest", "gemini-robotics-er-2-streaming-preview"),
    ],
)
def test_models_whose_output_is_not_text_are_a_403(model: str) -> None:
    """They give pictures or sound without being asked, and no cap is known to hold for these."""
    with pytest.raises(Refused) as caught:
        read(f"/v1beta/models/{model}:generateContent")
    assert caught.value.denial.code == "not_metered"


def test_null_is_absent() -> None:
    """A field set to null asks for nothing, under either name."""
    names = ["generationConfig", "tools", "system_instruction", "cachedContent", "serviceTier"]
    facts = read(**dict.fromkeys(names), generation_config={"maxOutputTokens": 7})
    assert (facts.output_tokens_cap, facts.choices, facts.server_calls_max) == (7, 1, 0)
    assert not facts.input_unseen


@pytest.mark.parametrize(
    "fields",
    [
        options(maxOutputTokens=9, candidateCount=3),
        options(max_output_tokens=9, candidate_count=3),
        {"generation_config": {"maxOutputTokens": 9, "candidate_count": 3}},
        {"generation_config": {"MaxOutputTokens": 9, "CANDIDATE_COUNT": 3}},
    ],
)
def test_each_spelling_is_read(fields: dict[str, Any]) -> None:
    """A cap and a multiplier count the same however they are spelt."""
    facts = read(**fields)
    assert (facts.output_tokens_cap, facts.choices) == (9, 3)


def test_facts_name_what_multiplies_the_price() -> None:
    """Model, method, tier and stream are read from the path and the body."""
    facts = read(serviceTier="flex", model=f"models/{MODEL}")
    assert (facts.kind, facts.model, facts.service_tier) == ("metered", MODEL, "flex")
    assert (facts.stream, facts.usage_wanted, facts.modalities) == (False, True, {"text"})
    streamed = GEMINI_ARRAY.read(call(STREAM))
    assert (streamed.stream, streamed.endpoint) == (True, "models/*:streamGenerateContent")
    assert read("/v1beta/tunedModels/mine:generateContent").modalities == ALL_MODALITIES


def test_vertex_is_priced_where_it_is_served() -> None:
    """A region is dearer than the catalogue says, and the dearest tier is not in it."""
    plain = "/v1beta1/publishers/google/models/gemini-3.8-flash:generateContent"
    for path, tier in (
        (VERTEX.format("global"), None),
        (VERTEX.format("europe-west1"), REGIONAL),
        (VERTEX.format("eu"), REGIONAL),
        (plain, None),
    ):
        found = read(path)
        assert (found.model, found.service_tier) == ("gemini-3.8-flash", tier)
    flex = read(VERTEX.format("us-east1"), serviceTier="flex")
    assert flex.service_tier == REGIONAL
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 1, "trafficType": "ON_DEMAND_FLEX"}
    meter = GEMINI_GENERATE.meter(flex, 200, "application/json")
    meter.feed(json.dumps({"candidates": [], "usageMetadata": usage}).encode())
    told = meter.reading().usage
    assert told is not None
    assert told.service_tier == REGIONAL
    header = {"x-vertex-ai-llm-shared-request-type": "priority"}
    body = json.dumps(HELLO).encode()
    with pytest.raises(Refused, match="priority"):
        GEMINI_GENERATE.read(Call("google-vertex", "POST", PATH, "", header, body))


def test_the_whole_body_bounds_the_input() -> None:
    """Tools, schemas and non-Latin text all count, each by its bytes at least."""
    declaration = {"name": "f", "description": "x" * 500}
    plain = read()
    assert plain.input_tokens_max >= len(call().body)
    tooled = read(tools=[{"functionDeclarations": [declaration]}])
    assert tooled.input_tokens_max >= plain.input_tokens_max + 500
    assert read(**parts({"text": "界" * 100})).input_tokens_max >= 300


def test_a_picture_counts_by_the_published_maximum_where_there_is_one() -> None:
    """Its bytes are not text; for models without a maximum the window is the bound."""
    picture = {"inline_data": {"mime_type": "image/png", "data": "A" * 100_000}}
    facts = read(**parts(picture, picture))
    assert 2 * PICTURE_TOKENS_MAX < facts.input_tokens_max < 2 * PICTURE_TOKENS_MAX + 1_000
    assert (facts.input_unseen, facts.modalities) == (False, {"text", "image"})
    old = read(f"{OLD}:generateContent", **parts(picture))
    assert (old.input_unseen, old.modalities) == (True, {"text", "image"})
    assert old.input_tokens_max < 1_000


@pytest.mark.parametrize(
    "fields",
    [
        parts({"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}),
        parts({"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}),
        parts({"inlineData": {"data": "AAAA"}}),
        parts({"fileData": {"fileUri": "https://example.com/film.mp4"}}),
        parts({"functionResponse": {"name": "f", "parts": {"fileData": {"fileUri": "x"}}}}),
        {"cachedContent": "cachedContents/1"},
        {"continuationToken": "AAAA"},
        {"tools": [{"computerUse": {"environment": "ENVIRONMENT_BROWSER"}}]},
        {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"$ref": "#/x"}}]}]},
    ],
    ids=lambda fields: json.dumps(fields)[:50],
)
def test_what_the_request_does_not_show_is_bounded_by_the_window(fields: dict[str, Any]) -> None:
    """Sound, films, documents, caches and hidden descriptions are said to be unseen."""
    assert read(**fields).input_unseen


def test_the_providers_own_tools_have_no_bound_in_the_request() -> None:
    """Searches are billed each, and each may use up the cap; read pages are tokens only."""
    for tool in ({"google_search": {}}, {"googleSearchRetrieval": {"dynamicRetrievalConfig": {}}}):
        facts = read(tools=[tool])
        assert (facts.server_calls_max, facts.server_units) == (None, {"web_searches"})
        assert facts.output_per_server_call
    for tool in ({"urlContext": {}}, {"fileSearch": {"fileSearchStoreNames": ["s"]}}):
        facts = read(tools=[tool])
        assert (facts.server_calls_max, facts.server_units) == (None, frozenset())
    assert read(tools=[{"functionDeclarations": []}]).server_calls_max == 0


@pytest.mark.parametrize(
    ("fields", "cap"),
    [
        ({}, None),
        (options(maxOutputTokens=10), 10),
        (options(maxOutputTokens=10), None),
        (options(maxOutputTokens=10), 11),
    ],
)
def test_nothing_to_change_leaves_the_bytes_alone(fields: dict[str, Any], cap: int | None) -> None:
    """Where the request already says it all, its own bytes are sent."""
    request = call(**fields)
    assert GEMINI_GENERATE.patch(request, GEMINI_GENERATE.read(request), Grant(cap)) is request.body


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({}, options(maxOutputTokens=5)),
        ({"generationConfig": None}, options(maxOutputTokens=5)),
        (options(maxOutputTokens=None), options(maxOutputTokens=5)),
        (options(maxOutputTokens=10, topK=1), options(maxOutputTokens=5, topK=1)),
        (
            {"generation_config": {"max_output_tokens": 10}},
            {"generation_config": {"max_output_tokens": 5}},
        ),
        (
            {"generation_config": {"topP": 1}},
            {"generation_config": {"topP": 1, "maxOutputTokens": 5}},
        ),
    ],
)
def test_only_the_cap_is_written(fields: dict[str, Any], changed: dict[str, Any]) -> None:
    """The granted cap goes where the request has its own, in its spelling; all else stays."""
    request = call(**fields)
    facts = GEMINI_GENERATE.read(request)
    sent = json.loads(GEMINI_GENERATE.patch(request, facts, Grant(5)))
    assert sent == {**json.loads(request.body), **changed}
    assert facts.document == json.loads(request.body)


def test_the_meter_fits_the_shape_of_the_answer() -> None:
    """Events, an array or one document, by what the answer says it is; errors are always JSON."""
    facts = GEMINI_ARRAY.read(call(STREAM))
    for kind, meter in (
        ("text/event-stream", EventMeter),
        ("application/json; charset=UTF-8", ArrayMeter),
        ("", ArrayMeter),
    ):
        assert isinstance(GEMINI_ARRAY.meter(facts, 200, kind), meter)
    assert isinstance(GEMINI_GENERATE.meter(facts, 200, ""), EventMeter)
    assert isinstance(GEMINI_GENERATE.meter(facts, 503, "text/event-stream"), JsonAnswer)
    assert isinstance(GEMINI_GENERATE.meter(read(), 200, ""), JsonAnswer)


@pytest.mark.parametrize(
    ("method", "path", "query", "name"),
    [
        ("POST", PATH, "", "gemini_generate"),
        ("POST", PATH, "alt=sse", "gemini_generate"),
        ("POST", STREAM, "alt=sse", "gemini_generate"),
        ("POST", STREAM, "key=k&%24alt=sse", "gemini_generate"),
        ("POST", STREAM, "", "gemini_array"),
        ("POST", STREAM, "alt=json", "gemini_array"),
        ("POST", STREAM, "alt=sse&alt=json", "gemini_array"),
        ("GET", PATH, "", None),
        ("POST", f"{OLD}:countTokens", "", None),
        ("POST", f"{OLD}:batchGenerateContent", "", None),
        ("POST", f"{OLD}%3AgenerateContent", "", None),
        ("POST", "/v1beta/dynamic/x:generateContent", "", None),
        ("POST", f"{PATH}/", "", None),
    ],
)
def test_each_call_has_one_shape(method: str, path: str, query: str, name: str | None) -> None:
    """A stream is events if the query says so, and else an array; other methods are others'."""
    asked = Call("google", method, path, query, {}, b"")
    claims = [each.name for each in (GEMINI_GENERATE, GEMINI_ARRAY) if each.claims(asked)]
    assert claims == ([name] if name else [])


def test_another_form_of_answer_is_a_400() -> None:
    """An answer that is no JSON could not be read."""
    for query in ("alt=proto", "$alt=media"):
        with pytest.raises(Refused, match="alt"):
            GEMINI_GENERATE.read(call(query=query))
    with pytest.raises(LookupError):
        GEMINI_GENERATE.read(call("/v1beta/models"))
