"""The fake provider does what it is told: without this, tests of faults could pass vacuously."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.upstream import REAL_KEY, Provider

pytestmark = pytest.mark.xdist_group("end_to_end_harness")

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "a b ç"}]}
STREAM = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
def direct(provider: Provider) -> Iterator[httpx.Client]:
    """A client with the real key and no gateway between."""
    headers = {"authorization": f"Bearer {REAL_KEY}"}
    with httpx.Client(base_url=f"{provider.url}/v1", headers=headers, trust_env=False) as client:
        yield client


def events(answer: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data:").strip() for line in answer.text.splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


@pytest.mark.parametrize("at", ["before_headers", "after_headers", "body", 2])
@pytest.mark.parametrize("how", ["rst", "fin"])
def test_cuts(provider: Provider, direct: httpx.Client, how: str, at: str | int) -> None:
    """A cut is a transport error at the client, and what was generated before is billed."""
    provider.script(cut={"how": how, "at": at, "mid": True})
    with pytest.raises(httpx.TransportError):
        direct.post("/chat/completions", json=CHAT if at == "body" else STREAM)
    (call,) = provider.calls()
    assert not call.complete
    assert call.output_tokens == {"body": 5, 2: 2}.get(at, 0)


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ("null", None),
        ("string", "5"),
        ("negative", -6),
        ("absurd", 10**30 + 5),
        ("overrun", 1_000_005),
        ("duplicated", 5),
        ("cumulative", 5),
    ],
)
def test_usage(provider: Provider, direct: httpx.Client, how: str, seen: Any) -> None:
    """Usage is bent alike in an event and, where it can be, in a whole answer."""
    provider.script(usage=how)
    usage = events(direct.post("/chat/completions", json=STREAM))[-1]["usage"]
    assert (usage and usage["completion_tokens"]) == seen
    usage = direct.post("/chat/completions", json=CHAT).json()["usage"]
    assert (usage and usage["completion_tokens"]) == seen


def test_missing_usage(provider: Provider, direct: httpx.Client) -> None:
    """Missing usage is absent from the last event and from a whole answer."""
    provider.script(usage="missing")
    assert "usage" not in events(direct.post("/chat/completions", json=STREAM))[-1]
    assert "usage" not in direct.post("/chat/completions", json=CHAT).json()


@pytest.mark.parametrize(
    ("how", "mark"),
    [
        ("cr", "\r\rdata: "),
        ("crlf", "\r\n\r\ndata: "),
        ("nospace", '\ndata:{"id"'),
        ("comments", ": keep-alive"),
        ("bytes", "data: [DONE]"),
        ("multiline", "\ndata:  "),
        ("long_line", "data: " + " " * 1_000_000),
        ("delta_null", '"delta": null'),
        ("junk", "data: {not json"),
        ("bom", "\ufeffdata: "),
        ("error_event", '"type": "server_error"'),
    ],
)
def test_shapes_of_events(provider: Provider, direct: httpx.Client, how: str, mark: str) -> None:
    """Each odd shape of a stream is really sent."""
    provider.script(sse=how)
    assert mark in direct.post("/chat/completions", json=STREAM).text


def test_a_stream_without_its_end(provider: Provider, direct: httpx.Client) -> None:
    """The end mark can be left out, and is there otherwise."""
    assert "[DONE]" in direct.post("/chat/completions", json=STREAM).text
    provider.script(sse="no_done")
    assert "[DONE]" not in direct.post("/chat/completions", json=STREAM).text


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_encodings(
    provider: Provider, direct: httpx.Client, encoding: str, body: dict[str, Any]
) -> None:
    """An encoded answer says so and decodes to the plain one."""
    plain = direct.post("/chat/completions", json=body)
    provider.script(encoding=encoding)
    packed = direct.post("/chat/completions", json=body)
    assert packed.headers["content-encoding"] == encoding
    assert packed.text.replace("demo000002", "demo000001") == plain.text


def test_canned_answers(provider: Provider, direct: httpx.Client) -> None:
    """Any status, header and body can be told, padded to any size."""
    provider.script(status=429, headers={"retry-after": "7"}, body="{}", body_size=100)
    answer = direct.post("/chat/completions", json=CHAT)
    assert (answer.status_code, answer.headers["retry-after"], len(answer.content)) == (
        429,
        "7",
        102,
    )


def test_a_held_answer_waits(provider: Provider, direct: httpx.Client) -> None:
    """An answer stops at the gate, goes on when released, and notes a reader that left."""
    provider.script(hold=[1])
    done: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: done.append(direct.post("/chat/completions", json=STREAM))
    )
    thread.start()
    assert provider.wait_held()[0].events == 1
    assert not done
    provider.release()
    thread.join()
    assert done[0].text.count("data: ") == 9
    with direct.stream("POST", "/chat/completions", json=STREAM) as answer:
        next(answer.iter_lines())
    provider.wait(lambda calls: calls[-1].gone, "a reader that left")
