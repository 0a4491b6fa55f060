"""Transcription, and chat with sound, by the real OpenAI SDK, at both doors."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.speaking_audio import HEARD
from tests.end_to_end.upstream import Provider, ProviderCall
from tests.providers.forms import wav

pytestmark = pytest.mark.xdist_group("end_to_end_audio")

NewAgent = Callable[..., Agent]
FILE = ("speech.wav", wav(2.5), "audio/wav")
WEBM = ("speech.webm", b"\x1aE\xdf\xa3 and so on", "audio/webm")


@pytest.fixture(scope="module")
def told_gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One whose operator says how long sound can be."""
    gateway = Gateway(tmp_path_factory.mktemp("told") / "home", provider_process.url)
    own = '[models."gpt-4o-mini-tts"]\nprovider = "openai"\nprice_as = "gpt-4o-mini-tts"\n'
    before, after = "audio_seconds_max = 60\n", f"{own}max_output_tokens = 5000\n"
    gateway.write_config(before + gateway.config.read_text() + after)
    yield gateway.start()
    gateway.stop()


def told(provider: Provider) -> ProviderCall:
    """The one call that reached the provider."""
    (call,) = provider.calls()
    return call


@pytest.mark.parametrize("kind", ["json", "verbose_json"])
def test_seconds(provider: Provider, door: Door, agent: Agent, kind: Any) -> None:
    """Whisper costs $0.006 a minute; what the answer tells is booked."""
    with door.sdk(agent) as sdk:
        heard = sdk.audio.transcriptions.create(model="whisper-1", file=FILE, response_format=kind)
    assert heard.text == HEARD
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "provider")
    assert row["usage"] == {"audio_seconds": 2, "input_audio_seconds": 2}
    assert (row["actual_nanousd"], row["reserved_nanousd"]) == (200_000, 300_000)
    assert "multipart/form-data" in str(told(provider).header("content-type"))


def test_text_tells_nothing(provider: Provider, door: Door, agent: Agent) -> None:
    """So the length of the file is booked, as a bound."""
    with door.sdk(agent) as sdk:
        heard: Any = sdk.audio.transcriptions.create(
            model="whisper-1", file=FILE, response_format="text"
        )
    assert heard == HEARD
    row = settled_one(door.gateway, agent)
    assert (row["usage_source"], row["actual_nanousd"]) == ("estimated", 300_000)


def test_translation(provider: Provider, door: Door, agent: Agent) -> None:
    """The other path is billed alike."""
    with door.sdk(agent) as sdk, pytest.warns(DeprecationWarning, match="deprecated"):
        assert sdk.audio.translations.create(model="whisper-1", file=FILE).text == HEARD
    row = settled_one(door.gateway, agent)
    assert (row["endpoint"], row["actual_nanousd"]) == ("/v1/audio/translations", 200_000)


@pytest.mark.parametrize("stream", [False, True])
def test_tokens(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """Sound is $6 per million, text $10; a stream's last event tells it."""
    with door.sdk(agent) as sdk:
        heard: Any = sdk.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=FILE, stream=stream
        )
        text = "".join(getattr(event, "delta", "") for event in heard) if stream else heard.text
    assert text == HEARD
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"], row["stream"]) == ("COMMITTED", "provider", stream)
    assert row["actual_nanousd"] == told(provider).cost("6", "10") <= row["reserved_nanousd"]


def test_a_client_that_leaves_a_stream(provider: Provider, door: Door, agent: Agent) -> None:
    """All of the sound was read; what was written so far is bounded, within the reserve."""
    provider.script(hold=[2])
    with door.sdk(agent) as sdk:
        heard = sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=FILE, stream=True)
        next(iter(heard))
        provider.wait_held()
        heard.close()
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert told(provider).cost("6", "10") <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_sound_that_does_not_fit_the_budget(
    provider: Provider, door: Door, new_agent: NewAgent
) -> None:
    """It is denied in one attempt; a shorter file passes."""
    agent = new_agent("0.0005")
    sdk, attempts = door.counted_sdk(agent)
    with sdk:
        with pytest.raises(openai.APIStatusError) as raised:
            sdk.audio.transcriptions.create(model="whisper-1", file=("a.wav", wav(10)))
        assert (raised.value.status_code, len(attempts)) == (402, 1)
        assert provider.calls() == []
        assert sdk.audio.transcriptions.create(model="whisper-1", file=FILE).text
    rows = settled(door.gateway, agent, 2)
    assert [row["state"] for row in rows] == ["DENIED", "COMMITTED"]


def test_a_file_that_does_not_tell_its_length(provider: Provider, door: Door, agent: Agent) -> None:
    """Without the operator's word it is refused, with the remedy."""
    with (
        door.sdk(agent) as sdk,
        pytest.raises(openai.PermissionDeniedError, match=r"WAV or MP3.*audio_seconds_max"),
    ):
        sdk.audio.transcriptions.create(model="whisper-1", file=WEBM)
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def test_the_operators_word_on_lengths(
    provider: Provider, told_gateway: Gateway, door_of: Callable[[Gateway], Door]
) -> None:
    """Such a file is reserved at that length, and booked at what the provider counts."""
    door, agent = door_of(told_gateway), told_gateway.create_agent()
    with door.sdk(agent) as sdk:
        assert sdk.audio.transcriptions.create(model="whisper-1", file=WEBM).text == HEARD
    row = settled_one(told_gateway, agent)
    assert (row["actual_nanousd"], row["reserved_nanousd"]) == (12 * 100_000, 60 * 100_000)


SPEAK: Any = {
    "model": "gpt-4o-mini-tts",
    "input": "Hello there.",
    "voice": "coral",
    "stream_format": "sse",
}


def test_speech_by_the_token(
    provider: Provider, told_gateway: Gateway, door_of: Callable[[Gateway], Door]
) -> None:
    """Where the operator says how long it can be, events tell what it was."""
    door, agent = door_of(told_gateway), told_gateway.create_agent()
    with door.sdk(agent) as sdk:
        assert b"speech.audio.done" in sdk.audio.speech.create(**SPEAK).content
    row = settled_one(told_gateway, agent)
    assert (row["usage_source"], row["stream"]) == ("provider", 1)
    assert row["actual_nanousd"] == told(provider).cost("0.6", "12") <= row["reserved_nanousd"]


def test_speech_that_nothing_bounds(provider: Provider, door: Door, agent: Agent) -> None:
    """Without the operator's word it is refused, with the remedy."""
    with door.sdk(agent) as sdk, pytest.raises(openai.PermissionDeniedError, match="max_output"):
        sdk.audio.speech.create(**SPEAK)
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def test_a_form_sent_again(provider: Provider, door: Door, agent: Agent) -> None:
    """Its boundary is another each time, but its key names one call."""
    keyed: Any = {"extra_headers": {"Idempotency-Key": "once"}}
    with door.sdk(agent) as sdk:
        for _ in range(2):
            heard = sdk.audio.transcriptions.create(model="whisper-1", file=FILE, **keyed)
            assert heard.text == HEARD
        with pytest.raises(openai.UnprocessableEntityError):
            sdk.audio.transcriptions.create(model="whisper-1", file=("a", wav(1)), **keyed)
    assert len(provider.calls()) == 1


def test_groq(provider: Provider, door: Door, agent: Agent) -> None:
    """Its own host and models; ten seconds at the least."""
    with door.sdk(agent, base_url=door.origin("api.groq.com", "/groq") + "/openai/v1") as sdk:
        heard = sdk.audio.transcriptions.create(
            model="whisper-large-v3-turbo", file=FILE, response_format="verbose_json"
        )
    assert heard.text == HEARD
    row = settled_one(door.gateway, agent)
    assert (row["provider"], row["usage_source"]) == ("groq", "provider")
    assert row["usage"]["input_audio_seconds"] == 10
    assert row["actual_nanousd"] == row["reserved_nanousd"]


SAY: Any = {
    "model": "gpt-audio",
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "pcm16"},
    "max_completion_tokens": 100,
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Say it back."},
                {
                    "type": "input_audio",
                    "input_audio": {"data": b64encode(wav(2.5)).decode(), "format": "wav"},
                },
            ],
        }
    ],
}
# 8 tokens of text and 25 of sound in, 4 and 20 out.
SAID_NANOUSD = 8 * 2500 + 25 * 32_000 + 4 * 10_000 + 20 * 64_000


@pytest.mark.parametrize("stream", [False, True])
def test_chat_with_sound(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """Sound has prices of its own, in and out; a stream's usage is asked for, and hidden."""
    with door.sdk(agent) as sdk:
        answer: Any = sdk.chat.completions.create(**SAY, stream=stream)
        if stream:
            chunks = list(answer)
            assert all(chunk.choices for chunk in chunks)
            assert chunks[1].choices[0].delta.model_dump()["audio"]["transcript"] == HEARD
        else:
            assert answer.choices[0].message.audio.transcript == HEARD
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "provider")
    assert row["actual_nanousd"] == SAID_NANOUSD <= row["reserved_nanousd"]


def test_a_client_that_leaves_while_it_is_spoken_to(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """Sound runs ahead of what is heard, so its whole cap is booked."""
    provider.script(hold=[2])
    with door.sdk(agent) as sdk:
        answer: Any = sdk.chat.completions.create(**SAY, stream=True)
        next(iter(answer))
        provider.wait_held()
        answer.close()
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert SAID_NANOUSD < row["actual_nanousd"] == row["reserved_nanousd"]


def test_a_model_without_prices_for_sound(provider: Provider, door: Door, agent: Agent) -> None:
    """It is refused for sound alone, and the refusal names the keys."""
    with door.sdk(agent) as sdk:
        with pytest.raises(openai.PermissionDeniedError, match="input_audio_usd_per_mtok"):
            sdk.chat.completions.create(**{**SAY, "model": "gpt-4o-audio-preview"})
        assert provider.calls() == []
