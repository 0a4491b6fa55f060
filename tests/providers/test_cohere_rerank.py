"""Cohere's rankings: how many searches a request may be billed as."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from providers.cohere_rerank import COHERE_RERANK, PATH_V1, PATH_V2
from providers.wire import Call, Denial, Grant, Refused
from tests.providers.contract import WireFormatContract

QUERY = "q" * 50


def call(path: str = PATH_V2, **fields: Any) -> Call:
    """A call with these fields in its body."""
    body = json.dumps({"model": "rerank-v3.5", "query": QUERY, **fields}).encode()
    return Call("cohere", "POST", path, "", {}, body)


def searches(documents: list[Any], path: str = PATH_V2, **fields: Any) -> int:
    """The bound for these documents."""
    facts = COHERE_RERANK.read(call(path, documents=documents, **fields))
    assert (facts.has_output, facts.input_tokens_max, facts.kind) == (False, 0, "metered")
    return facts.charges["rerank_searches"]


class TestContract(WireFormatContract):
    """Cohere Rerank keeps the contract."""

    wire_format = COHERE_RERANK
    default = Call("cohere", "POST", PATH_V2, "", {}, b"")


def test_a_hundred_short_documents_are_one_search() -> None:
    """And one more begins another."""
    assert searches(["abc"] * 100) == 1
    assert searches(["abc"] * 101) == 2
    assert searches([""] * 101) == 2


def test_long_documents_count_by_the_chunk() -> None:
    """A chunk has room for what the query leaves of 500 tokens."""
    assert searches(["x" * 434] * 100) == 1
    assert searches(["x" * 435] * 100) == 2
    assert searches(["x" * 4340] * 10) == 1
    assert searches(["x" * 434] * 100, query="q" * 51) == 2


def test_a_document_is_cut_before_it_is_counted() -> None:
    """In version 2 at a number of tokens; version 1 takes it whole."""
    huge = ["x" * 1_000_000]
    assert searches(huge) == 1
    assert searches(huge, max_tokens_per_doc=434_000) == 10
    assert searches(huge, PATH_V1) == 24
    assert searches(huge, PATH_V1, max_chunks_per_doc=1) == 24


def test_a_query_as_long_as_a_chunk_leaves_one_token() -> None:
    """No document is taken for free."""
    assert searches(["x" * 300], query="q" * 10_000) == 3


def test_objects_count_with_all_their_members() -> None:
    """Whatever `rank_fields` chooses of them."""
    assert searches([{"title": "x" * 200, "text": "y" * 200, "n": 1}] * 100, PATH_V1) == 1
    assert searches([{"title": "x" * 400, "text": "y" * 40}] * 100, PATH_V1) == 2


def test_no_ranking_is_billed_above_its_bound() -> None:
    """Documents of words at one token each, chunked by the published rule, stay below it."""
    dice = random.Random(1)
    for _ in range(300):
        query = dice.randrange(1, 120)
        sizes = [dice.randrange(0, 1500) for _ in range(dice.randrange(1, 150))]
        documents = [" ".join(["word"] * size) for size in sizes]
        chunks = sum(max(1, -(-size // (500 - query))) for size in sizes)
        asked = " ".join(["ask"] * query)
        bound = searches(documents, query=asked, max_tokens_per_doc=10_000)
        assert bound >= -(-chunks // 100)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"documents": []},
        {"documents": "text"},
        {"documents": [1]},
        {"documents": ["a"], "query": None},
        {"documents": ["a"], "model": 1},
        {"documents": ["a"], "max_tokens_per_doc": 0},
    ],
)
def test_malformed_requests_are_a_400(fields: dict[str, Any]) -> None:
    """What no provider would take is refused."""
    with pytest.raises(Refused) as caught:
        COHERE_RERANK.read(call(**fields))
    assert caught.value.denial.status == 400


def test_the_body_is_never_changed() -> None:
    """There is no output to cap; denials come in Cohere's shape."""
    request = call(documents=["a"])
    assert COHERE_RERANK.patch(request, COHERE_RERANK.read(request), Grant(5)) is request.body
    assert not COHERE_RERANK.claims(Call("cohere", "GET", PATH_V2, "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(COHERE_RERANK.refuse(denial).body)["message"] == "m"
    assert b"message-end" in COHERE_RERANK.error_event(denial)
