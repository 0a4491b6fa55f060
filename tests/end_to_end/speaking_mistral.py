"""The fake provider as Mistral, with what that has beside OpenAI's paths, below /as/mistral.

Owns: the gap between two texts, a document of PAGES pages, and what each bills.
Refuses to know: AEX. Its chat is in speaking_hosts.py; of a document the book's input are pages.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from aex_addon.demo_provider import DemoProvider, Exchange, count_tokens
from tests.end_to_end import speaking_hosts

PAGES = 3


def speak(provider: DemoProvider) -> list[Any]:
    """The paths that are answered, and how."""
    at = "/as/mistral/v1"
    return [
        ("POST", re.compile(f"{at}/fim/completions"), partial(fill, provider)),
        ("POST", re.compile(f"{at}/ocr"), read),
        ("POST", re.compile(f"{at}/embeddings"), partial(embed, provider)),
    ]


async def fill(provider: DemoProvider, exchange: Exchange) -> None:
    """A gap is filled as a chat is answered."""
    body = exchange.body
    document = json.loads(body)
    content = document.pop("prompt") + (document.pop("suffix", None) or "")
    exchange.body = json.dumps({**document, "messages": [{"content": content}]}).encode()
    try:
        await speaking_hosts.chat(provider, exchange, "mistral")
    finally:
        exchange.body = body


async def read(exchange: Exchange) -> None:
    """The pages that were asked for, as far as there are any."""
    document = json.loads(exchange.body)
    exchange.model = document["model"]
    asked = document.get("pages") or list(range(PAGES))
    pages = [
        {
            "index": index,
            "markdown": f"# Page {index}",
            "images": [],
            "dimensions": {"dpi": 200, "height": 2200, "width": 1700},
        }
        for index in asked
        if index < PAGES
    ]
    exchange.input_tokens = len(pages)
    used = {"pages_processed": len(pages), "doc_size_bytes": count_tokens("x")}
    answer = {"pages": pages, "model": exchange.model, "usage_info": used}
    if document.get("document_annotation_format"):
        answer["document_annotation"] = "{}"
    await exchange.answer(200, json.dumps(answer).encode())


async def embed(provider: DemoProvider, exchange: Exchange) -> None:
    """OpenAI's answer, with a name of its own."""
    answer = exchange.answer

    async def named(status: int, data: bytes) -> None:
        await answer(status, json.dumps({"id": "embd-1", **json.loads(data)}).encode())

    setattr(exchange, "answer", named)  # noqa: B010
    await provider.embeddings(exchange)
