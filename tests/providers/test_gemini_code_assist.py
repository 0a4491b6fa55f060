"""Gemini CLI on a log-in: what Gemini is asked, in an envelope, is metered as at the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.gemini_code_assist import CODE_ASSIST, CODE_ASSIST_FREE, FREE_PATHS, EnvelopeTally
from providers.gemini_generate import GEMINI_GENERATE
from providers.gemini_meter import EventMeter
from providers.prices import PriceBook, UnknownPrice
from providers.registry import PROVIDERS
from providers.wire import Call, Denial, Facts, Grant, Refused
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract

ONCE, STREAM = "/v1internal:generateContent", "/v1internal:streamGenerateContent"
HELLO = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "session_id": "s"}
ENVELOPE = {"model": "gemini-2.5-flash", "project": "p", "user_prompt_id": "u", "request": HELLO}


class TestContract(WireFormatContract):
    """Whole answers and streams keep the contract."""

    wire_format = CODE_ASSIST
    default = Call("code-assist", "POST", ONCE, "", {}, b"")


def call(path: str = ONCE, query: str = "", **fields: Any) -> Call:
    """A call with a small valid envelope, changed by the fields given."""
    return Call("code-assist", "POST", path, query, {}, json.dumps({**ENVELOPE, **fields}).encode())


def inner(**fields: Any) -> dict[str, Any]:
    """The envelope's request, changed by the fields given."""
    return {"request": {**HELLO, **fields}}


def refused(asked: Call) -> Denial:
    """Why it is."""
    with pytest.raises(Refused) as raised:
        CODE_ASSIST.read(asked)
    return raised.value.denial


@pytest.mark.parametrize(
    ("method", "path", "claimed"),
    [
        ("POST", ONCE, True),
        ("POST", STREAM, True),
        ("GET", ONCE, False),
        ("POST", "/v1internal:countTokens", False),
        ("POST", "/v1internal:generateContentX", False),
        ("POST", "/v1beta/models/gemini-2.5-flash:generateContent", False),
        ("POST", "/x/v1internal:generateContent", False),
    ],
)
def test_two_methods_are_claimed(method: str, path: str, claimed: bool) -> None:
    """The two that run a model, and no more."""
    assert CODE_ASSIST.claims(Call("code-assist", method, path, "", {}, b"")) is claimed


MALFORMED: list[dict[str, Any]] = [
    {"model": None},
    {"model": ""},
    {"model": 7},
    {"model": "models/gemini-2.5-flash"},
    {"model": "../gemini-2.5-flash"},
    {"project": {"id": "p"}},
    {"user_prompt_id": ["u"]},
    {"request": None},
    {"request": "hi"},
    {"request": [HELLO]},
    {"userPromptId": "v"},
    inner(contents=[]),
    inner(sessionId="t"),
    inner(model="models/gemini-3.1-pro-preview"),
    inner(generationConfig={"maxOutputTokens": "5"}),
]
UNMETERED: list[dict[str, Any]] = [
    {"someNewField": 1},
    {"requestType": "agent"},
    {"generationConfig": {"maxOutputTokens": 5}},
    {"enabled_credit_types": ["GOOGLE_ONE_AI"]},
    {"enabledCreditTypes": "GOOGLE_ONE_AI"},
    {"model": "gemini-2.5-flash-image"},
    inner(someNewField=1),
    inner(user_prompt_id="u"),
    inner(generationConfig={"routingConfig": {"autoMode": {}}}),
    inner(generationConfig={"responseModalities": ["IMAGE"]}),
    inner(tools=[{"codeExecution": {}}]),
    inner(serviceTier="priority"),
]


@pytest.mark.parametrize("fields", MALFORMED, ids=lambda fields: json.dumps(fields)[:60])
def test_malformed_requests_are_a_400(fields: dict[str, Any]) -> None:
    """Of the envelope, and of what stands in it."""
    assert refused(call(**fields)).status == 400


@pytest.mark.parametrize("fields", UNMETERED, ids=lambda fields: json.dumps(fields)[:60])
def test_what_is_not_known_is_refused(fields: dict[str, Any]) -> None:
    """In either of them, under whichever spelling."""
    denial = refused(call(**fields))
    assert (denial.status, denial.code) == (403, "not_metered")


def test_credits_are_refused_with_the_way_to_do_without() -> None:
    """They are money beside the plan; an empty list of them is none."""
    assert "overageStrategy" in refused(call(enabled_credit_types=["GOOGLE_ONE_AI"])).remedy
    assert CODE_ASSIST.read(call(enabled_credit_types=[])).kind == "metered"


def test_a_stream_that_is_no_events_is_refused() -> None:
    """The CLI asks for events; a stream of another form would be metered as what it is not."""
    assert refused(call(STREAM)).status == 403
    assert refused(call(STREAM, "alt=json")).status == 403
    assert CODE_ASSIST.read(call(STREAM, "alt=sse")).stream


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"generationConfig": {"maxOutputTokens": 5, "candidateCount": 2}},
        {"systemInstruction": {"parts": [{"text": "Be brief."}]}},
        {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {}}]}]},
        {"tools": [{"googleSearch": {}}]},
        {"tools": [{"urlContext": {}}]},
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}]},
        {"contents": [{"parts": [{"fileData": {"fileUri": "https://x.example"}}]}]},
        {"contents": [{"parts": [{"functionCall": {"name": "f"}, "thoughtSignature": "AAAA"}]}]},
    ],
    ids=json.dumps,
)
def test_it_is_read_as_at_the_api(fields: dict[str, Any]) -> None:
    """The facts are those of the same request at the API, bounded by more bytes."""
    plain = {key: value for key, value in (HELLO | fields).items() if key != "session_id"}
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    at_api = GEMINI_GENERATE.read(
        Call("google", "POST", path, "", {}, json.dumps(plain).encode()),
    )
    found = CODE_ASSIST.read(call(**inner(**fields)))
    assert found.input_tokens_max > at_api.input_tokens_max
    assert found.endpoint == ONCE

    def same(facts: Facts) -> dict[str, Any]:
        told = {name: getattr(facts, name) for name in Facts.__slots__}
        return told | {"endpoint": "", "input_tokens_max": 0, "document": {}}

    assert same(found) == same(at_api)


def test_the_cap_is_written_into_the_request() -> None:
    """Into its options, under its own spellings; the rest of the envelope stays as it is."""
    asked = call(**inner(generation_config={"max_output_tokens": 50, "temperature": 1}))
    sent = json.loads(CODE_ASSIST.patch(asked, CODE_ASSIST.read(asked), Grant(9)))
    options = {"max_output_tokens": 9, "temperature": 1}
    assert sent == {**ENVELOPE, "request": {**HELLO, "generation_config": options}}
    asked = call()
    sent = json.loads(CODE_ASSIST.patch(asked, CODE_ASSIST.read(asked), Grant(9)))
    assert sent["request"] == {**HELLO, "generationConfig": {"maxOutputTokens": 9}}


def event(document: Any) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(document).encode() + b"\r\n\r\n"


@pytest.mark.parametrize(
    "document",
    [
        {"candidates": [{"content": {"parts": [{"text": "x" * 90}]}, "finishReason": "STOP"}]},
        {"response": "x" * 90},
        {"response": [{"candidates": ["x" * 90]}]},
        {"traceId": "x" * 90, "remainingCredits": []},
        {"error": {"code": 503, "message": "x" * 90}},
    ],
    ids=lambda document: json.dumps(document)[:40],
)
def test_what_has_no_envelope_counts_by_its_bytes(document: Any) -> None:
    """Nothing in it is believed to be usage, nor an end."""
    meter = EventMeter(1, EnvelopeTally)
    used = {"promptTokenCount": 1, "candidatesTokenCount": 1}
    assert meter.feed(event({**document, "usageMetadata": used})) + meter.finish()
    reading = meter.reading()
    assert (reading.usage, reading.known, reading.complete) == (None, None, False)
    assert reading.output_tokens_max > 90


def test_a_stream_in_another_form_counts_by_its_bytes() -> None:
    """Where events were asked for and JSON is answered, nothing goes uncounted."""
    facts = CODE_ASSIST.read(call(STREAM, "alt=sse"))
    meter = CODE_ASSIST.meter(facts, 200, "application/json")
    meter.feed(b'[{"response": {"candidates": [{"content": {"parts": [{"text": "xxxxxxxx"}]}}]}}]')
    assert meter.reading().output_tokens_max > 8


def test_what_the_cli_asks_beside_its_calls_is_free() -> None:
    """Each path of the table, by POST alone, and nothing below or beside it."""
    for path in FREE_PATHS:
        asked = Call("code-assist", "POST", path.pattern, "", {}, b"{}")
        assert CODE_ASSIST_FREE.claims(asked)
        assert CODE_ASSIST_FREE.read(asked).kind == "free"
    for other in (ONCE, STREAM, "/v1internal:completeCode", "/v1internal:loadCodeAssist/x"):
        assert not CODE_ASSIST_FREE.claims(Call("code-assist", "POST", other, "", {}, b"{}"))


def test_prices_are_those_of_the_model_that_is_meant() -> None:
    """The host has a name of its own for one; what neither knows has no price."""
    book = PriceBook(providers=PROVIDERS)
    assert book.price("code-assist", "gemini-3-flash", AT).model_id == "gemini-3.5-flash"
    assert book.price("code-assist", "gemini-3.1-pro-preview", AT).model_id.endswith("pro-preview")
    for provider, model in (("code-assist", "auto"), ("google", "gemini-3-flash")):
        with pytest.raises(UnknownPrice):
            book.price(provider, model, AT)
