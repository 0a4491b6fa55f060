"""Anthropic's batches: bounded request by request, and billed by what succeeded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from providers.anthropic_batches import ANTHROPIC_BATCHES, BATCHES
from providers.anthropic_messages import ANTHROPIC_MESSAGES
from providers.bulk import BulkCall, BulkFacts, Named, News, TellsNews, TellsResults
from providers.wire import Call, Denial, Facts, Refused, Usage
from providers.wire_format import Meter
from tests.providers.batches import bulk, numbered
from tests.providers.contract import WireFormatContract

PATH, MODEL = "/v1/messages", "claude-haiku-4-5"
ONE = f"{BATCHES}/msgbatch_1"
KEPT = bulk(3, BATCHES, MODEL).text()
HOME = "http://127.0.0.1:9000/anthropic"


class TestContract(WireFormatContract):
    """Batches keep the contract."""

    wire_format = ANTHROPIC_BATCHES
    default = BulkCall("anthropic", "POST", BATCHES, "", {}, b"", kept=KEPT)


def params(**fields: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "Hellö"}],
        **fields,
    }


def begin(*requests: dict[str, Any]) -> BulkFacts:
    """The facts of a batch of these."""
    asked = [{"custom_id": f"q{n}", "params": each} for n, each in enumerate(requests)]
    body = json.dumps({"requests": asked}).encode()
    found = ANTHROPIC_BATCHES.read(Call("anthropic", "POST", BATCHES, "", {}, body))
    assert isinstance(found, BulkFacts)
    return found


def test_each_request_is_read_as_a_call() -> None:
    """Its bound is that of a call of its own, tools, caches and tiers included."""
    cached = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    asked = [
        params(),
        params(max_tokens=9, system=cached),
        params(model="claude-opus-4-6", inference_geo="us"),
        params(tools=[search]),
    ]
    facts = begin(*asked)
    assert (facts.kind, facts.model, facts.endpoint) == (
        *("metered", "claude-haiku-4-5, claude-opus-4-6"),
        BATCHES,
    )
    assert facts.bulk is not None
    assert facts.bulk.calls == 4
    alone = []
    for each in asked:
        body = json.dumps(each, ensure_ascii=False).encode()
        alone.append(ANTHROPIC_MESSAGES.read(Call("anthropic", "POST", PATH, "", {}, body)))
    for own in alone:
        shared: dict[str, Any] = {"document": {}, "hidden_output": None, "usage_wanted": False}
        shared |= {"stream": False, "uses": None}
        like = replace(own, cap_writable=False, output_tokens_least=1, **shared)
        assert [n for one, n in facts.bulk.kinds if one == like] == [1]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 400, "`requests`"),
        ({"requests": []}, 400, "`requests`"),
        ({"requests": ["x"]}, 400, "Request 1 "),
        ({"requests": [{"params": None}]}, 400, "Request 1 "),
        ({"requests": [{"params": params()}, {"params": {}}]}, 400, "Request 2: `model`"),
        ({"requests": [{"params": params(mcp_servers=[{}])}]}, 403, "Request 1: "),
        (
            {
                "requests": [
                    {
                        "params": params(
                            tools=[{"type": "web_search_20250305", "name": "web_search"}]
                        )
                    }
                ]
            },
            *(403, "without a limit"),
        ),
        ({"requests": [{"params": params()}], "priority": "high"}, 403, "An option of a batch"),
    ],
)
def test_a_batch_that_has_no_bound_is_refused(body: Any, status: int, says: str) -> None:
    """Naming the request at fault."""
    with pytest.raises(Refused) as caught:
        ANTHROPIC_BATCHES.read(
            Call("anthropic", "POST", BATCHES, "", {}, json.dumps(body).encode())
        )
    assert caught.value.denial.status == status
    assert says in caught.value.denial.message


@pytest.mark.parametrize(
    ("line", "endpoint"),
    [
        (f"GET {BATCHES}", BATCHES),
        (f"GET {ONE}", f"{BATCHES}/{{id}}"),
        (f"DELETE {ONE}", f"{BATCHES}/{{id}}"),
        (f"POST {ONE}/cancel", f"{BATCHES}/{{id}}/cancel"),
        (f"GET {ONE}/results", f"{BATCHES}/{{id}}/results"),
    ],
)
def test_all_but_the_beginning_is_free(line: str, endpoint: str) -> None:
    """Looking, cancelling, deleting and fetching cost nothing."""
    method, _, path = line.partition(" ")
    call = Call("anthropic", method, path, "beta=true", {}, b"")
    assert ANTHROPIC_BATCHES.claims(call)
    facts = ANTHROPIC_BATCHES.read(call)
    assert (facts.kind, facts.endpoint) == ("free", endpoint)


@pytest.mark.parametrize(
    "line",
    [
        f"PUT {BATCHES}",
        f"DELETE {BATCHES}",
        f"POST {ONE}",
        f"GET {ONE}/cancel",
        f"POST {BATCHES}/cancel",
        f"DELETE {ONE}/results",
        f"POST {ONE}/results",
        f"GET {BATCHES}/..",
        f"GET {BATCHES}/a/b/results",
        f"GET {ONE}/other",
        "POST /v1/messages",
        "POST /batches",
    ],
)
def test_other_calls_are_not_its_own(line: str) -> None:
    """What the API does not do with batches is for others to refuse."""
    method, _, path = line.partition(" ")
    assert not ANTHROPIC_BATCHES.claims(Call("anthropic", method, path, "", {}, b""))


def meter(method: str, path: str, kept: str = KEPT, asked: str = "", body: bytes = b"") -> Meter:
    call = BulkCall("anthropic", method, path, "", {}, body, kept=kept, asked=asked)
    return ANTHROPIC_BATCHES.meter(ANTHROPIC_BATCHES.read(call), 200, "application/json")


def said(found: Meter, document: dict[str, Any]) -> tuple[News, ...]:
    """The news of an answer."""
    found.feed(json.dumps(document).encode())
    found.finish()
    assert isinstance(found, TellsNews)
    return found.news()


def batch(status: str = "ended", succeeded: Any = 0, **fields: Any) -> dict[str, Any]:
    counts = {"processing": 0, "succeeded": succeeded, "errored": 1, "canceled": 0, "expired": 0}
    return {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": status,
        "request_counts": counts,
        "results_url": f"https://api.anthropic.com{ONE}/results",
        **fields,
    }


def test_a_new_batch_is_known_by_its_id() -> None:
    """Once its answer is whole; what is no batch is none."""
    body = json.dumps({"requests": [{"custom_id": "q", "params": params()}]}).encode()
    for document, news in (
        (batch("in_progress"), (News("msgbatch_1", made=True),)),
        (batch(id="a/b"), ()),
        (batch(type="error"), ()),
    ):
        assert said(meter("POST", BATCHES, body=body), document) == news


@pytest.mark.parametrize(
    ("document", "news"),
    [
        (batch(), (News("msgbatch_1", nothing=True),)),
        (batch(succeeded=1), ()),
        (batch("canceling"), ()),
        (batch(succeeded=None), ()),
        (batch(request_counts=None), ()),
        ({"data": [batch(), batch("in_progress", id="b2")]}, (News("msgbatch_1", nothing=True),)),
    ],
)
def test_a_batch_that_ended_in_nothing_tells_so(
    document: dict[str, Any], news: tuple[News, ...]
) -> None:
    """What failed, expired or was cancelled is not billed."""
    assert said(meter("GET", ONE), document) == news


def result(kind: str = "succeeded", **usage: Any) -> dict[str, Any]:
    told = {"input_tokens": 10, "output_tokens": 5, "service_tier": "batch", **usage}
    message = {"id": "msg_1", "model": MODEL, "usage": told}
    return {"custom_id": "q", "result": {"type": kind, "message": message}}


def results(*lines: Any, kept: str = KEPT) -> tuple[list[Usage], bool]:
    """The usages that results tell, and whether they were read whole."""
    found = meter("GET", f"{ONE}/results", kept)
    assert isinstance(found, TellsResults)
    found.feed("\n".join(map(json.dumps, numbered(*lines))).encode())
    found.finish()
    return found.taken(), found.whole()


def test_what_succeeded_is_billed() -> None:
    """All else is not, and counts as a result all the same."""
    usages, whole = results(result(), result("errored"), result("canceled"))
    assert usages == [Usage({"input_tokens": 10, "output_tokens": 5}, MODEL, "batch")]
    assert whole
    assert results(result(), result("expired"), result())[1]


@pytest.mark.parametrize(
    "lines",
    [
        [result(), result()],
        [result()] * 4,
        [result(), result(), result("changed")],
        [result(), result(), result(input_tokens=None)],
        [result(), result(), {"custom_id": "q", "result": {"type": "succeeded"}}],
        [result(), result(), {"custom_id": "q"}],
    ],
)
def test_results_are_whole_or_not_at_all(lines: list[dict[str, Any]]) -> None:
    """As many as there were requests, each of them to be understood."""
    assert not results(*lines)[1]


def test_programs_that_were_run_are_counted_if_any_could_be() -> None:
    """As in a call of its own."""
    kept = bulk(1, BATCHES, MODEL, server_units=frozenset({"code_executions"})).text()
    ran = {"server_tool_use": {"code_execution_requests": 2, "web_search_requests": 1}}
    for terms, expected in ((kept, 2), (bulk(1, BATCHES, MODEL).text(), None)):
        ((usage,), whole) = results(result(**ran), kept=terms)
        assert whole
        assert usage.counts.get("code_executions") == expected
        assert usage.counts["web_searches"] == 1


def test_results_of_an_unknown_batch_pass_unread() -> None:
    """It was begun elsewhere, or is billed already."""
    found = meter("GET", f"{ONE}/results", kept="")
    assert not isinstance(found, TellsResults)
    assert found.feed(b"x") == b"x"


def test_results_are_asked_for_by_the_id_of_their_batch() -> None:
    """Nothing else needs to be known before a call is read."""
    for method, path, named in (
        ("GET", f"{ONE}/results", Named("batch", "msgbatch_1")),
        ("GET", ONE, None),
        ("POST", BATCHES, None),
    ):
        assert ANTHROPIC_BATCHES.names(Call("anthropic", method, path, "", {}, b"")) == named


@pytest.mark.parametrize("listing", [False, True])
def test_at_the_base_url_door_results_are_at_aex(listing: bool) -> None:
    """Else an SDK would send its agent's token to the provider, past AEX."""
    document: dict[str, Any] = batch(prompt="https://api.anthropic.com/")
    document = {"data": [document]} if listing else document
    path = BATCHES if listing else ONE
    found = meter("GET", path, asked=f"{HOME}{path}")
    data = json.dumps(document).encode()
    passed = found.feed(data) + found.finish()
    expected = data.replace(
        b"https://api.anthropic.com/v1/messages", f"{HOME}/v1/messages".encode()
    )
    assert passed == expected != data
    assert json.loads(passed)["data" if listing else "id"]


def test_at_the_proxys_door_every_byte_is_the_providers() -> None:
    """There the provider's own address leads through AEX."""
    data = json.dumps(batch()).encode()
    found = meter("GET", ONE)
    assert found.feed(data) == data


def test_odd_addresses_are_left_alone() -> None:
    """Whatever is no address of results at all."""
    for url in (None, 7, "", "https://elsewhere/x"):
        data = json.dumps(batch(results_url=url)).encode()
        found = meter("GET", ONE, asked=f"{HOME}{ONE}")
        assert found.feed(data) + found.finish() == data


def test_it_refuses_in_the_shape_of_the_api() -> None:
    """As an error object and as an error event."""
    denial = Denial(403, "not_metered", "No.")
    assert b'"error_code": "not_metered"' in ANTHROPIC_BATCHES.refuse(denial).body
    assert ANTHROPIC_BATCHES.error_event(denial).startswith(b"event: error\n")
    assert isinstance(ANTHROPIC_BATCHES.read(Call("a", "GET", ONE, "", {}, b"")), Facts)
