"""Realtime: which handshakes are taken, what a response may cost, how it is denied."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from providers.openai_realtime import OPENAI_REALTIME, PATH
from providers.openai_realtime_meter import ASK_ID
from providers.price import reserve
from providers.prices import PriceBook
from providers.unquotable import UnknownPart, UnknownWindow
from providers.wire import MESSAGE, Call, Denial, Facts, Grant, Refused
from tests.providers.catalogue import AT
from tests.providers.contract import ODD, bent, dumped

UPGRADE = {"upgrade": "websocket"}


def handshake(query: str = "model=gpt-realtime", **headers: str) -> Call:
    """A handshake with this query, and more headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("openai", "GET", PATH, query, {**UPGRADE, **named}, b"")


def message(model: str = "gpt-realtime", **response: Any) -> Call:
    """A message that asks for a response with these options."""
    document = {"type": "response.create", **({"response": response} if response else {})}
    body = json.dumps(document).encode()
    return Call("openai", MESSAGE, PATH, "", {}, body, path_model=model)


def read(**response: Any) -> Facts:
    """The facts of such a message."""
    return OPENAI_REALTIME.read(message(**response))


def test_it_claims_the_handshake_its_messages_and_all_below() -> None:
    """What is below is claimed to be refused, whatever the operator lets pass."""
    assert OPENAI_REALTIME.claims(handshake())
    assert OPENAI_REALTIME.claims(message())
    assert not OPENAI_REALTIME.claims(Call("openai", "GET", PATH, "", {}, b""))
    for path in ("client_secrets", "sessions", "calls", "calls/rtc_1/accept", "translations"):
        around = Call("openai", "POST", f"{PATH}/{path}", "", {}, b"{}")
        assert OPENAI_REALTIME.claims(around)
        with pytest.raises(Refused, match="goes around AEX") as caught:
            OPENAI_REALTIME.read(around)
        assert caught.value.denial.status == 403


def test_a_handshake_names_its_model() -> None:
    """And nothing else; it costs nothing by itself."""
    facts = OPENAI_REALTIME.read(handshake())
    assert (facts.kind, facts.endpoint, facts.has_output) == ("socket", PATH, False)
    assert OPENAI_REALTIME.session(handshake()).model == "gpt-realtime"
    assert OPENAI_REALTIME.read(handshake(sec_websocket_protocol="realtime")).kind == "socket"


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (handshake(""), 403),
        (handshake("call_id=rtc_1"), 403),
        (handshake("intent=transcription"), 403),
        (handshake("model=gpt-realtime&model=gpt-realtime-2"), 403),
        (handshake("model=gpt-realtime&call_id="), 403),
        (handshake("model="), 400),
        (handshake(openai_beta="assistants=v2, realtime=v1"), 403),
        (handshake(sec_websocket_protocol="realtime, openai-insecure-api-key.sk-1"), 403),
        (handshake(sec_websocket_protocol="openai-beta.realtime-v1"), 403),
    ],
)
def test_handshakes_that_are_refused(call: Call, status: int) -> None:
    """Calls that go around, transcription, the beta, and keys where none belongs."""
    with pytest.raises(Refused) as caught:
        OPENAI_REALTIME.read(call)
    assert caught.value.denial.status == status


def test_a_response_is_bounded_by_the_window_and_its_cap() -> None:
    """Sound fills the window; $32 in and $64 out per million are the dearest."""
    price = PriceBook().price("openai", "gpt-realtime", AT)
    quote = price.quote(read())
    assert (quote.input_tokens, quote.output_tokens_cap) == (33_600, 4096)
    assert reserve(quote, 4096) == 33_600 * 32_000 + 4096 * 64_000
    capped = read(max_output_tokens=100)
    assert (capped.output_tokens_cap, capped.hidden_output, capped.stream) == (100, True, True)
    assert read(max_output_tokens="inf").output_tokens_cap is None
    mini = PriceBook().price("openai", "gpt-realtime-mini", AT)
    assert mini.quote(read()).input_tokens == 32_768
    later = PriceBook().price("openai", "gpt-realtime-2.1-mini", AT).quote(read())
    assert (later.input_tokens, later.output_tokens_cap) == (131_072, 32_000)


def test_models_without_a_bound_are_refused() -> None:
    """No window that is known, or no price of sound."""
    with pytest.raises(UnknownWindow):
        replace(PriceBook().price("openai", "gpt-realtime", AT), input_window=None).quote(read())
    with pytest.raises(UnknownPart):
        PriceBook().price("openai", "gpt-4o", AT).quote(read())


@pytest.mark.parametrize(
    ("model", "response", "cap", "sent"),
    [
        ("gpt-realtime", {}, None, None),
        ("gpt-realtime", {}, 4096, None),
        ("gpt-realtime", {}, 300, 300),
        ("gpt-realtime", {"max_output_tokens": "inf"}, 300, 300),
        ("gpt-realtime", {"max_output_tokens": 200}, 300, 200),
        ("gpt-realtime", {"max_output_tokens": 400}, 300, 300),
        ("gpt-realtime-2", {}, 32_000, None),
        ("gpt-realtime-2", {}, 20_000, 4096),
    ],
)
def test_the_cap_is_written_where_it_is_smaller(
    model: str, response: dict[str, Any], cap: int | None, sent: int | None
) -> None:
    """The model's own longest answer needs no word, and the API takes no number above 4096."""
    call = message(model, **response)
    patched = json.loads(OPENAI_REALTIME.patch(call, OPENAI_REALTIME.read(call), Grant(cap)))
    assert patched.get("response", {}).get("max_output_tokens") == sent
    assert patched["event_id"] == ASK_ID


def test_a_message_that_is_named_and_capped_passes_as_it_is() -> None:
    """Byte for byte."""
    document = {"type": "response.create", "event_id": "mine", "response": {}}
    call = Call("openai", MESSAGE, PATH, "", {}, json.dumps(document).encode(), path_model="m")
    assert OPENAI_REALTIME.patch(call, OPENAI_REALTIME.read(call), Grant()) is call.body


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ({"prompt": {"id": "pmpt_1"}}, 403),
        ({"tools": [{"type": "mcp"}]}, 403),
        ({"an_option_of_tomorrow": 1}, 403),
        ({"max_output_tokens": "many"}, 400),
        ({"max_output_tokens": 0}, 400),
        ({"tools": "none"}, 400),
    ],
)
def test_what_is_refused(response: dict[str, Any], status: int) -> None:
    """Tools that the provider runs, stored prompts, options that are not known."""
    with pytest.raises(Refused) as caught:
        read(**response)
    assert caught.value.denial.status == status


def test_no_message_makes_it_raise_but_a_refusal() -> None:
    """Any field absent or of another kind is read, or refused with a 4xx."""
    whole = {"type": "response.create", "response": {"max_output_tokens": 9, "tools": [{}]}}
    for document in bent(whole, ODD):
        call = Call("openai", MESSAGE, PATH, "", {}, dumped(document), path_model="m")
        try:
            facts = OPENAI_REALTIME.read(call)
        except Refused:
            continue
        assert OPENAI_REALTIME.patch(call, facts, Grant(3))


def test_denials() -> None:
    """In band it is Realtime's own error event; at the handshake OpenAI's error object."""
    denial = Denial(402, "budget_exceeded", "m", execution_id="x")
    event = json.loads(OPENAI_REALTIME.error_event(denial))
    assert (event["type"], event["event_id"]) == ("error", "event_x")
    assert (event["error"]["code"], event["error"]["event_id"]) == ("budget_exceeded", None)
    assert json.loads(OPENAI_REALTIME.error_event(Denial(403, "c", "m")))["event_id"] == "event_aex"
    assert json.loads(OPENAI_REALTIME.refuse(denial).body)["error"]["message"] == "m"
