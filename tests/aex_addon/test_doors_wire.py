"""The doors over real sockets: what reaches the provider was metered, what is foreign passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aex_addon.doors import Doors
from tests.aex_addon.names import resolver
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.wire import Upstream, connected

MIB = 2**20
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def elsewhere(serve: Serve) -> AsyncIterator[int]:
    """A host that no provider lists; its port."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, limit=2**20)
    yield int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()


def get(target: str, host: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode()


PATHS = [
    *("/v1/../admin", "/v1/chat/completions/", "/v1//chat/completions", "//v1/chat/completions"),
    *("/v1%2fchat/completions", "/v1/chat%2fcompletions", "/v1;x/chat/completions"),
    *("/v1/chat/completions;x", "/V1/chat/completions", "/v1/models/../chat/completions"),
    *("/v1/chat/completions%00", "/v1/\xff", "/v1", "/openai/v1/../../v1/chat/completions"),
    *("/v1/files/..%2f..%2fchat%2fcompletions", "/.well-known/x", "/openai/chat/completions"),
]


@pytest.mark.parametrize("path", PATHS)
async def test_paths_that_are_not_exact(rig: Rig, provider: Upstream, path: str) -> None:
    """At the base-URL door they are refused or not found, and never passed on."""
    request = rig.request("PATH").replace(b"PATH", path.encode("latin-1"))
    async with connected(rig.port) as client:
        answer = await client.call(request)
    assert answer.status in (400, 403, 404)
    assert answer.code in ("not_metered", "no_such_page", "invalid_path")
    assert provider.requests == []
    assert {row.state for row in rig.executions()} <= {"DENIED"}


async def test_a_whole_url(rig: Rig, provider: Upstream) -> None:
    """A provider's URL is governed at the proxy door, credential out and key in."""
    provider.json()
    request = rig.request("http://api.openai.com/v1/chat/completions", host="api.openai.com")
    header = f"proxy-authorization: {rig.basic}\r\n".encode()
    async with connected(rig.port) as client:
        answer = await client.call(request.replace(b"authorization", b"x-other", 1))
        assert answer.status == 401
        answer = await client.call(request.replace(b"content-length", header + b"content-length"))
    assert answer.status == 200
    assert [row.door for row in rig.executions()] == ["proxy"]
    (sent,) = provider.requests
    assert sent.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert rig.token.encode() not in sent
    assert b"proxy-authorization" not in sent.lower()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0", "0x7f000001"])
@pytest.mark.parametrize("path", ["/health", "/dashboard", "/v1/models"])
async def test_aex_through_itself(rig: Rig, host: str, path: str) -> None:
    """Its own address is not served through the proxy, under whatever name it is asked for."""
    lines = [f"Proxy-Authorization: {rig.basic}"]
    async with connected(rig.port) as client:
        await client.send(get(f"http://{host}:{rig.port}{path}", f"{host}:{rig.port}", *lines))
        answer = await client.answer()
        assert (answer.status, answer.code) == (421, "misdirected_request")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1"])
async def test_a_tunnel_to_aex_itself(rig: Rig, host: str) -> None:
    """Nor through a tunnel: what is not refused at CONNECT is refused inside."""
    async with connected(rig.port) as client:
        if await client.tunnel(f"{host}:{rig.port}", rig.basic) == 200:
            await client.send(get("/dashboard", f"127.0.0.1:{rig.port}"))
            assert (await client.answer()).status == 421


async def test_the_pages(rig: Rig) -> None:
    """Asked directly they are there; under a foreign name only /health is."""
    own, foreign = f"127.0.0.1:{rig.port}", "rebound.example"
    expected = {
        (own, "/health"): 200,
        (own, "/dashboard"): 401,
        (own, "/static/aex.css"): 200,
        (own, "/nothing"): 404,
        (foreign, "/health"): 200,
        (foreign, "/dashboard"): 421,
        (foreign, "/static/aex.css"): 421,
    }
    async with connected(rig.port) as client:
        for (host, path), status in expected.items():
            assert (await client.call(get(path, host))).status == status, (host, path)


async def test_a_foreign_tunnel(rig: Rig) -> None:
    """Its bytes go both ways untouched, whatever they look like, and no row is written."""
    seen: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readexactly(10))
        writer.write(b"\x15\x03\x03bytes")

    for said in (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"HELO thou\n", b"\x00" * 10):
        async with elsewhere(echo) as port, connected(rig.port) as client:
            assert await client.tunnel(f"127.0.0.1:{port}") == 200
            await client.send(said)
            assert await client.reader.read() == b"\x15\x03\x03bytes"
            assert seen.pop() == said
    assert rig.executions() == []


async def test_foreign_bodies_have_no_limit(rig: Rig) -> None:
    """Plain HTTP to an unlisted host passes in any size, as it comes, without our credential."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(3 * MIB)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (3 * MIB))
        writer.write(b"y" * 3 * MIB)
        await writer.drain()

    async with elsewhere(serve) as port, connected(rig.port) as client:
        lines = [f"Proxy-Authorization: {rig.basic}", f"Content-Length: {3 * MIB}"]
        head = get(f"http://127.0.0.1:{port}/file", f"127.0.0.1:{port}", *lines)
        answer = await client.call(head.replace(b"GET", b"PUT") + b"x" * 3 * MIB)
    assert (answer.status, answer.body) == (200, b"y" * 3 * MIB)
    assert heads[0].startswith(b"PUT /file HTTP/1.1\r\n")
    assert b"proxy-authorization" not in heads[0].lower()


@pytest.mark.parametrize(
    ("sni", "host", "status"),
    [
        ("api.openai.com", "api.openai.com", 200),
        ("api.openai.com", "API.openai.com.:443", 200),
        ("api.openai.com", "evil.example", 421),
        ("api.openai.com", "127.0.0.1", 421),
    ],
)
async def test_names_inside_a_tunnel(
    rig: Rig, provider: Upstream, sni: str, host: str, status: int
) -> None:
    """Host must name what the tunnel leads to."""
    provider.json()
    async with connected(rig.port) as client:
        assert await client.tunnel("api.openai.com:443", rig.basic) == 200
        await client.start_tls(rig.trust(), sni)
        assert (await client.call(rig.request(host=host))).status == status
    assert len(provider.requests) == (status == 200)


async def test_another_sni(rig: Rig, provider: Upstream) -> None:
    """SNI must name it too; the CA could not even speak for another name."""
    context = rig.trust()
    context.check_hostname, context.verify_mode = False, 0  # type: ignore[assignment]
    async with connected(rig.port) as client:
        assert await client.tunnel("api.openai.com:443", rig.basic) == 200
        await client.start_tls(context, "evil.example")
        assert (await client.call(rig.request(host="api.openai.com"))).status == 421
    assert provider.requests == []


async def test_whole_urls_inside_a_tunnel(rig: Rig, provider: Upstream) -> None:
    """A request line that names another host moves the call nowhere."""
    provider.json()
    async with connected(rig.port) as client:
        assert await client.tunnel("api.openai.com:443", rig.basic) == 200
        await client.start_tls(rig.trust(), "api.openai.com")
        target = "https://evil.example/v1/chat/completions"
        answer = await client.call(rig.request(target, host="api.openai.com"))
    assert answer.status == 200
    assert provider.requests[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert f"127.0.0.1:{provider.port}".encode() in provider.requests[0]


async def test_a_foreign_tunnel_that_was_missed(
    tmp_path: Path, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the choice of a layer fail, an unlisted host is closed, not opened and passed."""

    def fail(*_: Any) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(Doors, "next_layer", fail)
    resolver(monkeypatch).lead("unlisted.example", ["203.0.114.1"])
    async with gateway(tmp_path / "home", provider.port) as rig, connected(rig.port) as client:
        assert await client.tunnel("unlisted.example:80", rig.basic) == 200
        answer = await client.call(get("/v1/models", "unlisted.example"))
        assert (answer.status, rig.executions(), provider.requests) == (421, [], [])
