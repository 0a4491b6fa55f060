"""Batches of OpenAI and of Anthropic, as the fake provider works them off: at once, in order.

Owns: files, batches and their results, and what they bill: each call as the fake answers it by
itself; every third one fails, and is not billed. A batch is over unless the script says how else
it stands (`batch`: in_progress, expired ...).
Refuses to know: AEX.
https://platform.openai.com/docs/api-reference/batch,
https://platform.claude.com/docs/en/api/creating-message-batches
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from email.parser import BytesParser
from functools import partial
from typing import TYPE_CHECKING, Any

from aex_addon.demo_provider import CREATED, DemoProvider, Exchange, count_tokens, text_of

if TYPE_CHECKING:
    from tests.end_to_end.fake_provider import FakeExchange, Spoken

ANTHROPIC = "/v1/messages/batches"


@dataclass
class Kept:
    """What the provider keeps: files by their ids, and results and requests of batches."""

    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)


def speaks(_provider: DemoProvider) -> list[Spoken]:
    """The paths that are answered, and how."""
    kept = Kept()
    return [
        ("POST", re.compile("/v1/files"), partial(upload, kept)),
        ("GET", re.compile(r"/v1/files/[\w-]+/content"), partial(content, kept)),
        ("POST", re.compile("/v1/batches"), partial(begin, kept)),
        ("GET", re.compile(r"/v1/batches/\w+"), partial(look, kept)),
        ("POST", re.compile(ANTHROPIC), partial(begin_messages, kept)),
        ("GET", re.compile(rf"{ANTHROPIC}/\w+"), partial(look, kept)),
        ("GET", re.compile(rf"{ANTHROPIC}/\w+/results"), partial(results, kept)),
        ("DELETE", re.compile(rf"{ANTHROPIC}/\w+"), partial(look, kept)),
    ]


async def reply(exchange: Exchange, document: Any) -> None:
    """An answer of JSON."""
    await exchange.answer(200, json.dumps(document).encode())


async def upload(kept: Kept, exchange: FakeExchange) -> None:
    """Keeps a file of a form."""
    head = f"content-type: {exchange.header('content-type')}\r\n\r\n".encode()
    form = BytesParser().parsebytes(head + exchange.body)
    parts = {part.get_param("name", header="content-disposition"): part for part in form.walk()}
    data = parts["file"].get_payload(decode=True)
    assert isinstance(data, bytes)
    name = f"file-in{len(kept.files)}"
    kept.files[name] = data
    purpose = str(parts["purpose"].get_payload())
    file = {"id": name, "object": "file", "bytes": len(data), "created_at": CREATED}
    await reply(
        exchange, {**file, "filename": "a.jsonl", "purpose": purpose, "status": "processed"}
    )


async def content(kept: Kept, exchange: FakeExchange) -> None:
    """A file, whole or the part that is asked for."""
    data = kept.files[exchange.path.split("/")[3]]
    ranged = re.fullmatch(r"bytes=(\d+)-", exchange.header("range") or "")
    if ranged:
        await exchange.answer(206, data[int(ranged[1]) :])
    else:
        await exchange.answer(200, data)


def worked_off(exchange: Exchange, number: int, text: str) -> tuple[int, int] | None:
    """The tokens of one call, noted as billed; None for each third one, which fails."""
    if number % 3 == 2:
        return None
    given, made = count_tokens(text), 5 + number
    exchange.input_tokens += given
    exchange.output_tokens += made
    return given, made


async def begin(kept: Kept, exchange: FakeExchange) -> None:
    """A batch of OpenAI's over a file."""
    asked = json.loads(exchange.body)
    lines = [json.loads(line) for line in kept.files[asked["input_file_id"]].splitlines()]
    answers = []
    for number, line in enumerate(lines):
        body = line["body"]
        tokens = worked_off(exchange, number, text_of(body["messages"][-1]["content"]))
        if tokens is not None:
            usage = dict(zip(("prompt_tokens", "completion_tokens"), tokens, strict=True))
            message = {"role": "assistant", "content": "Done."}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            answer = {"id": f"c{number}", "model": body["model"], "choices": choices}
            answered = {"status_code": 200, "body": {**answer, "usage": usage}}
            answers.append({"custom_id": line["custom_id"], "response": answered, "error": None})
    name = f"batch_{len(kept.batches)}"
    out = f"file-out{len(kept.batches)}"
    kept.files[out] = b"".join(json.dumps(answer).encode() + b"\n" for answer in answers)
    counts = {"total": len(lines), "completed": len(answers), "failed": len(lines) - len(answers)}
    fresh = {"id": name, "object": "batch", "created_at": CREATED, "errors": None, **asked}
    over = {"status": "completed", "output_file_id": out, "request_counts": counts}
    total = {"input_tokens": exchange.input_tokens, "output_tokens": exchange.output_tokens}
    kept.batches[name] = {**fresh, **over, "_total": total}
    none = {"total": 0, "completed": 0, "failed": 0}
    await reply(exchange, {**fresh, "status": "validating", "request_counts": none})


async def look(kept: Kept, exchange: FakeExchange) -> None:
    """A batch as it stands; it tells its usage in one sum if the script says so."""
    batch = dict(kept.batches[exchange.path.partition("?")[0].split("/")[-1]])
    total, _ = batch.pop("_total", None), batch.pop("_results", None)
    stands = exchange.script.get("batch")
    if stands is not None:
        key = "processing_status" if "processing_status" in batch else "status"
        batch |= {key: stands, "output_file_id": None, "results_url": None}
    if exchange.script.get("told"):
        cached, reasoned = {"cached_tokens": 0}, {"reasoning_tokens": 0}
        details = {"input_tokens_details": cached, "output_tokens_details": reasoned}
        batch["usage"] = {**total, **details, "total_tokens": sum(total.values())}
    await reply(exchange, batch)


async def begin_messages(kept: Kept, exchange: FakeExchange) -> None:
    """A batch of Anthropic's."""
    asked, answers = json.loads(exchange.body)["requests"], []
    for number, request in enumerate(asked):
        params = request["params"]
        tokens = worked_off(exchange, number, text_of(params["messages"][-1]["content"]))
        result: dict[str, Any] = {"type": "expired"}
        if tokens is not None:
            usage = dict(zip(("input_tokens", "output_tokens"), tokens, strict=True))
            message = {"id": f"m{number}", "type": "message", "role": "assistant"}
            said = {"model": params["model"], "content": [{"type": "text", "text": "Done."}]}
            message |= {**said, "stop_reason": "end_turn", "stop_sequence": None}
            result = {"type": "succeeded", "message": {**message, "usage": usage}}
        answers.append({"custom_id": request["custom_id"], "result": result})
    name = f"msgbatch_{len(kept.batches)}"
    succeeded = sum(answer["result"]["type"] == "succeeded" for answer in answers)
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    when = {"created_at": "2026-11-20T10:00:00Z", "expires_at": "2026-11-21T10:00:00Z"}
    fresh = {"id": name, "type": "message_batch", **when, "results_url": None}
    kept.batches[name] = {
        **fresh,
        "processing_status": "ended",
        "results_url": f"https://api.anthropic.com{ANTHROPIC}/{name}/results",
        "request_counts": {**counts, "succeeded": succeeded, "expired": len(asked) - succeeded},
        "_results": b"".join(json.dumps(answer).encode() + b"\n" for answer in answers),
    }
    counts = {**counts, "processing": len(asked)}
    await reply(exchange, {**fresh, "processing_status": "in_progress", "request_counts": counts})


async def results(kept: Kept, exchange: FakeExchange) -> None:
    """What has become of each request."""
    await exchange.answer(200, kept.batches[exchange.path.split("/")[-2]]["_results"])
