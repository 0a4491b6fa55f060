"""OpenAI's batches: bounded when their file is uploaded, billed by what its results tell."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from providers.bulk import BulkCall, BulkFacts, Named, News, TellsNews, TellsResults
from providers.openai_batches import BATCHES, FILES, GROQ_BATCHES, OPENAI_BATCHES, OpenAIBatches
from providers.openai_chat import OPENAI_CHAT
from providers.wire import Call, Denial, Refused, Usage
from providers.wire_format import Meter
from tests.providers.batches import CHAT, FORM, MODEL, bulk, form, jsonl, line, numbered
from tests.providers.contract import WireFormatContract

KEPT = bulk(3).text()
RESPONSES = "/v1/responses"
OTHER = {"method": "POST", "url": RESPONSES, "body": {"model": MODEL, "input": "x"}}
CREATE = {"input_file_id": "file-1", "endpoint": CHAT, "completion_window": "24h"}


class TestContract(WireFormatContract):
    """OpenAI's batches keep the contract."""

    wire_format = OPENAI_BATCHES
    default = BulkCall("openai", "POST", BATCHES, "", {}, b"", kept=KEPT)


class TestGroqContract(WireFormatContract):
    """Groq's do too."""

    wire_format = GROQ_BATCHES
    default = BulkCall("groq", "POST", BATCHES, "", {}, b"", kept=KEPT)


def upload(body: bytes, kind: str = FORM) -> BulkFacts:
    """The facts of an upload."""
    call = Call("openai", "POST", FILES, "", {"content-type": kind}, body)
    facts = OPENAI_BATCHES.read(call)
    assert isinstance(facts, BulkFacts)
    assert facts.kind == "free"
    return facts


def test_each_line_is_read_as_a_call() -> None:
    """Its bound is that of a call of its own; of the file a hash is kept."""
    lines = [line(1), line(2, model="gpt-4.1", max_tokens=None, n=3), line(1)]
    data = jsonl(*lines)
    found = upload(form(data)).bulk
    assert found is not None
    assert (found.calls, found.endpoint, found.digest) == (3, CHAT, sha256(data).hexdigest())
    assert found.models == ("gpt-4.1", MODEL)
    for each in lines[:2]:
        body = json.dumps(each["body"], ensure_ascii=False).encode()
        alone = OPENAI_CHAT.read(Call("openai", "POST", CHAT, "", {}, body))
        (like,) = [one for one, _ in found.kinds if one.model == alone.model]
        for fact in ("input_tokens_max", "output_tokens_cap", "choices", "modalities"):
            assert getattr(like, fact) == getattr(alone, fact)
    assert [n for one, n in found.kinds if one.model == MODEL] == [2]
    assert "Question" not in found.text()


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (RESPONSES, {"model": MODEL, "input": "Hello"}),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hello"}),
        ("/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": "Hello"}),
    ],
)
def test_other_calls_in_a_file(url: str, body: dict[str, Any]) -> None:
    """Whatever of OpenAI's is metered outside of batches."""
    each = {"custom_id": "q", "method": "POST", "url": url, "body": body}
    found = upload(form(jsonl(each))).bulk
    assert found is not None
    assert (found.endpoint, found.models) == (url, (body["model"],))


def test_moderations_cost_nothing_in_a_batch_either() -> None:
    """There is nothing to reserve for them."""
    each = {"method": "POST", "url": "/v1/moderations", "body": {"input": "x"}}
    found = upload(form(jsonl(each, each))).bulk
    assert found is not None
    assert (found.calls, found.kinds) == (2, ())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (form(jsonl(line()), purpose="user_data"), FORM),
        (form(jsonl(line()), purpose="fine-tune"), FORM),
        (form(b"\xff\x00", purpose="vision"), FORM),
        (form(jsonl(line()), file="other"), FORM),
        (form(jsonl(line()), file="purpose"), FORM),
        (form(jsonl(line())), "multipart/form-data; boundary=other"),
        (b"anything", "text/plain"),
        (b"", ""),
    ],
)
def test_a_file_for_something_else_is_not_read(body: bytes, kind: str) -> None:
    """It is stored for nothing, and no batch can be made of it."""
    assert upload(body, kind).bulk is None


@pytest.mark.parametrize(
    ("lines", "status", "says"),
    [
        ([line(), line(url="/v1/videos")], 403, "Line 2 of the file: A batch of calls"),
        ([line(), OTHER], 400, "one and the same `url`"),
        ([], 400, "one and the same `url`"),
        ([{**line(), "method": "GET"}], 400, "Line 1 of the file: It must hold"),
        ([{**line(), "body": None}], 400, "Line 1 of the file: It must hold"),
        ([{**line(), "url": 7}], 400, "Line 1 of the file: It must hold"),
        ([line(messages=[])], 400, "Line 1 of the file: `messages`"),
        ([line(web_search_options={})], 403, "Line 1 of the file: "),
    ],
)
def test_a_file_that_has_no_bound_is_refused(
    lines: list[dict[str, Any]], status: int, says: str
) -> None:
    """Naming the line at fault."""
    with pytest.raises(Refused) as caught:
        upload(form(jsonl(*lines)))
    assert caught.value.denial.status == status
    assert says in caught.value.denial.message


def test_a_line_that_is_no_json_is_named() -> None:
    """Blank lines and a last one without an end are none."""
    found = upload(form(b"\n" + jsonl(line()) + b"\r\n" + jsonl(line())[:-1])).bulk
    assert found is not None
    assert found.calls == 2
    with pytest.raises(Refused, match="Line 2 of the file: The body is not valid JSON"):
        upload(form(jsonl(line()) + b"{"))


def begin(kept: str = KEPT, **fields: Any) -> BulkFacts:
    body = json.dumps({**CREATE, **fields}).encode()
    facts = OPENAI_BATCHES.read(BulkCall("openai", "POST", BATCHES, "", {}, body, kept=kept))
    assert isinstance(facts, BulkFacts)
    return facts


def test_a_batch_costs_what_its_file_may() -> None:
    """As it was read when it was uploaded."""
    facts = begin()
    assert (facts.kind, facts.model, facts.endpoint) == ("metered", MODEL, BATCHES)
    assert facts.bulk == bulk(3)


def test_a_batch_over_an_unseen_file_is_refused() -> None:
    """With what to do about it."""
    with pytest.raises(Refused) as caught:
        begin(kept="")
    denial = caught.value.denial
    assert (denial.status, denial.code) == (403, "batch_file_unknown")
    assert "POST /v1/files" in denial.remedy


def test_a_batch_asks_what_its_file_asks() -> None:
    """A bound of other calls would be none."""
    with pytest.raises(Refused, match=CHAT):
        begin(endpoint=RESPONSES)


@pytest.mark.parametrize(
    ("line_", "endpoint", "named"),
    [
        (f"GET {BATCHES}", BATCHES, None),
        (f"GET {BATCHES}/b1", f"{BATCHES}/{{id}}", None),
        (f"POST {BATCHES}/b1/cancel", f"{BATCHES}/{{id}}/cancel", None),
        (f"GET {FILES}/f1/content", f"{FILES}/{{id}}/content", Named("results", "f1")),
        (f"POST {FILES}", FILES, None),
    ],
)
def test_all_but_the_beginning_is_free(line_: str, endpoint: str, named: Named | None) -> None:
    """Uploading, looking, cancelling and fetching cost nothing."""
    method, _, path = line_.partition(" ")
    call = Call("openai", method, path, "", {}, b"")
    assert OPENAI_BATCHES.claims(call)
    facts = OPENAI_BATCHES.read(call)
    assert (facts.kind, facts.endpoint) == ("free", endpoint)
    assert OPENAI_BATCHES.names(call) == named


def test_a_batch_names_its_file() -> None:
    """If it is an id at all."""
    for name, named in (("file-1", Named("file", "file-1")), ("a/b", None), (None, None)):
        body = json.dumps({**CREATE, "input_file_id": name}).encode()
        assert OPENAI_BATCHES.names(Call("openai", "POST", BATCHES, "", {}, body)) == named


@pytest.mark.parametrize(
    "line_",
    [
        f"GET {FILES}",
        f"GET {FILES}/f1",
        f"DELETE {FILES}/f1",
        f"POST {FILES}/f1/content",
        f"DELETE {BATCHES}/b1",
        f"POST {BATCHES}/b1",
        f"POST {BATCHES}/cancel",
        f"GET {BATCHES}/b1/cancel",
        f"GET {FILES}/../content",
        "POST /v1/uploads",
        "POST /v1/batch/jobs",
    ],
)
def test_other_calls_are_not_its_own(line_: str) -> None:
    """They are free by another table, or not metered."""
    method, _, path = line_.partition(" ")
    assert not OPENAI_BATCHES.claims(Call("openai", method, path, "", {}, b""))


def meter(call: Call, wire_format: OpenAIBatches = OPENAI_BATCHES) -> Meter:
    return wire_format.meter(wire_format.read(call), 200, "application/json")


def news(
    method: str,
    path: str,
    document: dict[str, Any],
    wire_format: OpenAIBatches = OPENAI_BATCHES,
    **more: Any,
) -> tuple[News, ...]:
    """What an answer tells."""
    call = BulkCall("openai", method, path, "", **{"headers": {}, "body": b"", **more})
    found = meter(call, wire_format)
    found.feed(json.dumps(document).encode())
    found.finish()
    assert isinstance(found, TellsNews)
    return found.news()


def test_a_new_file_is_known_by_its_id() -> None:
    """One for batches; others are of no interest."""
    file, kind = {"id": "file-1", "object": "file"}, {"content-type": FORM}
    made = (News("file-1", made=True),)
    assert news("POST", FILES, file, headers=kind, body=form(jsonl(line()))) == made
    other = form(b"x", purpose="vision")
    assert news("POST", FILES, file, headers=kind, body=other) == ()


def test_a_new_batch_is_known_by_its_id() -> None:
    """Whatever its first status is."""
    body = json.dumps(CREATE).encode()
    found = news("POST", BATCHES, batch("validating"), body=body, kept=KEPT)
    assert found == (News("b1", made=True),)


def batch(status: str = "completed", completed: Any = 2, **fields: Any) -> dict[str, Any]:
    counts = {"total": 3, "completed": completed, "failed": 1}
    return {"id": "b1", "object": "batch", "status": status, "request_counts": counts, **fields}


TOLD = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 12,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 42,
}
COUNTS = {
    "input_tokens": 30,
    "cache_read_tokens": 4,
    "output_tokens": 12,
    "output_reasoning_tokens": 5,
}
OUT = {"output_file_id": "file-out"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (batch(**OUT), News("b1", results="file-out")),
        (batch("expired", **OUT), News("b1", results="file-out")),
        (batch("cancelled", **OUT), News("b1", results="file-out")),
        (batch(**OUT, usage=TOLD), News("b1", results="file-out", usage=Usage(COUNTS))),
        (batch(completed=0), News("b1", nothing=True)),
        (batch("failed", completed=None), News("b1", nothing=True)),
        (batch(completed=0, **OUT), News("b1", results="file-out")),
        # A usage of nothing, or of a batch of which nothing is known to be done, tells nothing.
        (batch(usage={"input_tokens": 0, "output_tokens": 0}), News("b1")),
        (batch(completed=None, usage=TOLD), News("b1")),
        (batch(usage={"input_tokens": 3}), News("b1")),
    ],
)
def test_what_a_batch_that_has_ended_tells(document: dict[str, Any], expected: News) -> None:
    """Where its results are; all that was used, where that is told; or that it came to nothing."""
    assert news("GET", f"{BATCHES}/b1", document) == (expected,)
    assert news("GET", BATCHES, {"data": [document]}) == (expected,)
    assert news("POST", f"{BATCHES}/b1/cancel", document) == (expected,)


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "cancelling", None])
def test_a_batch_that_runs_tells_nothing(status: Any) -> None:
    """Whatever it says of its usage so far."""
    assert news("GET", f"{BATCHES}/b1", batch(status, **OUT, usage=TOLD)) == ()


def result(status: Any = 200, **usage: Any) -> dict[str, Any]:
    told = {"prompt_tokens": 10, "completion_tokens": 5, **usage}
    body = {"id": "c", "model": MODEL, "usage": told, "choices": [], "service_tier": "default"}
    return {"custom_id": "q", "response": {"status_code": status, "body": body}, "error": None}


def results(
    *lines: Any, kept: str = KEPT, wire_format: OpenAIBatches = OPENAI_BATCHES
) -> tuple[list[Usage], bool]:
    """The usages that results tell, and whether they were read whole."""
    call = BulkCall("openai", "GET", f"{FILES}/f1/content", "", {}, b"", kept=kept)
    found = meter(call, wire_format)
    assert isinstance(found, TellsResults)
    data = "\n".join(map(json.dumps, numbered(*lines))).encode()
    assert found.feed(data) + found.finish() == data
    return found.taken(), found.whole()


def test_what_succeeded_is_billed() -> None:
    """Errors are not, wherever they stand."""
    expired = {"custom_id": "q", "response": None, "error": {"code": "batch_expired"}}
    usages, whole = results(result(), result(400), expired)
    assert usages == [Usage({"input_tokens": 10, "output_tokens": 5}, MODEL, "default")]
    assert whole


@pytest.mark.parametrize(
    ("url", "told", "counts"),
    [
        (RESPONSES, {"input_tokens": 3, "output_tokens": 2}, {"input_tokens": 3}),
        ("/v1/embeddings", {"prompt_tokens": 3, "total_tokens": 3}, {"input_tokens": 3}),
    ],
)
def test_results_are_read_as_their_calls_are(
    url: str, told: dict[str, int], counts: dict[str, int]
) -> None:
    """By the format of the calls that the file holds."""
    body = {"object": "response", "status": "completed", "model": MODEL, "usage": told}
    line_ = {"response": {"status_code": 200, "body": body}, "error": None}
    ((usage,), whole) = results(line_, kept=bulk(1, url).text())
    assert whole
    assert counts.items() <= usage.counts.items()


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [result()] * 4,
        [result(), result(prompt_tokens=None)],
        [result(), result("200")],
        [result(), {"response": None}],
        [result(), {"response": {"status_code": 200}}],
    ],
)
def test_results_are_whole_or_not_at_all(lines: list[dict[str, Any]]) -> None:
    """No more than were asked, each of them to be understood."""
    assert not results(*lines)[1]


def test_an_error_in_the_place_of_results_is_none() -> None:
    """It names no call, so it does not say that all of them failed."""
    call = BulkCall("openai", "GET", f"{FILES}/f1/content", "", {}, b"", kept=KEPT)
    for named, whole in (({}, False), ({"custom_id": "q-1"}, True)):
        found = meter(call)
        assert isinstance(found, TellsResults)
        found.feed(json.dumps({**named, "error": {"message": "The server had an error."}}).encode())
        found.finish()
        assert (found.taken(), found.whole()) == ([], whole)


def test_groq_takes_nothing_off_for_caches() -> None:
    """In a batch all input costs the same there."""
    cached = result(prompt_tokens_details={"cached_tokens": 8})
    ((usage,), _) = results(cached, wire_format=GROQ_BATCHES)
    assert usage.counts == {"input_tokens": 10, "output_tokens": 5}
    ((usage,), _) = results(cached)
    assert usage.counts["cache_read_tokens"] == 8
    (told,) = news("GET", f"{BATCHES}/b1", batch(usage=TOLD), wire_format=GROQ_BATCHES)
    assert told.usage is not None
    assert "cache_read_tokens" not in told.usage.counts


def test_a_file_that_is_no_result_passes_unread() -> None:
    """Or one whose batch is billed already."""
    found = meter(Call("openai", "GET", f"{FILES}/f1/content", "", {}, b""))
    assert not isinstance(found, TellsResults)
    assert found.feed(b"x") == b"x"


def test_it_refuses_in_the_shape_of_the_api() -> None:
    """As an error object and as an error event."""
    denial = Denial(403, "batch_file_unknown", "No.")
    assert b'"code": "batch_file_unknown"' in OPENAI_BATCHES.refuse(denial).body
    assert OPENAI_BATCHES.error_event(denial).startswith(b"data: ")
