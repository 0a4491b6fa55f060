"""OpenAI's speech: what was asked is what is billed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai_speech import OPENAI_SPEECH, PATH
from providers.prices import ModelOverride, PriceBook
from providers.unquotable import UnknownLength
from providers.wire import Call, Denial, Facts, Grant, Reading, Refused, Usage
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    document = {"model": "tts-1", "input": "Hello.", "voice": "alloy", **fields}
    return Call("openai", "POST", PATH, "", {}, json.dumps(document).encode())


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return OPENAI_SPEECH.read(call(**fields))


class TestContract(WireFormatContract):
    """OpenAI speech keeps the contract."""

    wire_format = OPENAI_SPEECH
    default = Call("openai", "POST", PATH, "", {}, b"")


def test_characters_are_billed() -> None:
    """Each once, whatever its bytes; the reserve is the bill."""
    facts = read(input="Öl 界 🎉")
    assert dict(facts.charges) == {"input_characters": 6}
    assert (facts.has_output, facts.input_tokens_max, facts.kind) == (False, 0, "metered")
    for model, nanousd in (("tts-1", 15_000), ("tts-1-hd", 30_000)):
        price = PriceBook().price("openai", model, AT)
        assert price.quote(facts).fixed_nanousd == 6 * nanousd
        assert price.bill(Usage({"input_characters": 6})) == 6 * nanousd


def test_the_end_of_the_answer_tells_the_usage() -> None:
    """Before it, nothing is known to be over."""
    meter = OPENAI_SPEECH.meter(read(), 200, "audio/mpeg")
    assert meter.feed(b"\xff\xfb") == b"\xff\xfb"
    assert meter.reading() == Reading(None, 0, False)
    assert meter.finish() == b""
    assert meter.reading() == Reading(Usage({"input_characters": 6}), 0, True)


def test_an_answer_that_is_no_sound_tells_nothing() -> None:
    """It is booked at the reserve, which is the same."""
    meter = OPENAI_SPEECH.meter(read(), 200, "application/json; charset=utf-8")
    assert meter.feed(b"{}") + meter.finish() == b"{}"
    assert meter.reading().usage is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": None}, 400),
        ({"input": None}, 400),
        ({"input": ["a"]}, 400),
        ({"model": "gpt-4o-mini-tts", "input": 3}, 400),
        ({"model": "gpt-5-tts"}, 403),
        ({"model": "tts-2"}, 403),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """Malformed bodies, and models that are not known."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_it_claims_its_one_path_and_changes_nothing() -> None:
    """Only POST, and only the exact path; denials in OpenAI's shape."""
    request = call()
    assert OPENAI_SPEECH.claims(request)
    assert OPENAI_SPEECH.patch(request, OPENAI_SPEECH.read(request), Grant(5)) is request.body
    for path in ("/v1/audio/transcriptions", "/v1/audio/translations"):
        assert not OPENAI_SPEECH.claims(Call("openai", "POST", path, "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(OPENAI_SPEECH.refuse(denial).body)["error"]["message"] == "m"
    assert OPENAI_SPEECH.error_event(denial).startswith(b"data: ")


SPEAKS: dict[str, Any] = {"model": "gpt-4o-mini-tts", "instructions": "Slowly."}


def test_sound_has_no_bound_but_the_operators_word() -> None:
    """Without it the call is refused, with its remedy; with it, that much is reserved."""
    facts = read(**SPEAKS)
    assert (facts.cap_writable, facts.hidden_output, facts.stream) == (False, True, False)
    assert facts.input_tokens_max > len(call(**SPEAKS).body)
    with pytest.raises(UnknownLength, match="No longest answer"):
        PriceBook().price("openai", "gpt-4o-mini-tts", AT).quote(facts)
    override = ModelOverride("openai", price_as="gpt-4o-mini-tts", max_output_tokens=5000)
    price = PriceBook({"gpt-4o-mini-tts": override}).price("openai", "gpt-4o-mini-tts", AT)
    assert price.quote(facts).fixed_nanousd == facts.input_tokens_max * 600 + 5000 * 12_000


def test_events_tell_what_was_made_and_sound_does_not() -> None:
    """The last event counts."""
    facts = read(**SPEAKS, stream_format="sse")
    meter = OPENAI_SPEECH.meter(facts, 200, "text/event-stream")
    meter.feed(b'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\n')
    assert meter.reading() == Reading(None, 0, False)
    told = b'"usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}'
    meter.feed(b'data: {"type":"speech.audio.done",' + told + b"}\n\n")
    counts = {"input_tokens": 14, "output_tokens": 101}
    assert meter.reading() == Reading(Usage(counts), 0, True)
    sound = OPENAI_SPEECH.meter(facts, 200, "audio/mpeg")
    assert sound.feed(b"\xff\xfb") + sound.finish() == b"\xff\xfb"
    assert sound.reading() == Reading(None, 0, False)
