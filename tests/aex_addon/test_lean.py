"""What is left out around mitmproxy's hooks changes nothing that can be seen of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.proxy.layers.http import HttpRequestHook
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import TimeoutWatchdog
from mitmproxy.test import tflow

from aex_addon.doors import DOOR
from aex_addon.guard import PASSED
from aex_addon.lean import Lean, LeanHandler
from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import Upstream, connected


def passed() -> http.HTTPFlow:
    """A flow that no part of AEX has anything to do with."""
    flow = tflow.tflow()
    flow.metadata.update({DOOR: "foreign", PASSED: True})
    flow.live = False
    return flow


def handler_of(rig: Rig) -> Any:
    """The handler of the one client that is connected."""
    (found,) = rig.master.addons.get("proxyserver").connections.values()
    return found


async def test_every_client_gets_it(rig: Rig, provider: Upstream) -> None:
    """From its first hook on, and the call goes as ever."""
    provider.json()
    async with connected(rig.port) as client:
        assert (await client.call(rig.request())).status == 200
        assert type(handler_of(rig)) is LeanHandler


@pytest.mark.parametrize("kind", [ProxyConnectionHandler, LeanHandler])
async def test_while_a_hook_runs_no_client_is_idle(
    rig: Rig, provider: Upstream, kind: type[ProxyConnectionHandler]
) -> None:
    """Also where hooks overlap; afterwards the clock starts anew, under either handler."""
    provider.json()
    flow, begun, go_on = passed(), asyncio.Event(), asyncio.Event()

    class Slow:
        def request(self, heard: http.HTTPFlow) -> Any:
            if heard is not flow:
                return None
            begun.set()
            return go_on.wait()

    rig.master.addons.add(Slow())
    async with connected(rig.port) as client:
        assert (await client.call(rig.request())).status == 200
        handler = handler_of(rig)
        handler.__class__ = kind
        watchdog = handler.timeout_watchdog
        running = [
            asyncio.ensure_future(handler.handle_hook(HttpRequestHook(flow))) for _ in range(2)
        ]
        await begun.wait()
        assert (watchdog.can_timeout.is_set(), watchdog.blocker) == (False, 2)
        before = watchdog.last_activity
        go_on.set()
        await asyncio.gather(*running)
        assert (watchdog.can_timeout.is_set(), watchdog.blocker) == (True, 0)
        assert watchdog.last_activity >= before


async def test_an_intercepted_flow_waits(rig: Rig, provider: Upstream) -> None:
    """As long as it is held back, so is its hook."""
    provider.json()
    flow = passed()
    async with connected(rig.port) as client:
        assert (await client.call(rig.request())).status == 200
        handler = handler_of(rig)
        handler.__class__ = LeanHandler
        flow.intercept()
        running = asyncio.ensure_future(handler.handle_hook(HttpRequestHook(flow)))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not running.done()
        flow.resume()
        await running


def test_messages_are_made_as_ever() -> None:
    """Those that a gateway makes are what they were; the check of types is gone."""
    made = http.Response.make(200, b"x", {"a": "b"})
    assert (made.status_code, made.raw_content, made.headers["a"]) == (200, b"x", "b")


@pytest.mark.parametrize("seam", ["handle_hook", "disarm"])
async def test_another_mitmproxy_is_left_as_it_is(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch, seam: str
) -> None:
    """Where its own code is not the one that is known, calls go through that."""
    owner = ProxyConnectionHandler if seam == "handle_hook" else TimeoutWatchdog
    usual, ran = getattr(owner, seam), []

    def newer(self: Any, *arguments: Any) -> Any:
        ran.append(seam)
        return usual(self, *arguments)

    rig.master.addons.remove(rig.master.addons.get("lean"))
    with monkeypatch.context() as patched:
        patched.setattr(owner, seam, newer)
        if owner is TimeoutWatchdog:
            patched.setattr("aex_addon.lean._WATCHDOG", "of another text")
        rig.master.addons.add(Lean())
        provider.json()
        async with connected(rig.port) as client:
            assert (await client.call(rig.request())).status == 200
            assert type(handler_of(rig)) is ProxyConnectionHandler
    assert ran


def test_another_check_of_messages_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a later mitmproxy does as it makes a message is not taken from it."""

    def newer(_message: http.MessageData) -> None:
        """Something that nobody knows yet."""

    monkeypatch.setattr(http.MessageData, "__post_init__", newer)
    Lean()
    assert http.MessageData.__post_init__ is newer
