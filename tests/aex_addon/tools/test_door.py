"""A tool with the network reaches the gateway's proxy, and nothing else of the machine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aex_addon.tools import door as module
from aex_addon.tools import sandbox
from aex_addon.tools.door import Coming, Door, environment, opened
from aex_addon.tools.run import run
from tests.aex_addon.tools.hostile import manifest

FETCH = """
import os, socket, urllib.request
print(urllib.request.urlopen("http://example.test/page").read().decode())
for port in (GATEWAY, 80):
    try: socket.create_connection(("127.0.0.1", port), 2)
    except OSError as error: print(type(error).__name__)
print(open(os.environ["SSL_CERT_FILE"]).read())
"""


@contextlib.asynccontextmanager
async def gateway() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A proxy that answers one request a connection, and what it was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nseen")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


@contextlib.contextmanager
def nobody(_: tuple[str, int]) -> Iterator[None]:
    yield


def door(port: int, tmp_path: Path, coming: Coming = nobody) -> Door:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("the roots")
    return Door("127.0.0.1", port, "shop", "aex_token", bundle, coming)


@pytest.mark.skipif(bool(sandbox.unavailable()), reason=sandbox.unavailable() or "")
async def test_the_proxy_is_the_only_way(tmp_path: Path) -> None:
    """Asked with the agent's token; the gateway's own port on the machine stays out of reach."""
    package = tmp_path / "main.py"
    async with gateway() as (port, asked):
        package.write_text(FETCH.replace("GATEWAY", str(port)))
        ours = manifest(package, network="full", env={"HTTP_PROXY": "http://192.0.2.1:1"})
        ran = await run(ours, package, b"", private=(), door=door(port, tmp_path))
    refused = "ConnectionRefusedError\n" * 2
    assert ran.output.decode() == f"seen\n{refused}the roots\n", ran.errors
    (request,) = asked
    assert request.startswith(b"GET http://example.test/page HTTP/1.1\r\n")
    (credential,) = re.findall(rb"(?i)proxy-authorization: basic (.*)\r\n", request)
    assert base64.b64decode(credential) == b"shop:aex_token"


@pytest.mark.skipif(bool(sandbox.unavailable()), reason=sandbox.unavailable() or "")
async def test_a_tool_without_the_network_has_no_door(tmp_path: Path) -> None:
    """Even where there is one to hand."""
    package = tmp_path / "main.py"
    package.write_text(
        "import os, socket\nprint('HTTP_PROXY' in os.environ)\n"
        "try: socket.create_connection(('127.0.0.1', 8080), 2)\n"
        "except OSError as error: print(type(error).__name__)\n"
    )
    async with gateway() as (port, asked):
        ran = await run(manifest(package), package, b"", private=(), door=door(port, tmp_path))
    assert (ran.output, asked) == (b"False\nConnectionRefusedError\n", [])


def test_the_token_is_shown_to_nobody_else(tmp_path: Path) -> None:
    """Programs find proxy and roots by the names that they know; no log holds the token."""
    found = environment(door(1, tmp_path))
    assert found["HTTPS_PROXY"] == "http://shop:aex_token@127.0.0.1:8080"
    assert found["SSL_CERT_FILE"] == "/aex/ca-bundle.pem"
    assert "aex_token" not in repr(door(1, tmp_path))
    assert not any("API_KEY" in name for name in found)


async def test_joined_connections_end_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than so many at once, and none afterwards."""
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 1)
    async with gateway() as (port, _):
        inner = socket.create_server(("127.0.0.1", 0))
        address = inner.getsockname()
        async with opened([inner], door(port, tmp_path)):
            first, held = await asyncio.open_connection(*address)
            held.write(b"GET / HTTP/1.1\r\n")
            second, other = await asyncio.open_connection(*address)
            assert await second.read() == b""
            assert not first.at_eof()
        assert await first.read() == b""
        for each in (held, other):
            each.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)


async def test_the_gateway_is_told_of_a_connection_before_it_is_made(tmp_path: Path) -> None:
    """By the end that it comes from; and where none comes after all, it hears of that."""
    said: list[object] = []

    @contextlib.contextmanager
    def coming(source: tuple[str, int]) -> Iterator[None]:
        said.append(source)
        try:
            yield
        except OSError:
            said.append("none")
            raise

    def arrive(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(writer.get_extra_info("peername"))
        writer.close()

    async def knock(port: int) -> None:
        inner = socket.create_server(("127.0.0.1", 0))
        async with opened([inner], door(port, tmp_path, coming)):
            reader, writer = await asyncio.open_connection(*inner.getsockname())
            assert await reader.read() == b""
            writer.close()

    async with await asyncio.start_server(arrive, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await knock(port)
    await knock(port)
    source, arrived, _, ended = said
    assert (source, ended) == (arrived, "none")


async def test_a_gateway_that_is_gone(tmp_path: Path) -> None:
    """The connection breaks; nothing waits."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    inner = socket.create_server(("127.0.0.1", 0))
    async with opened([inner], door(port, tmp_path)):
        reader, writer = await asyncio.open_connection(*inner.getsockname())
        assert await reader.read() == b""
        writer.close()
