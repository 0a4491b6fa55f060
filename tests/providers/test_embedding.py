"""What embeds text is billed by its input alone, whatever the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers import openai_errors, tokens
from providers.embedding import Embedding
from providers.wire import Call, Denial, Grant, Refused, Usage


def texts(route: str, document: dict[str, Any]) -> list[str]:
    """What is under the last word of the path."""
    return list(document[route.rpartition("/")[2]])


def told(document: dict[str, Any]) -> Usage | None:
    count = document.get("n")
    return None if count is None else Usage({"input_tokens": count})


FORMAT = Embedding(
    name="x_embed",
    paths=("/v1/one", "/v1/two"),
    texts=texts,
    told=told,
    refuse=openai_errors.refuse,
    error_event=openai_errors.error_event,
)


def call(path: str = "/v1/one", method: str = "POST", **fields: Any) -> Call:
    document = {"model": "m", "one": ["a", "äß"], "two": ["c"], **fields}
    return Call("x", method, path, "", {}, json.dumps(document).encode())


def test_it_claims_its_paths() -> None:
    """Each of them, and by POST alone."""
    assert FORMAT.claims(call())
    assert FORMAT.claims(call("/v1/two"))
    assert not FORMAT.claims(call("/v1/three"))
    assert not FORMAT.claims(call(method="GET"))


def test_the_texts_of_the_path_bound_the_input() -> None:
    """In any vocabulary; there is no output, and nothing is written into the request."""
    facts = FORMAT.read(call())
    assert (facts.endpoint, facts.model, facts.has_output) == ("/v1/one", "m", False)
    assert facts.input_tokens_max == tokens.any_vocabulary_max(["a", "äß"])
    assert FORMAT.read(call("/v1/two")).input_tokens_max < facts.input_tokens_max
    request = call()
    assert FORMAT.patch(request, facts, Grant(1)) is request.body


def test_the_answer_tells_the_usage() -> None:
    """Once it is whole; its vectors are no output."""
    meter = FORMAT.meter(FORMAT.read(call()), 200, "application/json")
    assert meter.feed(b'{"n": 7, "v": [0.5') == b'{"n": 7, "v": [0.5'
    assert (meter.reading().usage, meter.reading().output_tokens_max) == (None, 0)
    meter.feed(b"]}")
    assert meter.reading().usage == Usage({"input_tokens": 7})


def test_malformed_bodies_and_denials() -> None:
    """A body without a model is a 400, in the API's own shape."""
    with pytest.raises(Refused) as caught:
        FORMAT.read(call(model=None))
    assert caught.value.denial.status == 400
    assert FORMAT.refuse(Denial(402, "c", "m")).status == 402
    assert FORMAT.error_event(Denial(402, "c", "m")).startswith(b"data: ")
