"""Embeddings: input in four shapes, no output."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from providers.openai_embeddings import COMPATIBLE_EMBEDDINGS, OPENAI_EMBEDDINGS, PATH
from providers.wire import Call, Facts, Grant, Refused, Usage
from tests.providers.contract import WireFormatContract


class TestContract(WireFormatContract):
    """Embeddings keep the contract."""

    wire_format = OPENAI_EMBEDDINGS
    default = Call("openai", "POST", PATH, "", {}, b"")


class TestCompatibleContract(WireFormatContract):
    """So they do at hosts that are merely compatible."""

    wire_format = COMPATIBLE_EMBEDDINGS
    default = Call("together", "POST", PATH, "", {}, b"")


def call(**fields: Any) -> Call:
    """A call with these fields in its body."""
    body = json.dumps({"model": "text-embedding-3-small", **fields}).encode()
    return Call("openai", "POST", PATH, "", {}, body)


def read(given: object) -> Facts:
    """The facts of a call with this input."""
    return OPENAI_EMBEDDINGS.read(call(input=given))


@pytest.mark.parametrize(
    ("given", "at_least"),
    [("界" * 10, 30), (["ab", "cde"], 5), ([1, 2, 3], 3), ([[1, 2], [3]], 3)],
)
def test_input_is_bounded_in_every_shape(given: object, at_least: int) -> None:
    """Text counts by its bytes, tokens by their number, and nothing has output."""
    facts = read(given)
    assert at_least <= facts.input_tokens_max <= at_least + 64
    assert (facts.has_output, facts.output_tokens_cap, facts.kind) == (False, None, "metered")


@pytest.mark.parametrize(
    "given",
    [None, 1, {}, [], [None], [1, "a"], [[1], "a"], [[]], [-1], [True], [1.5], [["a"]]],
    ids=repr,
)
def test_other_input_is_refused(given: object) -> None:
    """What is neither text nor tokens is a 400."""
    with pytest.raises(Refused) as caught:
        read(given)
    assert caught.value.denial.status == 400


def test_the_body_is_never_changed() -> None:
    """There is no output to cap and no stream to ask."""
    request = call(input="a")
    facts = OPENAI_EMBEDDINGS.read(request)
    assert OPENAI_EMBEDDINGS.patch(request, facts, Grant(5)) is request.body


def test_usage_is_read_and_output_is_nothing() -> None:
    """The answer's prompt tokens are the bill, and its bytes are no output tokens."""
    meter = OPENAI_EMBEDDINGS.meter(read("a"), 200, "application/json")
    body = json.dumps(
        {"model": "text-embedding-3-small", "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    ).encode()
    assert meter.feed(body) + meter.finish() == body
    reading = meter.reading()
    assert reading.usage == Usage({"input_tokens": 8}, "text-embedding-3-small")
    assert (reading.output_tokens_max, reading.complete) == (0, True)


def test_other_vocabularies_may_normalise() -> None:
    """At compatible hosts the bound has room for what a normal form of the text adds."""
    request = call(input="\ufdfa")
    ours, theirs = OPENAI_EMBEDDINGS.read(request), COMPATIBLE_EMBEDDINGS.read(request)
    assert theirs.input_tokens_max == ours.input_tokens_max + 30


def test_a_deployment_in_the_path_is_the_model() -> None:
    """Azure's path names the model, and the body need not."""
    request = replace(call(input="a", model=None), path_model="my-embedder", canonical=PATH)
    assert OPENAI_EMBEDDINGS.claims(request)
    assert OPENAI_EMBEDDINGS.read(request).model == "my-embedder"
