"""Makers of random files to transcribe, each with what its length costs.

Owns: how sound is billed. Refuses to know: how reserves and bills are compared (bounds.py).
https://platform.openai.com/docs/guides/realtime-costs#audio-tokens
"""

from __future__ import annotations

import base64
import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.wire import MESSAGE, Call, Usage
from tests.providers.forms import form, mp3, wav

Trial = tuple[Call, Usage]
Maker = Callable[[random.Random], Trial]
_FRAME_S = 1152 / 44_100


@dataclass(frozen=True)
class Audio:
    """The makers, given what they share with others."""

    text: Callable[[random.Random], str]
    tokens: Callable[[str], int]

    def makers(self) -> dict[str, Maker]:
        """By format."""
        return {
            "openai_transcription": self.transcription,
            "groq_transcription": self.groq,
            "openai_realtime_ws": realtime,
            "openai_speech": self.speech,
        }

    def speech(self, dice: random.Random) -> Trial:
        """A text to be read out, billed by the character."""
        said = self.text(dice) + "."
        document = {"model": dice.choice(["tts-1", "tts-1-hd"]), "input": said, "voice": "alloy"}
        call = Call("openai", "POST", "/v1/audio/speech", "", {}, json.dumps(document).encode())
        return call, Usage({"input_characters": len(said)})

    def transcription(self, dice: random.Random) -> Trial:
        """By the second or by the token; a tenth of a second is a token of sound."""
        seconds, file = _sound(dice)
        timed = ["whisper-1", "gpt-transcribe"]
        model = dice.choice([*timed, "gpt-4o-transcribe", "gpt-4o-mini-transcribe"])
        fields: dict[str, Any] = {"model": model}
        prompt = self.text(dice) if dice.random() < 0.5 else ""
        if prompt:
            fields["prompt"] = prompt
        if model in timed:
            return _call("openai", "/v1", fields, file), _timed(round(seconds))
        sound = math.ceil(seconds * 10)
        counts = {
            "input_tokens": sound + self.tokens(prompt) + 4,
            "input_audio_tokens": sound,
            "output_tokens": -1,
        }
        return _call("openai", "/v1", fields, file), Usage(counts)

    def chat(self, dice: random.Random) -> Trial:
        """Messages with sound in them, answered in text or in sound; a cap or none."""
        parts: list[dict[str, Any]] = [{"type": "text", "text": self.text(dice)}]
        counted, heard = 16 + self.tokens(parts[0]["text"]), 0
        for _ in range(dice.randrange(4)):
            seconds, file = _sound(dice)
            data = base64.b64encode(file).decode()
            parts.append({"type": "input_audio", "input_audio": {"data": data, "format": "wav"}})
            heard += math.ceil(seconds * 10)
        document: dict[str, Any] = {
            "model": dice.choice(["gpt-audio", "gpt-audio-mini"]),
            "messages": [{"role": "user", "content": parts}],
        }
        counts = {"input_tokens": counted + heard, "input_audio_tokens": heard, "output_tokens": -1}
        if dice.random() < 0.5:
            document["max_completion_tokens"] = 700
            counts["output_tokens"] = 700
        if dice.random() < 0.5:
            sound = {"voice": "alloy", "format": "wav"}
            document |= {"modalities": ["text", "audio"], "audio": sound}
            counts["output_audio_tokens"] = counts["output_tokens"]
        body = json.dumps(document).encode()
        return Call("openai", "POST", "/v1/chat/completions", "", {}, body), Usage(counts)

    def groq(self, dice: random.Random) -> Trial:
        """By the second, ten at the least."""
        seconds, file = _sound(dice)
        fields = {"model": dice.choice(["whisper-large-v3", "whisper-large-v3-turbo"])}
        return _call("groq", "/openai/v1", fields, file), _timed(max(10, math.ceil(seconds)))


def realtime(dice: random.Random) -> Trial:
    """A response in a conversation of any length, as the provider counts what it kept."""
    model = dice.choice(["gpt-realtime", "gpt-realtime-mini", "gpt-realtime-2"])
    response: dict[str, Any] = {}
    # Of a window of 32 thousand, that leaves room for an answer.
    heard, read = dice.randrange(20_000), dice.randrange(8_224)
    cached = dice.randrange(heard + 1)
    counts = {
        "input_tokens": heard + read,
        "input_audio_tokens": heard,
        "cache_read_tokens": cached,
        "cache_audio_read_tokens": cached,
        "output_tokens": -1,
    }
    if dice.random() < 0.5:
        cap = dice.randrange(1, 4096)
        response["max_output_tokens"] = counts["output_tokens"] = cap
    counts["output_audio_tokens"] = counts["output_tokens"]
    body = json.dumps({"type": "response.create", "response": response}).encode()
    call = Call("openai", MESSAGE, "/v1/realtime", "", {}, body, path_model=model)
    return call, Usage(counts)


def _sound(dice: random.Random) -> tuple[float, bytes]:
    if dice.random() < 0.5:
        frames = dice.randrange(1, 500)
        return frames * _FRAME_S, mp3(frames)
    seconds, rate = dice.random() * 40, dice.choice([100, 441, 800])
    return int(seconds * rate) / rate, wav(seconds, rate, dice.choice([8, 16, 32]))


def _timed(seconds: int) -> Usage:
    return Usage({"audio_seconds": seconds, "input_audio_seconds": seconds})


def _call(provider: str, base: str, fields: dict[str, Any], file: bytes) -> Call:
    body, headers = form(fields, {"file": ("speech", file)})
    path = "/v1/audio/transcriptions"
    asked = path.replace("/v1", base, 1)
    return Call(provider, "POST", asked, "", headers, body, canonical=path)
