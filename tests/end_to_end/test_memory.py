"""Whatever is sent, little of it is held: the gateway's memory grows by no more than its limits."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.aex_addon.sending import packed
from tests.end_to_end.books import rows, settled
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT, CHAT_PATH, STREAM
from tests.end_to_end.raw_provider import RawProvider, raw_provider

pytestmark = [
    pytest.mark.xdist_group("end_to_end_memory"),
    pytest.mark.skipif(
        sys.platform != "linux", reason="peaks of other processes are told by Linux"
    ),
]

MIB = 2**20
ENCODINGS = ("gzip", "deflate", "br", "zstd")
BODY_LIMIT = 32 * MIB
# A read of 64 KiB may unpack to 8 MiB, which is copied on its way.
BURST = 32 * MIB
# All that is kept of an answer to read it.
CAPTURE = 64 * MIB
# A gateway that has served all of this.
RESIDENT = 200 * MIB


@pytest.fixture(scope="module")
def raw() -> Iterator[RawProvider]:
    with raw_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(raw: RawProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(tmp_path_factory.mktemp("memory") / "home", raw.url).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def agent(gateway: Gateway) -> Agent:
    return gateway.create_agent("5000")


@pytest.fixture
def client(gateway: Gateway, agent: Agent) -> Iterator[httpx.Client]:
    """Afterwards each call has its end."""
    headers = {"authorization": f"Bearer {agent.token}", "content-type": "application/json"}
    url = f"{gateway.url}/v1"
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as made:
        yield made
    settled(gateway, agent, len(rows(gateway, agent)))


def resident(gateway: Gateway, what: str) -> int:
    """Bytes in memory: now (`VmRSS`), or at the most (`VmHWM`)."""
    assert gateway.child is not None
    status = Path(f"/proc/{gateway.child.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(what)]
    return int(line.split()[1]) * 1024


def growth(gateway: Gateway, work: Callable[[], Any]) -> int:
    """How much more was in memory at some time of the work than before it."""
    assert gateway.child is not None
    Path(f"/proc/{gateway.child.process.pid}/clear_refs").write_text("5")
    before = resident(gateway, "VmRSS")
    work()
    assert resident(gateway, "VmRSS") < RESIDENT
    return resident(gateway, "VmHWM") - before


def head(content_type: str, **headers: object) -> bytes:
    fields = {"content-type": content_type, **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


def received(client: httpx.Client, body: object, **headers: str) -> bytes:
    """The answer's bytes as they came; of many, the first."""
    data = bytearray()
    with client.stream("POST", CHAT_PATH, json=body, headers=headers) as answer:
        for piece in answer.iter_raw():
            data += piece if len(data) < MIB else b""
    return bytes(data)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_as_a_request(client: httpx.Client, gateway: Gateway, encoding: str) -> None:
    """256 MiB in a few kilobytes: a 413, at the cost of the limit on bodies."""
    bomb = packed(encoding, 256 * MIB)
    headers = {"content-encoding": encoding}

    def send() -> None:
        answer = client.post(CHAT_PATH, content=bomb, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")

    assert growth(gateway, send) < BODY_LIMIT + BURST


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_as_an_answer(
    client: httpx.Client, gateway: Gateway, raw: RawProvider, encoding: str
) -> None:
    """It passes as it came, unread, at next to no cost."""
    bomb = packed(encoding, 256 * MIB)
    fields = {"content_encoding": encoding, "content_length": len(bomb)}
    raw.answer = lambda: (head("application/json", **fields), bomb)

    def ask() -> None:
        assert received(client, CHAT, **{"accept-encoding": encoding}) == bomb

    assert growth(gateway, ask) < BURST


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_as_a_stream(
    client: httpx.Client, gateway: Gateway, raw: RawProvider, encoding: str
) -> None:
    """Its encoding was to be taken off and cannot be: the stream ends with an error."""
    bomb = packed(encoding, 256 * MIB)
    fields = {"content_encoding": encoding, "content_length": len(bomb)}
    raw.answer = lambda: (head("text/event-stream", **fields), bomb)

    def ask() -> None:
        assert b"answer_unreadable" in received(client, STREAM)

    assert growth(gateway, ask) < BURST


@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_a_huge_answer(
    client: httpx.Client, gateway: Gateway, raw: RawProvider, body: object
) -> None:
    """256 MiB pass through; no more of them is kept than a meter may keep."""
    pieces = 4096

    def answer() -> Iterable[bytes]:
        yield head("application/json", content_length=pieces * 2**16)
        piece = b" " * 2**16
        for _ in range(pieces):
            yield piece

    raw.answer = answer
    assert growth(gateway, lambda: received(client, body)) < CAPTURE + BURST


def push(port: int, first: bytes, piece: bytes, total: int) -> None:
    """Sends so much, or as much as is taken."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(first)
        # Not how long a gateway may take: only how soon a test gives up that one waits.
        connection.settimeout(1)
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(total // len(piece)):
                connection.sendall(piece)


@pytest.mark.parametrize("kind", ["requests", "head"])
def test_more_than_was_asked_for(
    client: httpx.Client, gateway: Gateway, agent: Agent, raw: RawProvider, kind: str
) -> None:
    """256 MiB on a connection whose call is under way, and as the head of a request: what cannot
    go on is not read, or refused; afterwards all is as ever."""
    body, answer = json.dumps(CHAT).encode(), threading.Event()
    lines = [f"POST /v1{CHAT_PATH} HTTP/1.1", "host: x", f"authorization: Bearer {agent.token}"]
    if kind == "requests":
        lines += [f"content-length: {len(body)}", "", body.decode()]
    first = "\r\n".join(lines).encode()

    def late() -> Iterable[bytes]:
        answer.wait()
        yield head("application/json", content_length=2) + b"{}"

    raw.answer = late
    piece = b"x" * 2**16
    assert growth(gateway, lambda: push(gateway.port, first, piece, 256 * MIB)) < BURST
    answer.set()
    assert received(client, CHAT) == b"{}"
