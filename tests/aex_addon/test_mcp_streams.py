"""Denials on the older transport of MCP: told on the stream that the client listens on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aex_addon.gateway import _drain
from aex_addon.tokens import mint
from ledger.admin_commands import CreateAgent
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.test_early_end import HEAD, Answering
from tests.aex_addon.wire import Answer, Client, Upstream, connected, upstream

ENDPOINT = b"event: endpoint\ndata: /messages?session_id=1\n\n"
EVENT = b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n'
POST = "/messages?session_id=1"
HOME, PROXY = "/desk", "http://mcp.example.com"
CALL = {"jsonrpc": "2.0", "id": "c1", "method": "tools/call", "params": {"name": "add"}}


@pytest.fixture
async def provider() -> AsyncIterator[Upstream]:
    async with upstream() as scripted:
        yield scripted


@pytest.fixture
async def rig(tmp_path: Path, provider: Upstream) -> AsyncIterator[Rig]:
    url = f"http://127.0.0.1:{provider.port}/sse"
    server = {"url": url, "hosts": ["mcp.example.com"], "default_usd": "5"}
    async with gateway(tmp_path / "home", provider.port, mcp={"desk": server}) as made:
        yield made


def asking(rig: Rig, method: str, target: str, body: bytes = b"") -> bytes:
    """A request at either door: below AEX's own name of the server, or as a proxy is asked."""
    credential = f"proxy-authorization: {rig.basic}"
    if target.startswith("/"):
        credential = f"host: 127.0.0.1:{rig.port}\r\nauthorization: Bearer {rig.token}"
    head = f"{method} {target} HTTP/1.1\r\n{credential}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def listening(
    rig: Rig, provider: Upstream, *pieces: bytes, at: str = HOME
) -> AsyncIterator[tuple[Client, Answering]]:
    """A client that has heard so much on its stream."""
    answering = Answering()
    provider.answers.append(answering)
    async with connected(rig.port) as client:
        await client.send(asking(rig, "GET", f"{at}/sse"))
        await answering.write(HEAD)
        assert (await client.head())[0] == 200
        for piece in pieces:
            await answering.piece(piece)
            told_at_home = piece.replace(b"/messages", b"/desk/messages")
            assert await client.chunk() == (told_at_home if at == HOME else piece)
        yield client, answering


async def post(rig: Rig, target: str = HOME + POST, document: Any = CALL) -> Answer:
    """A message on a connection of its own."""
    async with connected(rig.port) as client:
        return await client.call(asking(rig, "POST", target, json.dumps(document).encode()))


def told(chunk: bytes) -> list[Any]:
    lines = chunk.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]


async def test_a_denial_is_an_event(rig: Rig, provider: Upstream) -> None:
    """The post is accepted, and the error stands on the stream at once; nothing left."""
    async with listening(rig, provider, ENDPOINT, EVENT) as (client, answering):
        answer = await post(rig)
        assert (answer.status, answer.body) == (202, b"Accepted")
        (error,) = told(await asyncio.wait_for(client.chunk(), 10))
        assert (error["id"], error["error"]["data"]["code"]) == ("c1", "budget_exceeded")
        assert error["error"]["data"]["execution_id"] == answer.headers["x-aex-execution-id"]
        await answering.piece(EVENT)
        assert await client.chunk() == EVENT
    assert len(provider.requests) == 1


async def test_no_event_is_torn(rig: Rig, provider: Upstream) -> None:
    """In the middle of one, denials wait for its end; at the proxy door halves pass at once."""
    batch = [{**CALL, "id": 1}, {**CALL, "id": 2}]
    async with listening(rig, provider, ENDPOINT, EVENT[:20], at=PROXY) as (client, answering):
        for document in (CALL, batch):
            assert (await post(rig, PROXY + POST, document)).status == 202
        await answering.piece(EVENT[20:] + EVENT)
        came = EVENT[:20] + await asyncio.wait_for(client.chunk(), 10)
    assert came.startswith(EVENT)
    assert came.endswith(EVENT)
    assert [each.get("id") for each in told(came)] == [None, "c1", 1, 2, None]


@pytest.mark.parametrize(
    ("path", "document", "status"),
    [
        ("/desk/messages?session_id=2", CALL, 200),
        ("/desk/sse/message?session_id=1", CALL, 200),
        (HOME + POST, {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "add"}}, 400),
        (HOME + POST, [], 400),
    ],
)
async def test_another_session_is_not_told(
    rig: Rig, provider: Upstream, path: str, document: Any, status: int
) -> None:
    """Only who was told to post here is; what waits for no answer gets the status."""
    async with listening(rig, provider, ENDPOINT, EVENT) as (client, answering):
        assert (await post(rig, path, document)).status == status
        await answering.piece(EVENT)
        assert await client.chunk() == EVENT


async def test_another_payer_is_not_told(rig: Rig, provider: Upstream) -> None:
    """Nobody writes on the stream of somebody else, who may have guessed its address."""
    async with listening(rig, provider, ENDPOINT, EVENT) as (client, answering):
        token = mint()
        made = CreateAgent("other", 1, 0, 0, "test", token.token_hash, token.token_id)
        rig.assembly.store.one(made)
        answer = await post(replace(rig, token=token.secret))
        assert (answer.status, answer.json["error"]["data"]["status"]) == (200, 402)
        await answering.piece(EVENT)
        assert await client.chunk() == EVENT


async def test_a_stop_does_not_wait_for_a_stream(tmp_path: Path, provider: Upstream) -> None:
    """It goes on until its client leaves, so it is ended, and booked like any other."""
    server = {"url": f"http://127.0.0.1:{provider.port}/sse"}
    changes: dict[str, Any] = {"mcp": {"desk": server}, "drain_seconds": 3600}
    async with gateway(tmp_path / "home", provider.port, **changes) as rig:
        async with listening(rig, provider, ENDPOINT):
            await _drain(rig.master, rig.pipeline, rig.assembly)
        (row,) = rig.executions()
    assert (row.endpoint, row.state, row.actual_nanousd) == ("listen", "COMMITTED", 0)
