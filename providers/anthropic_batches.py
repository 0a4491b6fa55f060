"""Anthropic's message batches: begun, looked at, cancelled, deleted, and their results.

Owns: which calls these are, what a new batch may cost, and what results say was billed.
Refuses to know: prices; what one request may cost (anthropic_messages.py).
https://platform.claude.com/docs/en/api/creating-message-batches and the pages beside it

A batch is the sum of its requests, each read as a call of its own. Of its results only those that
succeeded are billed, and there is one for every request, so that a part is not taken for all.

An answer names the address of the results at Anthropic's own host. At the base-URL door it is
rewritten to AEX's, or an SDK would send the token of its agent there, past AEX.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

from providers import anthropic_errors, jsonbody
from providers.anthropic_messages import ANTHROPIC_MESSAGES, PATH
from providers.anthropic_meter import stated
from providers.bulk import Bulk, BulkCall, BulkFacts, Collector, Named, News
from providers.bulk_meters import ObjectMeter, ResultsMeter, listed, plain_id
from providers.fields import whole_number
from providers.openai_other import PassingMeter
from providers.paths import SEGMENT
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Grant, Refused, Reply
from providers.wire_format import Meter

BATCHES = f"{PATH}/batches"

_OBJECTS = re.compile(rf"{BATCHES}(?:/({SEGMENT}))?(/cancel)?\Z")
_RESULTS = re.compile(rf"{BATCHES}/({SEGMENT})/results\Z")
_UNBOUNDED = "A tool that the provider runs without a limit in the request"


class AnthropicBatches:
    """The wire format; stateless, one instance."""

    name = "anthropic_batches"

    def claims(self, call: Call) -> bool:
        """All that the API does with batches."""
        if call.method == "GET" and _RESULTS.match(call.route):
            return True
        found = _OBJECTS.match(call.route)
        if found is None:
            return False
        one, cancels = found[1] is not None, found[2] is not None
        if cancels:
            return one and call.method == "POST"
        return call.method in (("GET", "DELETE") if one else ("GET", "POST"))

    def names(self, call: Call) -> Named | None:
        """Results are of a batch that was begun before."""
        found = _RESULTS.match(call.route)
        return Named("batch", found[1]) if found else None

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused for a request that would be refused by itself."""
        asked = call.asked if isinstance(call, BulkCall) else ""
        if call.method == "POST" and call.route == BATCHES:
            begun = _read(call)
            models = ", ".join(begun.models)[:200]
            return BulkFacts(
                BATCHES, "metered", models, has_output=False, bulk=begun, uses=begun.uses
            )
        if self.names(call) is None:
            pattern = _OBJECTS.sub(
                lambda m: BATCHES + "/{id}" * bool(m[1]) + (m[2] or ""), call.route
            )
            return BulkFacts(pattern, "free", has_output=False, asked=asked, uses=TEXT)
        kept = call.kept if isinstance(call, BulkCall) else ""
        bulk = Bulk.of(kept) if kept else None
        results = f"{BATCHES}/{{id}}/results"
        return BulkFacts(results, "free", stream=True, bulk=bulk, uses=TEXT)

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter that knows a new batch, one that has ended in nothing, or results."""
        if not isinstance(facts, BulkFacts):
            return PassingMeter()
        if facts.endpoint.endswith("/results"):
            return _results(facts.bulk) if facts.bulk else PassingMeter()
        made = facts.kind == "metered"

        def read(document: dict[str, Any]) -> list[News]:
            return [news for each in listed(document) for news in _news(each, made)]

        return ObjectMeter(read, _homed(facts.asked) if facts.asked else None)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Anthropic's error object."""
        return anthropic_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Anthropic's error event."""
        return anthropic_errors.error_event(denial)


ANTHROPIC_BATCHES = AnthropicBatches()


def _read(call: Call) -> Bulk:
    """https://platform.claude.com/docs/en/api/creating-message-batches"""
    document = jsonbody.parse_object(call.body)
    requests = document.get("requests")
    if not isinstance(requests, list) or not requests:
        raise jsonbody.bad_request("`requests` must be a non-empty list.")
    if document.keys() != {"requests"}:
        raise jsonbody.not_metered("An option of a batch that is not known here")
    found = Collector()
    for number, request in enumerate(requests, 1):
        params = request.get("params") if isinstance(request, dict) else None
        if not isinstance(params, dict):
            raise jsonbody.bad_request(f"Request {number} must be an object with `params`.")
        # Without the spaces and escapes of the client: what is bounded is the text itself.
        body = json.dumps(params, ensure_ascii=False).encode()
        one = Call(call.provider, "POST", PATH, call.query, call.headers, body, host=call.host)
        try:
            facts = ANTHROPIC_MESSAGES.read(one)
            if facts.server_calls_max is None:
                raise jsonbody.not_metered(_UNBOUNDED)
        except Refused as refused:
            raise numbered(refused, f"Request {number}") from None
        found.add(facts)
    return found.bulk(BATCHES, sha256(call.body).hexdigest())


def numbered(refused: Refused, which: str) -> Refused:
    """The refusal, saying which of many calls it is about."""
    denial = refused.denial
    message = f"{which}: {denial.message}"
    return Refused(Denial(denial.status, denial.code, message, denial.remedy))


# https://platform.claude.com/docs/en/api/retrieving-message-batches
def _news(document: dict[str, Any], made: bool) -> list[News]:
    name, counts = plain_id(document), document.get("request_counts")
    if not name or document.get("type") != "message_batch":
        return []
    if made:
        return [News(name, made=True)]
    succeeded = whole_number(counts.get("succeeded")) if isinstance(counts, dict) else None
    ended = document.get("processing_status") == "ended"
    return [News(name, nothing=True)] if ended and succeeded == 0 else []


# https://platform.claude.com/docs/en/api/retrieving-message-batch-results
def _results(bulk: Bulk) -> ResultsMeter:
    units = frozenset(unit for facts, _ in bulk.kinds for unit in facts.server_units)
    facts = Facts(PATH, "metered", server_units=units)

    def line(document: dict[str, Any]) -> Any:
        result = document.get("result")
        kind = result.get("type") if isinstance(result, dict) else None
        if kind in ("errored", "canceled", "expired"):
            return None
        message = (
            result.get("message") if kind == "succeeded" and isinstance(result, dict) else None
        )
        if not isinstance(message, dict):
            return ...
        return stated(facts, message, message.get("usage")) or ...

    return ResultsMeter(line, bulk.calls, bulk.calls)


def _homed(asked: str) -> Any:
    """Rewrites addresses of results to where the client itself has asked."""
    base = asked.partition(BATCHES)[0].encode()

    def edited(data: bytes, document: dict[str, Any]) -> bytes:
        for each in listed(document):
            url = each.get("results_url")
            if isinstance(url, str) and BATCHES in url:
                theirs = f'"{url.partition(BATCHES)[0]}{BATCHES}/'.encode()
                data = data.replace(theirs, b'"' + base + f"{BATCHES}/".encode())
        return data

    return edited
