"""How an answer is framed on its way back, and what of it the client sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from aex_addon.appraisal import Appraisal
from aex_addon.inflight import InFlight
from aex_addon.relay import relay
from ledger.commands import Admitted
from providers.openai_chat import OPENAI_CHAT
from providers.wire import Facts
from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import USAGE, Upstream, connected

MIB = 2**20


def relayed(
    status: int = 200,
    method: bytes = b"POST",
    version: bytes = b"HTTP/1.1",
    stream: bool = False,
    wanted: bool = False,
    **headers: str,
) -> tuple[http.Response, InFlight]:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    request = tutils.treq(method=method, http_version=version)
    response = tutils.tresp(status_code=status, headers=http.Headers(**fields))
    facts = Facts("/v1/chat/completions", "metered", "m", stream=stream, usage_wanted=wanted)
    inflight = InFlight(Admitted("ex_1", "bot", 5, 5), Appraisal(facts, OPENAI_CHAT), "openai")
    relay(tflow.tflow(req=request, resp=response), response, inflight, MIB)
    return response, inflight


def tee(response: http.Response) -> Callable[[bytes], Any]:
    assert callable(response.stream)
    return response.stream


@pytest.mark.parametrize(
    ("case", "length", "chunked"),
    [
        ({}, None, True),
        ({"status": 500}, None, True),
        ({"version": b"HTTP/2.0"}, None, False),
        ({"version": b"HTTP/1.0"}, None, False),
        ({"method": b"HEAD"}, "7", False),
        ({"status": 204}, "7", False),
        ({"status": 304}, "7", False),
    ],
)
def test_the_end_is_an_end_of_its_own(
    case: dict[str, Any], length: str | None, chunked: bool
) -> None:
    """A length gives way to a mark at the end, but where there is no body to be ended."""
    response, _ = relayed(content_length="7", **case)
    assert response.headers.get("content-length") == length
    assert ("transfer-encoding" in response.headers) is chunked
    assert response.stream


@pytest.mark.parametrize("headers", [{"content_length": "0"}, {"transfer_encoding": "chunked"}, {}])
def test_other_framings_stay(headers: dict[str, str]) -> None:
    """An empty body, chunks and an end by closing are left as the provider framed them."""
    response, _ = relayed(**headers)
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    assert {**kept, "x-aex-execution-id": "ex_1"} == dict(response.headers)


@pytest.mark.parametrize("status", [302, 400, 429, 500])
def test_an_answer_that_is_not_billed(status: int) -> None:
    """It passes unmetered, its status noted."""
    response, inflight = relayed(status, content_type="application/json")
    assert response.stream is True
    assert (inflight.status, inflight.meter) == (status, None)


def test_an_empty_chunk_is_never_written() -> None:
    """Where nothing of a chunk is shown, nothing is written: mitmproxy would end the body."""
    response, inflight = relayed(stream=True, content_type="text/event-stream")
    show = tee(response)
    hidden = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
    seen = [list(show(piece)) for piece in (b"data: [", b"DONE]\n\n", hidden, b"")]
    assert seen == [[], [b"data: [DONE]\n\n"], [], []]
    assert inflight.meter is not None
    assert inflight.meter.reading().usage is not None


@pytest.mark.parametrize(
    ("encoding", "wanted", "kept"),
    [
        ("gzip", True, "gzip"),
        ("gzip", False, None),
        ("magic", False, "magic"),
        ("identity", False, None),
    ],
)
def test_encodings_of_a_stream(encoding: str, wanted: bool, kept: str | None) -> None:
    """An encoding is taken off only where a chunk must be hidden and can be read."""
    response, inflight = relayed(
        stream=True, wanted=wanted, content_encoding=encoding, content_type="text/event-stream"
    )
    assert response.headers.get("content-encoding") == kept
    assert (inflight.decoder is None) == (encoding == "identity")


def test_a_meter_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes pass all the same, and the call remembers that it lost sight of them."""
    response, inflight = relayed(content_type="application/json")
    monkeypatch.setattr(type(inflight.meter), "feed", lambda *_: 1 / 0)
    assert list(tee(response)(b"bytes")) == [b"bytes"]
    assert list(tee(response)(b"")) == []
    assert inflight.unread


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body(rig: Rig, provider: Upstream, status: int) -> None:
    """They leave the connection in step: the next answer on it is read as what it is."""
    first = f"HTTP/1.1 {status} Scripted\r\ncontent-length: 7\r\n\r\n".encode()
    provider.answers.append(first)
    async with connected(rig.port) as client:
        await client.send(rig.request("/v1/files"))
        assert (await client.head())[0] == status
        answer = await client.call(rig.request("/v1/videos"))
    assert (answer.status, answer.code) == (403, "not_metered")
