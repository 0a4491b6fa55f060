"""Makers of random batches: calls of other makers in a file or a body, and results of all of them.

Owns: how calls become a batch, how results tell what each came to, and what they are billed as.
Refuses to know: how the calls themselves are made and counted (bounds.py and its neighbours).

https://platform.openai.com/docs/guides/batch, https://console.groq.com/docs/batch,
https://platform.claude.com/docs/en/build-with-claude/batch-processing#pricing: a batch costs half
of what its calls would. So the results, read by the meter that AEX reads them by, may come to no
less than that half, and to no more than was reserved.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from providers.anthropic_batches import ANTHROPIC_BATCHES
from providers.bulk import BulkCall, BulkFacts
from providers.bulk_price import Bill, Tally, in_batch, quote
from providers.openai_batches import BATCHES, FILES, GROQ_BATCHES, OPENAI_BATCHES
from providers.price import Price
from providers.prices import PriceBook
from providers.wire import Call, Usage
from providers.wire_format import WireFormat
from tests.providers.batches import FORM, form

Trial = tuple[Call, Usage]
Maker = Callable[[random.Random], Trial]
# A call whose every number is known: its model, and what of it is billed.
Told = Callable[[Trial, str], Usage]

_CHAT = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "prompt_tokens_details": {"audio_tokens": "input_audio_tokens"},
    "completion_tokens_details": {"audio_tokens": "output_audio_tokens"},
}
_RESPONSES = {"input_tokens": "input_tokens", "output_tokens": "output_tokens"}
_FORMATS = {
    "/v1/chat/completions": _CHAT,
    "/v1/completions": _CHAT,
    "/v1/embeddings": {"prompt_tokens": "input_tokens", "total_tokens": "input_tokens"},
    "/v1/responses": _RESPONSES,
}
_MESSAGES = {
    "output_tokens": "output_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
    "cache_creation": {
        "ephemeral_5m_input_tokens": "cache_write_5m_tokens",
        "ephemeral_1h_input_tokens": "cache_write_1h_tokens",
    },
}


@dataclass(frozen=True)
class Batch:
    """Calls that are asked together, and the format that one of them alone would have."""

    line_format: str
    calls: tuple[Trial, ...]


BatchMaker = Callable[[random.Random], Batch]


def makers(by_format: Mapping[str, Maker]) -> dict[str, BatchMaker]:
    """By the format's name; the argument has the makers of single calls by theirs."""
    openai = ("openai_chat", "openai_responses", "openai_embeddings", "openai_completions")

    def of(*names: str) -> BatchMaker:
        def maker(dice: random.Random) -> Batch:
            name = dice.choice(names)
            # Some are so many that like ones are counted together.
            size = dice.randrange(400, 600) if dice.random() < 0.002 else dice.randrange(1, 8)
            calls = [by_format[name](dice) for _ in range(size)]
            return Batch(name, tuple(calls if dice.random() < 0.5 else _of_one_model(calls)))

        return maker

    return {
        "openai_batches": of(*openai),
        "groq_batches": of("groq_chat"),
        "anthropic_batches": of("anthropic_messages"),
    }


def _of_one_model(calls: list[Trial]) -> list[Trial]:
    """All of them ask what the first one asks, as OpenAI would have it; sound is for some alone."""
    model = _model(calls[0])
    alike = [trial for trial in calls if ("audio" in _model(trial)) == ("audio" in model)]
    return [
        (replace(call, body=json.dumps({**json.loads(call.body), "model": model}).encode()), usage)
        for call, usage in alike
    ]


def held(batch: Batch, name: str, book: PriceBook, at: datetime, told: Told) -> tuple[int, int]:
    """(reserve, bill) in nano-dollars. A bill that is not what the calls come to is no bill, and
    given as one that no reserve holds."""
    provider = batch.calls[0][0].provider

    def price_of(model: str) -> Price:
        return book.price(provider, model, at)

    begun, results = (_anthropic if name == "anthropic_batches" else _openai)(batch, name, told)
    assert begun.bulk is not None
    reserved, _ = quote(begun.bulk, price_of)
    wire_format = _WIRE[name]
    call = _results_of(provider, name, begun.bulk.text())
    meter = wire_format.meter(wire_format.read(call), 200, "")
    tally = Tally(meter, Bill(begun.bulk, price_of))
    half = len(results) // 2
    tally.feed(results[:half])
    tally.feed(results[half:])
    tally.finish()
    found = tally.total()
    expected, least = Decimal(0), Decimal(0)
    for trial in batch.calls:
        usage, price = told(trial, batch.line_format), price_of(_model(trial))
        expected += in_batch(price).usd(usage)
        least += replace(price, by_service_tier={}).usd(replace(usage, service_tier=None)) / 2
    right = found is not None and found[0] == math.ceil(expected * 10**9) >= least * 10**9
    return reserved, found[0] if found is not None and right else 10**18


_WIRE: dict[str, WireFormat] = {
    "openai_batches": OPENAI_BATCHES,
    "groq_batches": GROQ_BATCHES,
    "anthropic_batches": ANTHROPIC_BATCHES,
}


def _model(trial: Trial) -> str:
    return str(json.loads(trial[0].body)["model"])


def _results_of(provider: str, name: str, kept: str) -> BulkCall:
    if name == "anthropic_batches":
        path = "/v1/messages/batches/b/results"
        return BulkCall(provider, "GET", path, "", {}, b"", kept=kept)
    path = f"{FILES}/f/content"
    return BulkCall(provider, "GET", path, "", {}, b"", canonical=path, kept=kept)


def _openai(batch: Batch, name: str, told: Told) -> tuple[BulkFacts, bytes]:
    """The facts of the batch once its file was uploaded, and the file with its results."""
    first = batch.calls[0][0]
    lines, results = [], []
    for number, trial in enumerate(batch.calls):
        call, custom_id = trial[0], f"q-{number}"
        head = json.dumps({"custom_id": custom_id, "method": "POST", "url": first.route})
        lines.append(head[:-1].encode() + b', "body": ' + call.body + b"}")
        usage = told(trial, batch.line_format)
        said = {
            "model": f"{_model(trial)}-2026-01-01",
            "service_tier": usage.service_tier,
            "usage": _shaped(_FORMATS[first.route], usage.counts),
        }
        answer = {"status_code": 200, "request_id": "r", "body": said}
        results.append({"id": "x", "custom_id": custom_id, "response": answer, "error": None})
    wire_format, provider = _WIRE[name], first.provider
    upload = form(b"\n".join(lines))
    headers = {"content-type": FORM}
    stored = wire_format.read(Call(provider, "POST", FILES, "", headers, upload, canonical=FILES))
    assert isinstance(stored, BulkFacts)
    assert stored.bulk is not None
    create = json.dumps({"input_file_id": "file-1", "endpoint": first.route}).encode()
    kept = stored.bulk.text()
    begun = wire_format.read(
        BulkCall(provider, "POST", BATCHES, "", {}, create, canonical=BATCHES, kept=kept)
    )
    assert isinstance(begun, BulkFacts)
    return begun, "\n".join(map(json.dumps, results)).encode()


def _anthropic(batch: Batch, name: str, told: Told) -> tuple[BulkFacts, bytes]:
    """The facts of the batch, and its results."""
    requests, results = [], []
    for number, trial in enumerate(batch.calls):
        custom_id = f"q-{number}"
        opening = f'{{"custom_id": "{custom_id}", "params": '.encode()
        requests.append(opening + trial[0].body + b"}")
        usage = told(trial, batch.line_format)
        counts = _shaped(_MESSAGES, usage.counts)
        counts["input_tokens"] = usage.counts["input_tokens"] - usage.counts.get(
            "cache_write_tokens", 0
        )
        counts |= {"service_tier": "batch", "inference_geo": usage.service_tier or "global"}
        message = {"model": f"{_model(trial)}-20260101", "usage": counts}
        result = {"type": "succeeded", "message": message}
        results.append({"custom_id": custom_id, "result": result})
    body = b'{"requests": [' + b", ".join(requests) + b"]}"
    path = "/v1/messages/batches"
    begun = ANTHROPIC_BATCHES.read(Call("anthropic", "POST", path, "", {}, body))
    assert isinstance(begun, BulkFacts)
    return begun, "\n".join(map(json.dumps, results)).encode()


def _shaped(table: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Any]:
    """Counts under the names by which an API tells them."""
    return {
        name: _shaped(of, counts) if isinstance(of, dict) else counts.get(of, 0)
        for name, of in table.items()
    }
