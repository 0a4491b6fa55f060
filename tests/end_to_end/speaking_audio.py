"""OpenAI's transcription, and chat with sound, as the fake provider does them.

Owns: reading forms (with the standard library, as a second opinion), answers and events, and what
they bill. Refuses to know: AEX.
https://platform.openai.com/docs/guides/audio, https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import base64
import io
import json
import math
import re
import wave
from email.message import Message
from email.parser import BytesParser
from functools import partial
from typing import TYPE_CHECKING, Any

from aex_addon.demo_provider import CREATED, DemoProvider, Exchange
from tests.end_to_end.speaking_cohere import begin, end

if TYPE_CHECKING:
    from tests.end_to_end.fake_provider import FakeExchange, Spoken

HEARD = "You said something."


def speaks(provider: DemoProvider) -> list[Spoken]:
    """The paths that are answered, and how."""
    path = "(/openai)?/v1/audio/(transcriptions|translations)"
    return [
        ("POST", re.compile(path), partial(transcription, provider)),
        ("POST", re.compile("/v1/chat/completions"), partial(chat, provider)),
    ]


def fields_of(exchange: Exchange) -> dict[str, bytes]:
    """The fields and files of a form."""
    head = f"content-type: {exchange.header('content-type')}\r\n\r\n".encode()
    found: dict[str, bytes] = {}
    for part in BytesParser().parsebytes(head + exchange.body).get_payload():
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        assert isinstance(name, str)
        assert isinstance(payload, bytes)
        found[name] = payload
    return found


def seconds_of(file: bytes) -> float:
    """How long a WAV file is; any other is taken for twelve seconds and a half."""
    try:
        with wave.open(io.BytesIO(file)) as sound:
            return sound.getnframes() / sound.getframerate()
    except wave.Error:
        return 12.5


async def transcription(provider: DemoProvider, exchange: FakeExchange) -> None:
    """One sentence, whatever was said; by the second or by the token, as the model is billed."""
    fields = fields_of(exchange)
    exchange.model = fields["model"].decode()
    exchange.stream = fields.get("stream") == b"true"
    seconds, kind = seconds_of(fields["file"]), fields.get("response_format", b"json")
    exchange.output_tokens = 4 if exchange.model.startswith("gpt-4o") else 0
    exchange.input_tokens = math.ceil(seconds * 10) if exchange.output_tokens else round(seconds)
    document: dict[str, Any] = {"text": HEARD}
    if not exchange.path.startswith("/openai"):
        document["usage"] = used(exchange)
    if kind == b"verbose_json":
        document |= {"task": "transcribe", "language": "english", "duration": seconds}
    if kind == b"text":
        await exchange.answer(200, HEARD.encode())
    elif exchange.stream:
        await stream(provider, exchange, document)
    else:
        await exchange.answer(200, json.dumps(document).encode())


def used(exchange: Exchange) -> dict[str, Any]:
    """What is billed."""
    if not exchange.output_tokens:
        return {"type": "duration", "seconds": exchange.input_tokens}
    return {
        "type": "tokens",
        "input_tokens": exchange.input_tokens,
        "input_token_details": {"text_tokens": 0, "audio_tokens": exchange.input_tokens},
        "output_tokens": exchange.output_tokens,
        "total_tokens": exchange.input_tokens + exchange.output_tokens,
    }


async def stream(provider: DemoProvider, exchange: FakeExchange, document: dict[str, Any]) -> None:
    """Word by word."""
    await begin(exchange, "text/event-stream")
    for piece in re.findall(r"\s*\S+", HEARD):
        await provider.pace(exchange, exchange.events)
        event = {"type": "transcript.text.delta", "delta": piece}
        await exchange.send(f"data: {json.dumps(event)}\n\n".encode())
    await provider.pace(exchange, exchange.events)
    done = {"type": "transcript.text.done", **document}
    await exchange.send(f"data: {json.dumps(done)}\n\n".encode())
    await end(exchange)


async def chat(provider: DemoProvider, exchange: FakeExchange) -> None:
    """With a model that speaks, twenty tokens of sound beside the words; else as any chat."""
    document = json.loads(exchange.body)
    if not document["model"].startswith("gpt-audio"):
        await provider.chat(exchange)
        return
    parts = [part for message in document["messages"] for part in message["content"]]
    files = [part["input_audio"]["data"] for part in parts if part["type"] == "input_audio"]
    sound = sum(math.ceil(seconds_of(base64.b64decode(file)) * 10) for file in files)
    exchange.model, exchange.stream = document["model"], bool(document.get("stream"))
    exchange.input_tokens, exchange.output_tokens = 8 + sound, 24
    head = {"id": "chatcmpl-1", "created": CREATED, "model": exchange.model}
    usage = {
        "prompt_tokens": exchange.input_tokens,
        "completion_tokens": 24,
        "total_tokens": 24 + exchange.input_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": sound},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 20},
    }
    spoken = {"id": "audio_1", "data": "AAAA", "expires_at": CREATED, "transcript": HEARD}
    if not exchange.stream:
        message = {"role": "assistant", "content": None, "audio": spoken}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        await exchange.answer(200, json.dumps(whole).encode())
        return
    await begin(exchange, "text/event-stream")
    asked = (document.get("stream_options") or {}).get("include_usage")
    for delta in ({"role": "assistant"}, {"audio": spoken}, {}):
        await provider.pace(exchange, exchange.events)
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        chunk = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        await exchange.send(f"data: {json.dumps(chunk)}\n\n".encode())
    if asked:
        last = {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        await exchange.send(f"data: {json.dumps(last)}\n\n".encode())
    await exchange.send(b"data: [DONE]\n\n")
    await end(exchange)
