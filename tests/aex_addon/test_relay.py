"""How an answer is framed on its way back, and what of it the client sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from aex_addon import clock
from aex_addon import relay as relaying
from aex_addon.appraisal import Appraisal
from aex_addon.inflight import InFlight
from aex_addon.known_secrets import Secrets
from aex_addon.relay import relay
from ledger.outcomes import Admitted
from providers.mcp import MCP
from providers.mcp_meter import McpFacts
from providers.openai_chat import OPENAI_CHAT
from providers.prices import PriceBook
from providers.wire import Facts
from providers.wire_format import WireFormat
from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import USAGE, Upstream, connected
from tests.providers.compress import compress

MIB = 2**20
KEY = "sk-canary/of+the-provider"


def never(why: object) -> None:
    pytest.fail("nothing is to be ended")


def relayed(
    status: int = 200,
    method: bytes = b"POST",
    version: bytes = b"HTTP/1.1",
    stream: bool = False,
    wanted: bool = False,
    facts: Facts | None = None,
    **headers: str,
) -> tuple[http.Response, InFlight]:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    request = tutils.treq(method=method, http_version=version)
    response = tutils.tresp(status_code=status, headers=http.Headers(**fields))
    spoken: WireFormat = MCP if facts else OPENAI_CHAT
    if facts is None:
        facts = Facts("/v1/chat/completions", "metered", "m", stream=stream, usage_wanted=wanted)
    inflight = InFlight(Admitted("ex_1", "bot", 5, 5), Appraisal(facts, spoken), "openai")
    secrets = Secrets()
    secrets.add("openai", KEY)
    relay(tflow.tflow(req=request, resp=response), response, inflight, MIB, secrets, never)
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


@pytest.mark.parametrize("status", [101, 200, 429])
def test_the_execution_is_named_by_aex_alone(status: int) -> None:
    """What a provider says under that name is dropped, and all its other headers stay in order."""
    response, _ = relayed(status, x_first="1", X_AEX_Execution_Id="ex_other", x_last="2")
    assert response.headers.get_all("x-aex-execution-id") == ["ex_1"]
    assert list(response.headers)[:2] == ["x-first", "x-last"]


def test_a_socket_has_no_extensions() -> None:
    """What was not asked for is not taken up, and nothing of such an answer is framed anew."""
    response, _ = relayed(101, Sec_WebSocket_Extensions="permessage-deflate", content_length="7")
    assert dict(response.headers) == {"content-length": "7", "x-aex-execution-id": "ex_1"}
    assert response.stream is False


@pytest.mark.parametrize("status", [302, 400, 429, 500])
def test_an_answer_that_is_not_billed(status: int) -> None:
    """It passes unmetered, its status noted."""
    response, inflight = relayed(status, content_type="application/json")
    assert b"".join(part for data in (b"bytes", b"") for part in tee(response)(data)) == b"bytes"
    assert (inflight.status, inflight.meter) == (status, None)


ECHO = f'{{"error": "Incorrect API key provided: {KEY}."}}'.encode()
BLOTTED = b'{"error": "Incorrect API key provided: [key]."}'


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br", "zstd", "deflate"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_error_that_repeats_the_key(encoding: str, size: int) -> None:
    """The client gets all of it but the key, however it is encoded and cut."""
    response, _ = relayed(401, content_encoding=encoding, www_authenticate=f"Key {KEY}")
    data = compress(encoding, ECHO)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    passed = [part for piece in [*pieces, b""] for part in tee(response)(piece)]
    assert b"".join(passed) == BLOTTED
    assert b"" not in passed
    assert "content-encoding" not in response.headers
    assert response.headers["www-authenticate"] == "Key [key]"


@pytest.mark.parametrize(
    ("encoding", "data"),
    [("magic", ECHO), ("gzip", ECHO), ("gzip", compress("gzip", b"x" * 2 * MIB))],
)
def test_an_error_that_cannot_be_read(encoding: str, data: bytes) -> None:
    """What cannot be searched for the key does not pass."""
    response, _ = relayed(500, content_encoding=encoding)
    passed = [part for piece in (data, b"") for part in tee(response)(piece)]
    assert len(b"".join(passed)) <= MIB


def test_an_error_in_a_stream_that_repeats_the_key() -> None:
    """It is blotted out of the event, and what follows passes as it is."""
    response, inflight = relayed(stream=True, wanted=True, content_type="text/event-stream")
    show = tee(response)
    event = b"data: " + ECHO + b"\n\n"
    assert list(show(event)) == [b"data: " + BLOTTED + b"\n\n"]
    assert list(show(b"data: [DONE]\n\n")) == [b"data: [DONE]\n\n"]
    assert inflight.meter is not None


def test_the_opening_of_a_socket_is_no_stream() -> None:
    """It passes before anything else; extensions that nobody asked for are taken off."""
    response, inflight = relayed(101, b"GET", sec_websocket_extensions="permessage-deflate")
    assert (response.stream, inflight.meter, inflight.status) == (False, None, 101)
    assert "sec-websocket-extensions" not in response.headers
    assert response.headers["x-aex-execution-id"] == "ex_1"


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


def watched(monkeypatch: pytest.MonkeyPatch, kind: str, priced: bool = True) -> list[str]:
    """What a stream of 9 KB is asked and told, if it goes beyond what was granted at once."""
    heard: list[str] = []
    response = tutils.tresp(headers=http.Headers(content_type=kind))
    facts = Facts("/v1/chat/completions", "metered", "m", stream=True)
    price = PriceBook().price("openai", "gpt-4o-mini", clock.utc_now()) if priced else None
    appraisal = Appraisal(facts, OPENAI_CHAT, price)
    inflight = InFlight(Admitted("ex_1", "bot", 5, 5), appraisal, "openai")
    monkeypatch.setattr(relaying, "exceeded", lambda *_: heard.append("asked") is None)
    relay(
        tflow.tflow(resp=response),
        response,
        inflight,
        MIB,
        Secrets(),
        lambda why: heard.append(why("ex_1").code),
    )
    for _ in range(9):
        tee(response)(b": x\n\n" * 200)
    return heard


def test_a_stream_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every few kilobytes it is asked whether it goes too far, and then told to end."""
    assert watched(monkeypatch, "text/event-stream") == ["asked", "reserve_exceeded"]
    assert watched(monkeypatch, "application/json") == []
    assert watched(monkeypatch, "text/event-stream", priced=False) == []


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


LIST = McpFacts("tools/list", "free", lists=(1,), shown=lambda name: name == "a")
TOOLS = b'{"id":1,"result":{"tools":[{"name":"a"},{"name":"b"}]}}'
LEFT = b'{"id":1,"result":{"tools":[{"name":"a"}]}}'


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_a_list_in_which_tools_are_hidden(encoding: str) -> None:
    """Whatever it was packed in, the client gets it plain, and not the hidden ones."""
    packed = TOOLS if encoding == "identity" else compress(encoding, TOOLS)
    response, _ = relayed(facts=LIST, content_encoding=encoding, content_type="application/json")
    assert "content-encoding" not in response.headers
    assert b"".join([*tee(response)(packed), *tee(response)(b"")]) == LEFT


@pytest.mark.parametrize(
    ("encoding", "data"), [("magic", TOOLS), ("gzip", TOOLS), ("gzip", b""), ("identity", b"?")]
)
def test_a_list_that_cannot_be_read(encoding: str, data: bytes) -> None:
    """It becomes an error of its own: nothing passes that could not be looked through."""
    response, _ = relayed(facts=LIST, content_encoding=encoding, content_type="application/json")
    show = tee(response)
    answer = b"".join(part for piece in dict.fromkeys((data, b"")) for part in show(piece))
    assert json.loads(answer)["error"]["data"]["code"] == "answer_unreadable"


def test_a_list_that_hides_nothing() -> None:
    """It passes as it came, packed as it is."""
    packed = compress("gzip", TOOLS)
    facts = replace(LIST, shown=None)
    response, _ = relayed(facts=facts, content_encoding="gzip", content_type="application/json")
    assert response.headers["content-encoding"] == "gzip"
    assert b"".join([*tee(response)(packed), *tee(response)(b"")]) == packed


def test_a_stream_that_is_none() -> None:
    """Nothing can be hidden in it, so it passes as it came, whatever it is packed in."""
    facts = McpFacts("listen", "free", stream=True, listens=True, shown=LIST.shown, home="/desk")
    response, _ = relayed(facts=facts, content_encoding="magic", content_type="application/json")
    assert response.headers["content-encoding"] == "magic"
    assert b"".join([*tee(response)(TOOLS), *tee(response)(b"")]) == TOOLS
