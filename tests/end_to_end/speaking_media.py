"""OpenAI's pictures and speech, as the fake provider makes them.

Owns: their JSON, event and sound shapes, and what they bill. Refuses to know: AEX.
https://platform.openai.com/docs/api-reference/images and .../audio/createSpeech
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from aex_addon.demo_provider import CREATED, DemoProvider, Exchange, count_tokens
from tests.end_to_end.speaking_audio import fields_of
from tests.end_to_end.speaking_cohere import begin, end

if TYPE_CHECKING:
    from tests.end_to_end.fake_provider import FakeExchange, Spoken

PICTURE = "iVBORw0KGgo="
TOKENS = {"low": 272, "medium": 1056, "high": 4160}


def speaks(provider: DemoProvider) -> list[Spoken]:
    """The paths that are answered, and how."""
    return [
        ("POST", re.compile("/v1/images/generations"), partial(pictures, provider)),
        ("POST", re.compile("/v1/images/edits"), partial(edits, provider)),
        ("POST", re.compile("/v1/audio/speech"), partial(speech, provider)),
    ]


async def pictures(provider: DemoProvider, exchange: FakeExchange) -> None:
    """Square ones."""
    await draw(provider, exchange, json.loads(exchange.body), "image_generation", 0)


async def edits(provider: DemoProvider, exchange: FakeExchange) -> None:
    """The same, from pictures of two tiles each."""
    fields = fields_of(exchange)
    texts = {name: data.decode() for name, data in fields.items() if not name.startswith("image")}
    numbers = {name: int(text) for name, text in texts.items() if text.isdecimal()}
    sources = exchange.body.count(b'name="image')
    await draw(provider, exchange, {**texts, **numbers}, "image_edit", sources * (65 + 2 * 129))


async def draw(
    provider: DemoProvider,
    exchange: FakeExchange,
    document: dict[str, Any],
    kind: str,
    seen: int,
) -> None:
    """As a document or as events; `seen` are tokens of the pictures that came with the request."""
    exchange.model, exchange.stream = document["model"], bool(document.get("stream"))
    count, partial_images = document.get("n") or 1, document.get("partial_images") or 0
    quality = document.get("quality", "high")
    exchange.input_tokens = count * (seen + count_tokens(document["prompt"]))
    if not exchange.stream:
        exchange.output_tokens = count * TOKENS[quality]
        body = {
            "created": CREATED,
            "data": [{"b64_json": PICTURE}] * count,
            "usage": used(exchange, count * seen),
        }
        await exchange.answer(200, json.dumps(body).encode())
        return
    await begin(exchange, "text/event-stream")

    async def send(step: str, **fields: Any) -> None:
        await provider.pace(exchange, exchange.events)
        shape = {"output_format": "png", "size": "1024x1024", "background": "opaque"}
        event = {"type": f"{kind}.{step}", "b64_json": PICTURE, "created_at": CREATED}
        data = json.dumps({**event, **shape, "quality": quality, **fields})
        await exchange.send(f"event: {kind}.{step}\ndata: {data}\n\n".encode())

    exchange.output_tokens = TOKENS[quality]
    for index in range(partial_images):
        exchange.output_tokens += 100
        await send("partial_image", partial_image_index=index)
    await send("completed", usage=used(exchange, count * seen))
    await end(exchange)


def used(exchange: Exchange, seen: int) -> dict[str, Any]:
    """What is billed."""
    return {
        "input_tokens": exchange.input_tokens,
        "output_tokens": exchange.output_tokens,
        "total_tokens": exchange.input_tokens + exchange.output_tokens,
        "input_tokens_details": {
            "text_tokens": exchange.input_tokens - seen,
            "image_tokens": seen,
        },
    }


async def speech(provider: DemoProvider, exchange: FakeExchange) -> None:
    """A few bytes that are no text; nothing in them tells what they cost."""
    document = json.loads(exchange.body)
    exchange.model = document["model"]
    if document.get("stream_format") == "sse":
        await begin(exchange, "text/event-stream")
        exchange.input_tokens, exchange.output_tokens = count_tokens(document["input"]), 40
        usage = {"input_tokens": exchange.input_tokens, "output_tokens": 40, "total_tokens": 0}
        sound = {"type": "speech.audio.delta", "audio": "AAAA"}
        for event in (sound, {"type": "speech.audio.done", "usage": usage}):
            await exchange.send(f"data: {json.dumps(event)}\n\n".encode())
        await end(exchange)
        return
    await begin(exchange, "audio/mpeg")
    for index in range(4):
        await provider.pace(exchange, index)
        await exchange.send(b"\xff\xfb\x90\x00" * 64)
    await end(exchange)
