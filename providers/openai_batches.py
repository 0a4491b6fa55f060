"""OpenAI's batches, and the files that they are made of, as OpenAI and Groq have them.

Owns: which calls these are, what a file of calls may cost, what batches and results tell.
Refuses to know: prices; what one call may cost and how its answer tells it (the formats of lines).
https://platform.openai.com/docs/api-reference/batch, .../files; https://console.groq.com/docs/batch

A batch names its file, so what it may cost is read when the file is uploaded, and kept by the id
that the provider gives the file; of what the file holds nothing else is. A batch over a file that
was not seen is refused. Results stand in a file too, whose id a batch tells once it has ended:
what succeeded, and that alone is billed; calls that failed stand in another one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from providers import jsonbody, openai_errors
from providers.anthropic_batches import numbered
from providers.bulk import Bulk, BulkCall, BulkFacts, Collector, Named, News
from providers.bulk_meters import ObjectMeter, ResultsMeter, listed, plain_id
from providers.fields import Row, extract, whole_number
from providers.formbody import parse_form
from providers.openai_chat import CHATS
from providers.openai_completions import OPENAI_COMPLETIONS
from providers.openai_embeddings import OPENAI_EMBEDDINGS
from providers.openai_other import PassingMeter
from providers.openai_responses import OPENAI_RESPONSES
from providers.paths import SEGMENT
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Grant, Refused, Reply, Usage
from providers.wire_format import Meter, WireFormat

FILES, BATCHES = "/v1/files", "/v1/batches"
_FREE_LINES = ("/v1/moderations",)

_CONTENT = re.compile(rf"{FILES}/({SEGMENT})/content\Z")
_OBJECTS = re.compile(rf"{BATCHES}(?:/({SEGMENT}))?(/cancel)?\Z")
_ENDED = ("completed", "expired", "cancelled")

# https://platform.openai.com/docs/api-reference/batch/object#batch-object-usage
_TOTAL = (
    Row("input_tokens", ("input_tokens",), required=True),
    Row("cache_read_tokens", ("input_tokens_details", "cached_tokens"), part_of="input_tokens"),
    Row("output_tokens", ("output_tokens",), required=True),
    Row(
        "output_reasoning_tokens",
        ("output_tokens_details", "reasoning_tokens"),
        part_of="output_tokens",
    ),
)


class OpenAIBatches:
    """The wire format; stateless, one instance for each choice of lines.

    lines:     the formats that calls in a file may have.
    discounts: whether cached input costs less in a batch too.
    """

    def __init__(self, name: str, lines: Sequence[WireFormat], discounts: bool = True) -> None:
        self.name = name
        self._lines = tuple(lines)
        self._discounts = discounts

    def claims(self, call: Call) -> bool:
        """All of batches; of files, what goes into them and what comes of them."""
        if call.method == "POST" and call.route == FILES:
            return True
        if call.method == "GET" and _CONTENT.match(call.route):
            return True
        found = _OBJECTS.match(call.route)
        if found is None:
            return False
        if found[2]:
            return found[1] is not None and call.method == "POST"
        return call.method == "GET" or (call.method == "POST" and found[1] is None)

    def names(self, call: Call) -> Named | None:
        """The file that a new batch is made of, or the results that are fetched."""
        content = _CONTENT.match(call.route)
        if content:
            return Named("results", content[1])
        if call.method != "POST" or call.route != BATCHES:
            return None
        name = plain_id(jsonbody.parse_object(call.body), "input_file_id")
        return Named("file", name) if name else None

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 403 for a file that was not seen."""
        kept = call.kept if isinstance(call, BulkCall) else ""
        bulk = Bulk.of(kept) if kept else None
        if call.route == FILES:
            return BulkFacts(FILES, "free", has_output=False, bulk=self._file(call), uses=TEXT)
        if _CONTENT.match(call.route):
            content = f"{FILES}/{{id}}/content"
            return BulkFacts(content, "free", stream=bool(bulk), bulk=bulk, uses=TEXT)
        if call.method != "POST" or call.route != BATCHES:
            pattern = _OBJECTS.sub(
                lambda m: BATCHES + "/{id}" * bool(m[1]) + (m[2] or ""), call.route
            )
            return BulkFacts(pattern, "free", has_output=False, uses=TEXT)
        return _begun(jsonbody.parse_object(call.body), bulk)

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter that knows a new file or batch, what has become of one, or results."""
        if not isinstance(facts, BulkFacts):
            return PassingMeter()
        if facts.endpoint.endswith("/content"):
            return self._results(facts.bulk) if facts.bulk else PassingMeter()
        if facts.endpoint == FILES or facts.kind == "metered":
            return ObjectMeter(lambda document: _made(document, bool(facts.bulk)))
        return ObjectMeter(
            lambda document: [n for each in listed(document) for n in self._news(each)]
        )

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)

    def _file(self, call: Call) -> Bulk | None:
        """What the calls of an uploaded file may cost; None where it is none for batches.

        A file of another purpose costs nothing to store, and no batch can be made of it.
        """
        file = _of_batch(call)
        if file is None:
            return None
        found, endpoints = Collector(), set()
        for number, line in enumerate(file.split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                endpoint, facts = self._line(call, jsonbody.parse_object(line))
            except Refused as refused:
                raise numbered(refused, f"Line {number} of the file") from None
            endpoints.add(endpoint)
            found.add(facts)
        if len(endpoints) != 1:
            raise jsonbody.bad_request(
                "All lines of a batch's file must ask one and the same `url`."
            )
        return found.bulk(endpoints.pop(), sha256(file).hexdigest())

    # https://platform.openai.com/docs/api-reference/batch/request-input
    def _line(self, call: Call, document: dict[str, Any]) -> tuple[str, Facts]:
        url, body = document.get("url"), document.get("body")
        if (
            not isinstance(url, str)
            or not isinstance(body, dict)
            or document.get("method") != "POST"
        ):
            raise jsonbody.bad_request("It must hold `method` (POST), `url` and `body`.")
        if url in _FREE_LINES:
            return url, Facts(url, "free")
        data = json.dumps(body, ensure_ascii=False).encode()
        one = Call(call.provider, "POST", url, "", call.headers, data, host=call.host)
        wire_format = next((each for each in self._lines if each.claims(one)), None)
        if wire_format is None:
            raise jsonbody.not_metered("A batch of calls to this `url`")
        facts = wire_format.read(one)
        if facts.server_calls_max is None:
            raise jsonbody.not_metered("A tool that the provider runs without a limit in the call")
        return url, facts

    # https://platform.openai.com/docs/api-reference/batch/request-output
    def _results(self, bulk: Bulk) -> ResultsMeter:
        one = Call("", "POST", bulk.endpoint, "", {}, b"")
        wire_format = next((each for each in self._lines if each.claims(one)), None)
        facts = Facts(bulk.endpoint, "metered")

        def line(document: dict[str, Any]) -> Any:
            answer = document.get("response")
            if answer is None and document.get("error") is not None:
                # Without a call's name it is the error of the file itself.
                return None if isinstance(document.get("custom_id"), str) else ...
            if not isinstance(answer, dict) or type(answer.get("status_code")) is not int:
                return ...
            if answer["status_code"] >= 400 or wire_format is None:
                return None
            meter = wire_format.meter(facts, 200, "application/json")
            meter.feed(json.dumps(answer.get("body")).encode())
            meter.finish()
            usage = meter.reading().usage
            return ... if usage is None else self._discounted(usage)

        return ResultsMeter(line, 1, bulk.calls)

    # https://platform.openai.com/docs/api-reference/batch/object
    def _news(self, document: dict[str, Any]) -> list[News]:
        """Of a batch that has ended: where its results are, and what it came to if told."""
        name, status = plain_id(document), document.get("status")
        counts, results = document.get("request_counts"), plain_id(document, "output_file_id")
        if not name or document.get("object") != "batch":
            return []
        if status == "failed":
            # It was found wanting before any of it was begun.
            return [News(name, nothing=not results)]
        if status not in _ENDED:
            return []
        completed = whole_number(counts.get("completed")) if isinstance(counts, dict) else None
        usage = extract(_TOTAL, document.get("usage"))
        told = None
        if usage and usage["input_tokens"] and completed:
            told = self._discounted(Usage(usage))
        return [News(name, results=results, usage=told, nothing=completed == 0 and not results)]

    def _discounted(self, usage: Usage) -> Usage:
        if self._discounts:
            return usage
        counts = {key: n for key, n in usage.counts.items() if not key.startswith("cache_read")}
        return Usage(counts, usage.model, usage.service_tier, usage.cost_usd)


_OPENAI_LINES = (CHATS[0], OPENAI_RESPONSES, OPENAI_EMBEDDINGS, OPENAI_COMPLETIONS)
OPENAI_BATCHES = OpenAIBatches("openai_batches", _OPENAI_LINES)
_GROQ_LINES = tuple(each for each in CHATS if each.name == "groq_chat")
GROQ_BATCHES = OpenAIBatches("groq_batches", _GROQ_LINES, discounts=False)


def _of_batch(call: Call) -> bytes | None:
    """The file of a form that says it is for a batch; None for whatever else is uploaded."""
    try:
        form = parse_form(call.body, call.headers.get("content-type", ""))
        files = form.files("file")
        return files[0] if form.text("purpose") == "batch" and len(files) == 1 else None
    except Refused:
        return None


def _begun(document: dict[str, Any], bulk: Bulk | None) -> Facts:
    """https://platform.openai.com/docs/api-reference/batch/create"""
    if bulk is None:
        message = "AEX has not read the file of this batch, so it does not know what it may cost."
        remedy = "Upload the file through AEX (POST /v1/files with purpose `batch`), then begin it."
        raise Refused(Denial(403, "batch_file_unknown", message, remedy))
    if document.get("endpoint") != bulk.endpoint:
        raise jsonbody.bad_request(
            f"The calls of the file ask {bulk.endpoint}: so must `endpoint`."
        )
    models = ", ".join(bulk.models)[:200]
    return BulkFacts(BATCHES, "metered", models, has_output=False, bulk=bulk, uses=bulk.uses)


def _made(document: dict[str, Any], wanted: bool) -> list[News]:
    name = plain_id(document)
    return [News(name, made=True)] if name and wanted else []
