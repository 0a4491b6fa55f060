"""No stream of HTTP/2 sends more than can go on, and none waits for ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aex_addon import http2_credit
from aex_addon.http2_credit import FROM_CLIENT, FROM_PROVIDER, unfinished, untaken
from tests.aex_addon.http2_client import http2_client
from tests.aex_addon.http2_provider import Provider, Stream, http2_provider
from tests.aex_addon.rig import CHAT, Rig, gateway
from tests.aex_addon.wire import ANSWER, Upstream

KIB, MIB = 2**10, 2**20


class Bodies:
    """The most that was collected of unfinished requests at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, unfinished_max: int) -> None:
        self.most = 0
        monkeypatch.setattr(http2_credit, "UNFINISHED_MAX", unfinished_max)
        monkeypatch.setattr(http2_credit, "unfinished", self._unfinished)

    def _unfinished(self, streams: Mapping[int, Any], stream_id: int) -> bool:
        sizes = [len(stream.request_body_buf) for stream in streams.values()]
        self.most = max(self.most, sum(sizes))
        return unfinished(streams, stream_id)


async def test_many_bodies_at_once(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come in one after the other, as far as all together are too large; none is lost."""
    count, size = 16, 768 * KIB
    bodies = Bodies(monkeypatch, MIB)
    body = json.dumps(CHAT).encode().ljust(size)
    for _ in range(count):
        provider.json()
    async with http2_client(rig) as client:
        streams = [await client.head() for _ in range(count)]
        assert client.http2.local_flow_control_window(streams[0]) == FROM_CLIENT
        async with asyncio.timeout(20):
            await asyncio.gather(*[client.data(each, body, end=True) for each in streams])
        for each in streams:
            assert await client.answered(each) == (200, ANSWER)
    assert MIB < bodies.most <= MIB + size + count * FROM_CLIENT < count * size / 2
    assert [row.state for row in rig.executions()] == ["COMMITTED"] * count
    assert {request.partition(b"\r\n\r\n")[2] for request in provider.requests} == {
        provider.requests[0].partition(b"\r\n\r\n")[2]
    }


async def test_a_body_that_never_ends(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is too large by itself, or its stream is given up, the others come in."""
    bodies = Bodies(monkeypatch, 256 * KIB)
    provider.json()
    async with http2_client(rig) as client:
        first, second = await client.head(), await client.head()
        third = await client.head()
        await client.data(first, b" " * 512 * KIB)
        await client.data(second, b" " * 200 * KIB)
        client.http2.reset_stream(second)
        await client.flush()
        asking = asyncio.ensure_future(
            client.data(third, json.dumps(CHAT).encode().ljust(512 * KIB), end=True)
        )
        await client.data(first, b" " * 600 * KIB)
        assert (await client.answered(first))[0] == 413
        await asyncio.wait_for(asking, 20)
        assert await client.answered(third) == (200, ANSWER)
    assert bodies.most < 2 * MIB


@asynccontextmanager
async def facing(folder: Path) -> AsyncIterator[tuple[Rig, Provider]]:
    """A gateway before a provider that speaks HTTP/2."""
    async with http2_provider() as provider:
        upstream = f"https://localhost:{provider.port}"
        providers = {"openai": {"upstream": upstream, "api_key_env": "OPENAI_API_KEY"}}
        async with gateway(folder / "home", 0, providers=providers) as rig:
            rig.master.options.update(ssl_verify_upstream_trusted_ca=provider.trust(folder))
            yield rig, provider


async def test_an_answer_that_is_not_taken(tmp_path: Path) -> None:
    """The provider may send a window of it and no more, while its other streams go on; once it is
    taken, the rest may come."""
    windows: list[int] = []
    first: list[Stream] = []

    def window() -> int:
        return first[0].http2.local_flow_control_window(first[0].id)

    async def flood(stream: Stream) -> None:
        first.append(stream)
        await stream.head("application/json")
        while window():
            await stream.data(b" " * min(window(), stream.http2.max_outbound_frame_size))

    async def short(stream: Stream) -> None:
        windows.append(window())
        await stream.head("application/json")
        await stream.data(ANSWER, end=True)

    async def rest(stream: Stream) -> None:
        await short(stream)
        await first[0].data(ANSWER, end=True)

    async with facing(tmp_path) as (rig, provider):
        provider.acts += [flood, short, rest]
        async with http2_client(rig) as client:
            slow = await client.ask(CHAT)
            while len(client.bodies.get(slow, b"")) < 65535:
                async with client.news:
                    await client.news.wait()
            assert await client.answered(await client.ask(CHAT)) == (200, ANSWER)
            await client.take(slow)
            while len(client.bodies[slow]) < FROM_PROVIDER:
                async with client.news:
                    await client.news.wait()
            assert await client.answered(await client.ask(CHAT)) == (200, ANSWER)
            status, body = await client.answered(slow)
        assert [row.state for row in rig.executions()] == ["COMMITTED"] * 3
    assert (status, body) == (200, b" " * FROM_PROVIDER + ANSWER)
    assert windows[0] == 0
    assert windows[1] > 0


async def test_streams_that_are_over_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many calls a connection to a provider has had; the one under way is none of them."""
    monkeypatch.setattr(http2_credit, "TIDY_EACH", 4)
    sizes: list[int] = []
    real = http2_credit.CreditedClient._tidy

    def tidy(client: http2_credit.CreditedClient) -> None:
        sizes.append(len(client.our_stream_id))
        real(client)
        assert client.our_stream_id.keys() == set(client.their_stream_id.values())

    monkeypatch.setattr(http2_credit.CreditedClient, "_tidy", tidy)
    first: list[Stream] = []

    async def begin(stream: Stream) -> None:
        first.append(stream)
        await stream.head("application/json")

    async def whole(stream: Stream) -> None:
        await stream.head("application/json")
        await stream.data(ANSWER, end=True)

    async def last(stream: Stream) -> None:
        await whole(stream)
        await first[0].data(ANSWER, end=True)

    async with facing(tmp_path) as (rig, provider):
        provider.acts += [begin, *[whole] * 20, last]
        async with http2_client(rig) as client:
            long = await client.ask(CHAT)
            for _ in range(21):
                assert await client.answered(await client.ask(CHAT)) == (200, ANSWER)
            assert await client.answered(long) == (200, ANSWER)
        assert [row.state for row in rig.executions()] == ["COMMITTED"] * 22
    assert len(sizes) >= 3
    assert max(sizes) <= 8


def streams(**sizes: int) -> dict[int, Any]:
    return {
        number: SimpleNamespace(request_body_buf=b"x" * size)
        for number, size in enumerate(sizes.values())
    }


def test_the_oldest_body_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit it alone comes in; up to it, all do; what has been read whole is no body."""
    monkeypatch.setattr(http2_credit, "UNFINISHED_MAX", 10)
    assert not any(unfinished(streams(a=5, b=5), each) for each in (0, 1, 7))
    held = streams(done=0, oldest=6, other=5)
    assert [unfinished(held, each) for each in (1, 2, 7)] == [False, True, True]


def test_a_stream_that_is_over_holds_nothing() -> None:
    """What is owed to it is given back."""
    assert not untaken(None)
