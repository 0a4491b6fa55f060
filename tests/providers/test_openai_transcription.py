"""Transcription: what a file may cost by its bytes, and what the answer says it did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai_transcription import GROQ_TRANSCRIPTION, OPENAI_TRANSCRIPTION, PATHS
from providers.price import reserve
from providers.prices import PriceBook
from providers.wire import Call, Denial, Facts, Grant, Refused, Usage
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract
from tests.providers.forms import form, mp3, wav

WAV = {"file": ("speech.wav", wav(2.5))}
WEBM = {"file": ("speech.webm", b"\x1aE\xdf\xa3 and so on")}


def call(files: dict[str, Any] | None = None, path: str = PATHS[0], **fields: Any) -> Call:
    """A call with a small valid form, changed by the fields given."""
    body, headers = form({"model": "whisper-1", **fields}, WAV if files is None else files)
    return Call("openai", "POST", path, "", headers, body)


def read(files: dict[str, Any] | None = None, **fields: Any) -> Facts:
    """The facts of such a call."""
    return OPENAI_TRANSCRIPTION.read(call(files, **fields))


class TestContract(WireFormatContract):
    """OpenAI's transcription keeps the contract."""

    wire_format = OPENAI_TRANSCRIPTION
    default = Call("openai", "POST", PATHS[0], "", {}, b"")


class TestGroqContract(WireFormatContract):
    """So does Groq's."""

    wire_format = GROQ_TRANSCRIPTION
    default = Call("groq", "POST", PATHS[0], "", {}, b"")


def test_seconds_are_billed() -> None:
    """The reserve is the next whole second; the bill is what the provider counts."""
    facts = read()
    assert dict(facts.charges) == {"input_audio_seconds": 3}
    assert (facts.has_output, facts.input_tokens_max, facts.seconds_untold) == (False, 0, False)
    price = PriceBook().price("openai", "whisper-1", AT)
    assert price.quote(facts).fixed_nanousd == 3 * 100_000
    assert price.bill(Usage({"audio_seconds": 3, "input_audio_seconds": 3})) == 3 * 100_000


@pytest.mark.parametrize("model", ["whisper-1", "gpt-transcribe"])
def test_a_file_that_does_not_tell_its_length(model: str) -> None:
    """Its seconds are left to the operator; nothing is guessed."""
    facts = read(WEBM, model=model)
    assert (facts.seconds_untold, dict(facts.charges)) == (True, {})


def test_a_least_length() -> None:
    """Groq bills ten seconds for anything shorter, and takes an address for a file."""
    groq = {"model": "whisper-large-v3"}
    assert dict(GROQ_TRANSCRIPTION.read(call(**groq)).charges) == {"input_audio_seconds": 10}
    long = GROQ_TRANSCRIPTION.read(call({"file": ("a.mp3", mp3(1000))}, **groq))
    assert dict(long.charges) == {"input_audio_seconds": 27}
    linked = GROQ_TRANSCRIPTION.read(call({}, url="https://a.example/b.wav", **groq))
    assert (linked.seconds_untold, dict(linked.charges)) == (True, {"input_audio_seconds": 10})
    with pytest.raises(Refused, match="one file"):
        GROQ_TRANSCRIPTION.read(call(url="https://a.example/b.wav", **groq))


def test_tokens_are_bounded_by_the_sound() -> None:
    """Twice the published ten a second, and the prompt's bytes; $6 and $10 per million."""
    facts = read(model="gpt-4o-transcribe", prompt="Öl")
    assert facts.input_tokens_max == 3 * 20 + 3 + 64
    told = {"languages[]": ["de", "en"], "keywords[]": ["Öl", "Gas"], "language": "de"}
    assert read(model="gpt-4o-transcribe", **told).input_tokens_max == 3 * 20 + 4 + 6 + 2 + 64
    price = PriceBook().price("openai", "gpt-4o-transcribe", AT)
    quote = price.quote(facts)
    assert (quote.output_tokens_cap, facts.cap_writable) == (2000, False)
    assert reserve(quote, 2000) == 127 * 6_000 + 2000 * 10_000


def test_tokens_of_any_file_are_bounded_by_the_window() -> None:
    """OpenAI takes 1400 seconds at the most, and the model no more than its window."""
    facts = read(WEBM, model="gpt-4o-mini-transcribe")
    assert facts.input_tokens_max == 1400 * 20 + 64
    price = PriceBook().price("openai", "gpt-4o-mini-transcribe", AT)
    assert price.quote(facts).input_tokens == 16_800


def test_sound_without_its_parts_is_billed_as_sound() -> None:
    """An answer that names only a sum is taken at the dearer price."""
    meter = OPENAI_TRANSCRIPTION.meter(read(model="gpt-4o-transcribe"), 200, "application/json")
    meter.feed(b'{"text":"a","usage":{"input_tokens":9,"output_tokens":1}}')
    usage = meter.reading().usage
    assert usage is not None
    assert PriceBook().price("openai", "gpt-4o-transcribe", AT).bill(usage) == 9 * 6000 + 10_000


@pytest.mark.parametrize("told", [-1, 1e10, True, "3", None, float("nan"), float("inf")])
def test_a_length_that_is_none(told: object) -> None:
    """It counts as not told, so the reserve is booked."""
    meter = OPENAI_TRANSCRIPTION.meter(read(), 200, "application/json")
    meter.feed(json.dumps({"text": "a", "usage": {"seconds": told}}).encode())
    assert meter.reading().usage is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": ""}, 400),
        ({"model": "gpt-5"}, 403),
        ({"model": "whisper-2"}, 403),
        ({"model": "gpt-4o-transcribe", "chunking_strategy": "auto"}, 403),
        ({"model": "gpt-4o-transcribe-diarize", "known_speaker_references[]": "data:,"}, 403),
        ({"tool": "x"}, 403),
        ({"url": "https://a.example/b.wav"}, 403),
        ({"stream": "perhaps"}, 400),
        ({"files": {}}, 400),
        ({"files": {"file": (None, b"text")}}, 400),
        ({"files": {"file[]": ("a.wav", wav(1)), "x": ("b.wav", wav(1))}}, 403),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """Malformed forms, unknown models, and what would run a model more than once."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_a_body_that_is_no_form() -> None:
    """JSON is refused as what it is."""
    for headers in ({}, {"content-type": "application/json"}):
        with pytest.raises(Refused, match="must be a form"):
            OPENAI_TRANSCRIPTION.read(Call("openai", "POST", PATHS[0], "", headers, b"{}"))


def test_it_claims_its_two_paths_and_changes_nothing() -> None:
    """Only POST; denials in OpenAI's shape."""
    request = call(path=PATHS[1])
    assert OPENAI_TRANSCRIPTION.claims(request)
    assert not OPENAI_TRANSCRIPTION.claims(call(path="/v1/audio/speech"))
    assert OPENAI_TRANSCRIPTION.patch(request, read(), Grant(5)) is request.body
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(OPENAI_TRANSCRIPTION.refuse(denial).body)["error"]["message"] == "m"
    assert OPENAI_TRANSCRIPTION.error_event(denial).startswith(b"data: ")
