"""Cohere Rerank: `POST /v2/rerank` and `POST /v1/rerank`, billed by searches, not by tokens.

Owns: how many searches a request may be billed as. Refuses to know: prices, budgets.
Request: https://docs.cohere.com/reference/rerank, https://docs.cohere.com/v1/reference/rerank

A search unit is one query with up to 100 documents; a document that is longer than 500 tokens with
the query counts once for every chunk of 500 (https://cohere.com/pricing). The query is in every
chunk and chunks do not overlap (https://docs.cohere.com/docs/reranking-best-practices), so a chunk
has room for 500 tokens less the query, or for one token at the least where the query alone is that
long. Version 2 first cuts a document to `max_tokens_per_doc`; what version 1 limits are other
chunks, those of the model's window. Tokens are bounded by bytes as in tokens.py.

The catalogue has no price of a search: the operator gives one in `unit_usd`.
"""

from __future__ import annotations

import json
from typing import Any

from providers import cohere_errors, jsonbody, tokens
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter

PATH_V2, PATH_V1 = "/v2/rerank", "/v1/rerank"
MAX_DOCUMENTS = 100_000
DOCUMENTS_PER_SEARCH = 100
CHUNK_TOKENS = 500
# What the model keeps for itself in a chunk.
FRAME_TOKENS = 16

# https://docs.cohere.com/reference/rerank#request.body.max_tokens_per_doc
TOKENS_PER_DOC = 4096

# https://docs.cohere.com/reference/rerank#response.body.meta
BILLED = (Row("rerank_searches", ("billed_units", "search_units"), required=True),)


class CohereRerank:
    """The wire format; stateless, one instance."""

    name = "cohere_rerank"

    def claims(self, call: Call) -> bool:
        """POST to one of the two paths."""
        return call.method == "POST" and call.route in (PATH_V2, PATH_V1)

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused (400) for a malformed body."""
        document = jsonbody.parse_object(call.body)
        return Facts(
            endpoint=call.route,
            kind="metered",
            uses=TEXT,
            model=jsonbody.model_name(document),
            has_output=False,
            charges={"rerank_searches": _searches_max(document, call.route)},
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is no output to cap."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the JSON answer."""
        return JsonAnswer(_usage, has_output=False)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Cohere's error object."""
        return cohere_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as a stream of Cohere's would end; rankings are never streamed."""
        return cohere_errors.error_event(denial)


COHERE_RERANK = CohereRerank()


def _searches_max(document: dict[str, Any], path: str) -> int:
    query, documents = document.get("query"), document.get("documents")
    if not isinstance(query, str):
        raise jsonbody.bad_request("`query` must be text.")
    if not isinstance(documents, list) or not 0 < len(documents) <= MAX_DOCUMENTS:
        raise jsonbody.bad_request("`documents` must be a non-empty list.")
    longest = jsonbody.optional_count(document, "max_tokens_per_doc") or TOKENS_PER_DOC
    room = max(1, CHUNK_TOKENS - FRAME_TOKENS - _tokens_max(query))
    chunks = 0
    for item in documents:
        size = _document_tokens_max(item)
        chunks += _ceil(size if path == PATH_V1 else min(size, longest), room)
    return _ceil(chunks, DOCUMENTS_PER_SEARCH)


def _document_tokens_max(item: Any) -> int:
    """Of an object all members count; `rank_fields` may choose any of them."""
    if isinstance(item, str):
        return max(1, _tokens_max(item))
    if not isinstance(item, dict):
        raise jsonbody.bad_request("Each of `documents` must be text or an object.")
    return _tokens_max(json.dumps(item, ensure_ascii=False))


def _tokens_max(text: str) -> int:
    return tokens.text_tokens_max(text) + tokens.normal_form_bytes(text)


def _ceil(count: int, size: int) -> int:
    return -(-count // size)


def _usage(document: dict[str, Any]) -> Usage | None:
    counts = extract(BILLED, document.get("meta"))
    return None if counts is None else Usage(counts)
