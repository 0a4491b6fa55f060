"""Batches in a running gateway: what it remembers, what it books, what it must not believe."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from aex_addon import bulks
from ledger.errors import LedgerUnavailable
from ledger.state import Bulk, Execution
from providers.bulk_price import quote
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.test_upstream_faults import until
from tests.aex_addon.wire import Answer, Upstream, connected
from tests.providers.batches import BOUNDARY, CHAT, MODEL, bulk, form, jsonl, line, numbered

FORM = f"multipart/form-data; boundary={BOUNDARY}"
CREATE = {"input_file_id": "file-1", "endpoint": CHAT, "completion_window": "24h"}
OVER = {"id": "batch_1", "object": "batch", "status": "completed", "output_file_id": "file-out"}
COUNTS = {"request_counts": {"total": 2, "completed": 2, "failed": 0}}
# Two calls of 10 and 5 tokens in a batch.
BILL = 2 * (10 * 75 + 5 * 300)


def result(**body: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    answer = {"status_code": 200, "body": {"model": MODEL, "usage": usage, **body}}
    return {"custom_id": "q", "response": answer, "error": None}


RESULTS = jsonl(*numbered(result(), result()))


async def ask(rig: Rig, path: str, body: bytes = b"", **headers: str) -> Answer:
    """POSTs a body, or GETs without one."""
    request = rig.request(path, body, **headers)
    if not body:
        request = request.replace(b"POST", b"GET", 1)
    async with connected(rig.port) as client:
        return await client.call(request)


async def uploaded(rig: Rig, provider: Upstream, *lines: Any) -> Answer:
    """A file of two calls, if no others are given."""
    provider.json(json.dumps({"id": "file-1", "object": "file"}).encode())
    data = form(jsonl(*(lines or (line(1), line(2)))))
    return await ask(rig, "/v1/files", data, content_type=FORM)


async def begun(rig: Rig, provider: Upstream, answer: Any = None) -> Answer:
    """A batch over that file."""
    said = {**OVER, "status": "validating"} if answer is None else answer
    provider.json(said if isinstance(said, bytes) else json.dumps(said).encode())
    return await ask(rig, "/v1/batches", json.dumps(CREATE).encode())


async def told(rig: Rig, provider: Upstream, **fields: Any) -> Answer:
    """A look at the batch, which has ended."""
    provider.json(json.dumps({**OVER, **COUNTS, **fields}).encode())
    return await ask(rig, "/v1/batches/batch_1")


async def running(rig: Rig, provider: Upstream) -> None:
    """A batch whose results are there, and not fetched yet."""
    assert (await uploaded(rig, provider)).status == 200
    assert (await begun(rig, provider)).status == 200
    assert (await told(rig, provider)).status == 200


async def fetched(rig: Rig, provider: Upstream, data: bytes = RESULTS, **headers: str) -> Answer:
    provider.json(data, **headers)
    return await ask(rig, "/v1/files/file-out/content")


def batch(rig: Rig) -> Execution:
    """The execution that began the batch."""
    return next(each for each in rig.executions() if each.endpoint == "/v1/batches")


def kept(rig: Rig) -> dict[str, Bulk]:
    with rig.reader() as reader:
        return reader.bulks()


async def test_a_batch_from_its_file_to_its_bill(rig: Rig, provider: Upstream) -> None:
    """Each step leaves what the next one needs; the provider gets and gives every byte."""
    await uploaded(rig, provider)
    head, _, body = provider.requests[-1].partition(b"\r\n\r\n")
    assert body == form(jsonl(line(1), line(2)))
    assert FORM.encode() in head
    assert kept(rig)["openai/file-1"].kind == "file"
    await begun(rig, provider)
    row = batch(rig)
    prices = rig.pipeline.parts.configuration.prices
    bound, tokens = quote(
        bulks.Bulk.of(kept(rig)["openai/batch_1"].terms),
        lambda model: prices.price("openai", model, rig.pipeline.parts.now()),
    )
    assert (row.reserved_nanousd, row.actual_nanousd) == (bound, bound)
    assert (row.input_tokens_max, row.certainty, row.model) == (tokens, "estimated", MODEL)
    await told(rig, provider)
    assert kept(rig)["openai/batch_1"].results == "openai/file-out"
    answer = await fetched(rig, provider)
    assert answer.body == RESULTS
    assert b"accept-encoding: identity" in provider.requests[-1].lower()
    assert (batch(rig).actual_nanousd, batch(rig).certainty) == (BILL, "adjusted")
    assert rig.agent().spent_nanousd == BILL
    assert not rig.pipeline.inflight


async def test_a_stop_that_waits_no_longer_keeps_a_batch_s_id(rig: Rig, provider: Upstream) -> None:
    """Its answer was read to the end and not booked: it is known, and its results correct it."""
    await uploaded(rig, provider)
    said = json.dumps({**OVER, "status": "validating"}).encode()

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n%s\r\n" % (len(said), said))
        await reader.read()

    provider.answers.append(stay)
    async with connected(rig.port) as client:
        await client.send(rig.request("/v1/batches", json.dumps(CREATE).encode()))
        await client.head()
        await client.reader.readuntil(said)
        (begun_now,) = rig.pipeline.inflight.values()
        assert begun_now.meter is not None
        begun_now.meter.finish()
        rig.pipeline.settle_all()
        assert await rig.assembly.parts.books.drained(10)
    assert kept(rig)["openai/batch_1"].execution_id == batch(rig).execution_id
    await told(rig, provider)
    await fetched(rig, provider)
    assert (batch(rig).actual_nanousd, batch(rig).certainty) == (BILL, "adjusted")


async def test_two_fetches_at_once_bill_once(rig: Rig, provider: Upstream) -> None:
    """Both began while the bill was still to come, and both end; the second changes nothing."""
    await running(rig, provider)
    both, here = asyncio.Event(), 0

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal here
        here += 1
        if here == 2:
            both.set()
        await both.wait()
        length = f"HTTP/1.1 200 OK\r\ncontent-length: {len(RESULTS)}\r\n\r\n"
        writer.write(length.encode() + RESULTS)

    provider.answers += [hold, hold]
    fetches = [ask(rig, "/v1/files/file-out/content") for _ in range(2)]
    assert [each.body for each in await asyncio.gather(*fetches)] == [RESULTS] * 2
    assert batch(rig).actual_nanousd == BILL
    with rig.reader() as reader:
        events = [each.event.type for each in reader.story(batch(rig).execution_id)]
    assert events.count("execution.adjusted") == events.count("bulk.settled") == 1


async def test_what_is_booked_is_not_read_again(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results that have been billed pass as any file does."""
    await running(rig, provider)
    await fetched(rig, provider)

    def fails(*_arguments: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(bulks, "Bill", fails)
    assert (await fetched(rig, provider)).body == RESULTS
    assert batch(rig).actual_nanousd == BILL


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (RESULTS, 206),
        (RESULTS[:-4], 200),
        (b"", 200),
        (RESULTS + RESULTS, 200),
        (jsonl(*numbered(result(), result(usage=None))), 200),
        (jsonl(result(), result()), 200),
        (b"{}", 404),
    ],
)
async def test_what_is_not_whole_is_not_booked(
    rig: Rig, provider: Upstream, data: bytes, status: int
) -> None:
    """It reaches the client as it is, and the bound stays until all results have been read."""
    await running(rig, provider)
    bound = batch(rig).actual_nanousd
    provider.json(data, status)
    answer = await ask(rig, "/v1/files/file-out/content")
    assert (answer.status, answer.body) == (status, data)
    assert batch(rig).actual_nanousd == bound > BILL
    await fetched(rig, provider)
    assert batch(rig).actual_nanousd == BILL


async def test_a_client_that_leaves_books_nothing(rig: Rig, provider: Upstream) -> None:
    """What it did not read may be more of the same."""
    await running(rig, provider)
    bound, sent, gone = batch(rig).actual_nanousd, asyncio.Event(), asyncio.Event()

    async def halves(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        half = jsonl(result())
        writer.write(b"%x\r\n%s\r\n" % (len(half), half))
        sent.set()
        await gone.wait()

    provider.answers.append(halves)
    async with connected(rig.port) as client:
        await client.send(
            rig.request("/v1/files/file-out/content", b"").replace(b"POST", b"GET", 1)
        )
        await sent.wait()
        assert (await client.head())[0] == 200
        await client.chunk()
    await until(lambda: not rig.pipeline.inflight)
    gone.set()
    assert batch(rig).actual_nanousd == bound


async def test_results_that_end_with_their_connection_are_not_believed(
    rig: Rig, provider: Upstream
) -> None:
    """One line of two, and the end of the connection: that may be all, or a part of it."""
    await running(rig, provider)
    bound, part = batch(rig).actual_nanousd, jsonl(result())

    async def closes(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\r\n" + part)
        raise ConnectionResetError

    provider.answers.append(closes)
    assert (await ask(rig, "/v1/files/file-out/content")).body == part
    assert batch(rig).actual_nanousd == bound > BILL
    await fetched(rig, provider)
    assert batch(rig).actual_nanousd == BILL


async def test_results_in_an_encoding_are_read(rig: Rig, provider: Upstream) -> None:
    """Though none was asked for; the client gets them as they came."""
    await running(rig, provider)
    packed = gzip.compress(RESULTS)
    answer = await fetched(rig, provider, packed, content_encoding="gzip")
    assert answer.body == packed
    assert batch(rig).actual_nanousd == BILL


async def test_a_ledger_that_is_down_leaves_the_bound(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked up after an answer may fail without harm to it; before it, nothing leaves."""
    await uploaded(rig, provider)
    await begun(rig, provider)
    sent = len(provider.requests)

    def fails(*_arguments: Any, **_named: Any) -> Any:
        raise LedgerUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(rig.assembly.store, "bulk", fails)
        assert (await told(rig, provider)).status == 200
        assert (await ask(rig, "/v1/files/file-out/content")).status == 503
    assert len(provider.requests) == sent + 1
    assert kept(rig)["openai/batch_1"].results == ""


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((status, "RELEASED") for status in (400, 404, 429, 503, 529)),
        *((status, "COMMITTED") for status in (500, 502, 504, 520)),
    ],
)
async def test_an_error_that_is_no_refusal_may_hide_a_batch(
    rig: Rig, provider: Upstream, status: int, state: str
) -> None:
    """It would run unseen, so it is booked, and marked; a refusal is released."""
    await uploaded(rig, provider)
    provider.json(b'{"error":{}}', status)
    assert (await ask(rig, "/v1/batches", json.dumps(CREATE).encode())).status == status
    row = batch(rig)
    booked = row.reserved_nanousd if state == "COMMITTED" else 0
    assert (row.state, row.actual_nanousd) == (state, booked)
    assert row.certainty == ("uncertain" if booked else "")


@pytest.mark.parametrize("answer", [b"not json", b"{}", b'{"id":"a/b"}', b'{"id":7}'])
async def test_a_batch_without_an_id_stays_uncertain(
    rig: Rig, provider: Upstream, answer: bytes
) -> None:
    """It may be working all the same: it is booked, and marked for the operator."""
    await uploaded(rig, provider)
    assert (await begun(rig, provider, answer)).body == answer
    row = batch(rig)
    assert (row.state, row.certainty) == ("COMMITTED", "uncertain")
    assert row.actual_nanousd == row.reserved_nanousd
    assert "its id did not come back" in row.reason
    assert set(kept(rig)) == {"openai/file-1"}


async def test_a_batch_of_nothing_but_free_calls(rig: Rig, provider: Upstream) -> None:
    """It is taken, and there is no bill to come."""
    each = {"method": "POST", "url": "/v1/moderations", "body": {"input": "x"}}
    await uploaded(rig, provider, each)
    provider.json(json.dumps({**OVER, "status": "validating"}).encode())
    create = json.dumps({**CREATE, "endpoint": "/v1/moderations"}).encode()
    assert (await ask(rig, "/v1/batches", create)).status == 200
    assert (batch(rig).actual_nanousd, batch(rig).certainty) == (0, "exact")
    assert set(kept(rig)) == {"openai/file-1"}


async def test_a_model_without_a_price(tmp_path: Path, provider: Upstream) -> None:
    """Is refused, or free if the operator says so; then nothing is to be billed either."""
    for told_to, status, batches in (("refuse", 403, 0), ("free", 200, 1)):
        async with gateway(tmp_path / told_to, provider.port, unpriced_models=told_to) as rig:
            await uploaded(rig, provider, line(model="nobody-knows"))
            if status == 200:
                answer = await begun(rig, provider)
            else:
                answer = await ask(rig, "/v1/batches", json.dumps(CREATE).encode())
                assert answer.code == "model_unpriced"
            assert answer.status == status
            assert rig.agent().spent_nanousd == 0
            assert len(kept(rig)) == 1
            assert sum(b"/v1/batches" in each for each in provider.requests) == batches


async def test_terms_of_another_program_are_not_guessed_at(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file counts as unseen."""
    await uploaded(rig, provider)

    def unread(_text: str) -> Any:
        raise LookupError

    monkeypatch.setattr(bulks.Bulk, "of", unread)
    answer = await ask(rig, "/v1/batches", json.dumps(CREATE).encode())
    assert (answer.status, answer.code) == (403, "batch_file_unknown")


async def test_large_files_are_read_beside_the_event_loop(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that other calls go on; small ones are not worth a thread."""
    where: list[threading.Thread] = []
    real = bulks.appraise

    def noted(*arguments: Any) -> Any:
        where.append(threading.current_thread())
        return real(*arguments)

    monkeypatch.setattr(bulks, "appraise", noted)
    await uploaded(rig, provider)
    monkeypatch.setattr(bulks, "_AT_ONCE", 100)
    await uploaded(rig, provider)
    here = threading.current_thread()
    assert [each is here for each in where] == [True, False]
    assert (
        kept(rig)["openai/file-1"].terms == bulks.Bulk.of(kept(rig)["openai/file-1"].terms).text()
    )


async def test_a_batch_whose_models_lost_their_price(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results pass, and it stays at its bound."""
    await running(rig, provider)
    bound = batch(rig).actual_nanousd
    other = bulk(2, model="nobody-knows")
    monkeypatch.setattr(bulks.Bulk, "of", lambda _text: other)
    assert (await fetched(rig, provider)).body == RESULTS
    assert batch(rig).actual_nanousd == bound


async def test_unknown_batches_and_files_pass(rig: Rig, provider: Upstream) -> None:
    """They were begun elsewhere, and cost nothing to look at."""
    provider.json(json.dumps({**OVER, **COUNTS}).encode())
    assert (await ask(rig, "/v1/batches/batch_1")).status == 200
    assert (await fetched(rig, provider)).body == RESULTS
    assert {(row.state, row.actual_nanousd) for row in rig.executions()} == {("COMMITTED", 0)}
    assert kept(rig) == {}


async def test_a_list_tells_of_many(rig: Rig, provider: Upstream) -> None:
    """Batches of which none has come through here are no fault."""
    await uploaded(rig, provider)
    await begun(rig, provider)
    listed = [{**OVER, **COUNTS, "id": "batch_elsewhere"}, {**OVER, **COUNTS}]
    provider.json(json.dumps({"object": "list", "data": listed}).encode())
    assert (await ask(rig, "/v1/batches?limit=2")).status == 200
    assert kept(rig)["openai/batch_1"].results == "openai/file-out"
    await fetched(rig, provider)
    assert batch(rig).actual_nanousd == BILL


async def test_groqs_batches_too(tmp_path: Path, provider: Upstream) -> None:
    """Under its own paths, at its own prices; what another provider calls alike is another's."""
    upstream = {"upstream": f"http://127.0.0.1:{provider.port}", "api_key_env": "OPENAI_API_KEY"}
    both = {"groq": upstream, "openai": upstream}
    model = "openai/gpt-oss-120b"
    async with gateway(tmp_path / "home", provider.port, providers=both) as rig:
        provider.json(json.dumps({"id": "file-1", "object": "file"}).encode())
        data = form(jsonl(line(1, model=model), line(2, model=model)))
        assert (await ask(rig, "/groq/v1/files", data, content_type=FORM)).status == 200
        assert b"POST /openai/v1/files HTTP/1.1" in provider.requests[-1]
        create = json.dumps(CREATE).encode()
        assert (await ask(rig, "/v1/batches", create)).code == "batch_file_unknown"
        provider.json(json.dumps({**OVER, "status": "validating"}).encode())
        assert (await ask(rig, "/groq/openai/v1/batches", create)).status == 200
        provider.json(json.dumps({**OVER, **COUNTS}).encode())
        assert (await ask(rig, "/groq/v1/batches/batch_1")).status == 200
        provider.json(jsonl(*numbered(result(model=model), result(model=model))))
        assert (await ask(rig, "/groq/v1/files/file-out/content")).status == 200
        assert set(kept(rig)) == {"groq/file-1", "groq/batch_1"}
        assert rig.agent().spent_nanousd == BILL
