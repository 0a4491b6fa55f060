"""AEX's pages are shown on this machine, under its own names, and nowhere else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Literal

import pytest
from flask import Flask
from mitmproxy import http
from mitmproxy.test import taddons, tflow, tutils

from aex_addon.doors import DOOR
from aex_addon.mount import Mount, may_see

OWN = frozenset(("127.0.0.1", "localhost", "::1"))
PEERS = ("127.0.0.1", "127.9.9.9", "::1")


@pytest.mark.parametrize("path", ["/dashboard", "/", "/admin", "/health/x", "/healthy", "/metrics"])
@pytest.mark.parametrize("peer", PEERS)
def test_pages_on_this_machine(path: str, peer: str) -> None:
    """A loopback client that uses one of our names sees them."""
    for host in ("127.0.0.1", "LOCALHOST", "[::1]", "::1"):
        assert may_see(path, host, OWN, peer)


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard?/health", "/health/../dashboard"])
@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("evil.example", "127.0.0.1"),
        ("127.0.0.1.evil.example", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("127.0.0.1", "192.168.1.5"),
        ("localhost", "10.0.0.1"),
        ("::1", "fe80::1%eth0"),
        ("localhost", "::ffff:8.8.8.8"),
    ],
)
def test_pages_elsewhere(path: str, host: str, peer: str) -> None:
    """A foreign name (DNS rebinding) or a client of another machine sees nothing."""
    assert not may_see(path, host, OWN, peer)
    for public in ("/health?verbose", "/health/live"):
        assert may_see(public, host, OWN, peer)
    assert not may_see("/metrics", host, OWN, peer)


class Proxyserver:
    """Stands in for mitmproxy's addon of this name."""

    def listen_addrs(self) -> list[tuple[str, int]]:
        return [("192.0.2.7", 9000)]


STARTED, GOES_ON = threading.Event(), threading.Event()


def long() -> str:
    """A page that takes as long as the test wants."""
    STARTED.set()
    assert GOES_ON.wait(30)
    return "the long page"


@pytest.fixture
def mount() -> Iterator[Mount]:
    app = Flask("pages")
    app.add_url_rule("/page", view_func=lambda: "the page", endpoint="page")
    app.add_url_rule("/long", view_func=long)
    with taddons.context(Proxyserver(), loadcore=False):
        yield Mount(app)


def asked(door: str = "web", host: str = "127.0.0.1", path: bytes = b"/page") -> http.HTTPFlow:
    flow = tflow.tflow(req=tutils.treq(method=b"GET", host=host, path=path, content=b""))
    flow.metadata[DOOR] = door
    return flow


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.7"])
async def test_a_page(mount: Mount, host: str) -> None:
    """The page of a path is the answer, under local names and the listener's own."""
    flow = asked(host=host)
    await mount.request(flow)
    assert flow.response is not None
    assert (flow.response.status_code, flow.response.content) == (200, b"the page")


@pytest.mark.parametrize(("rule", "status"), [("loopback", 421), ("token", 404)])
async def test_metrics_by_token(rule: Literal["loopback", "token"], status: int) -> None:
    """Where /metrics takes a token the application is asked, whoever scrapes, wherever from."""
    with taddons.context(Proxyserver(), loadcore=False):
        flow = asked(host="aex.internal", path=b"/metrics")
        await Mount(Flask("pages"), rule).request(flow)
    assert flow.response is not None
    assert flow.response.status_code == status


async def test_no_page(mount: Mount) -> None:
    """A foreign name gets a 421."""
    flow = asked(host="evil.example")
    await mount.request(flow)
    assert flow.response is not None
    assert flow.response.status_code == 421


async def test_a_long_page_holds_no_other_up(mount: Mount) -> None:
    """A page that takes long is waited for by whoever asked for it alone."""
    asked_first = asked(path=b"/long")
    first = asyncio.ensure_future(mount.request(asked_first))
    await asyncio.get_running_loop().run_in_executor(None, STARTED.wait, 30)
    second = asked()
    await mount.request(second)
    assert second.response is not None
    assert not first.done()
    GOES_ON.set()
    await first
    assert asked_first.response is not None
    assert asked_first.response.content == b"the long page"


@pytest.mark.parametrize("door", ["proxy", "base-url", "foreign", "misdirected"])
async def test_other_doors(mount: Mount, door: str) -> None:
    """Only what came to AEX's own address for itself is a page."""
    flow = asked(door)
    await mount.request(flow)
    assert flow.response is None


async def test_a_fault(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault while a page is made is a 500, and nothing leaves."""
    monkeypatch.setattr("aex_addon.mount.may_see", lambda *_: 1 / 0)
    flow = asked()
    await mount.request(flow)
    assert flow.response is not None
    assert flow.response.status_code == 500
