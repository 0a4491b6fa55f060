"""The list of addons is closed: whatever raises in it, nothing leaves unadmitted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.test import tflow

from aex_addon import addons as addons_module
from aex_addon import bulks, calls, denials
from aex_addon.admission import Admission
from aex_addon.assembly import Assembly, assemble
from aex_addon.books import Books
from aex_addon.destinations import Destinations
from aex_addon.doors import Doors
from aex_addon.egress import Egress
from aex_addon.gate import Gate
from aex_addon.guard import ADMITTED, PASSED
from aex_addon.home import Home
from aex_addon.identity import Identity
from aex_addon.inflight import InFlight
from aex_addon.pipeline import Pipeline
from ledger.errors import LedgerBusy, LedgerUnavailable
from providers.openai_chat import OPENAI_CHAT
from tests.aex_addon.rig import Rig, gateway, settings_for
from tests.aex_addon.wire import Client, Upstream, connected

BEFORE_DISPATCH = ("requestheaders", "request")

# Where a surprise can come from, stage by stage: what raises, and what the client sees then.
STAGES: list[tuple[str, object, str]] = [
    ("doors", Doors, "requestheaders"),
    ("doors: where it belongs", Doors, "_arrival"),
    ("identity", Identity, "of"),
    ("read: the call", calls, "read_call"),
    ("read: the facts", bulks, "appraise"),
    ("read: the format", OPENAI_CHAT.__class__, "read"),
    ("admit: the command", Admission, "command"),
    ("admit: the fingerprint", calls, "fingerprint"),
    ("admit: the ledger", Books, "admit"),
    ("dispatch: the format", OPENAI_CHAT.__class__, "patch"),
    ("dispatch: the address", calls, "send_upstream"),
    ("dispatch: the destination", Destinations, "allow"),
    ("dispatch: the cap", InFlight, "grant"),
]


@pytest.fixture
async def assembly(tmp_path: Path) -> AsyncIterator[Assembly]:
    loop = asyncio.get_running_loop()
    made = assemble(Home(tmp_path / "home"), settings_for(9), {}, loop)
    yield made
    made.close()


async def test_every_hook_before_dispatch_is_guarded(assembly: Assembly) -> None:
    """Each is wrapped, or only marks what the gate asks for; and the gate is the last."""
    listed = addons_module.default_addons(assembly)
    assert isinstance(listed[-1], Gate)
    assert [type(each) for each in listed[:2]] == [Egress, Destinations]
    for addon in listed[:-1]:
        for hook in filter(None, (getattr(addon, name, None) for name in BEFORE_DISPATCH)):
            wrapped = hasattr(hook, "__wrapped__")
            assert wrapped or (isinstance(addon, Doors) and hook.__name__ == "requestheaders")


async def test_the_marks_are_set_in_one_place(assembly: Assembly) -> None:
    """No part but the pipeline opens the gate."""
    sources = Path(addons_module.__file__).parent.glob("*.py")
    opening = [
        path.name
        for path in sources
        if any(f"[{mark}] = " in path.read_text() for mark in ("ADMITTED", "PASSED"))
    ]
    assert opening == ["pipeline.py"]
    assert (ADMITTED, PASSED) == ("aex.admitted", "aex.passed")


async def test_the_options(rig: Rig) -> None:
    """They are mitmproxy's own, are in force, and close what would let bytes past the pipeline."""
    options = addons_module.options(rig.assembly)
    assert {name: getattr(rig.master.options, name) for name in options} == options
    assert options["connection_strategy"] == "lazy"
    assert options["body_size_limit"] == "1m"
    assert options["stream_large_bodies"] is None
    assert not options["rawtcp"]
    assert not options["upstream_cert"]
    assert options["validate_inbound_headers"]


def failing(*_: Any, **__: Any) -> Any:
    raise RuntimeError("surprise")


@pytest.mark.parametrize(
    ("owner", "name"), [stage[1:] for stage in STAGES], ids=[s[0] for s in STAGES]
)
async def test_a_surprise_in_any_stage(
    tmp_path: Path,
    provider: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
) -> None:
    """The client gets a 503 in its provider's shape, the provider nothing, the reserve back."""
    provider.json()
    async with gateway(tmp_path / "home", provider.port) as rig:
        async with connected(rig.port) as client:
            monkeypatch.setattr(owner, name, failing)
            answer = await client.call(rig.request())
            assert (answer.status, answer.code) == (503, "gateway_unavailable")
            assert answer.headers["x-should-retry"] == "true"
            assert provider.requests == []
            monkeypatch.undo()
            if owner is not Doors:  # whose hooks the gateway has looked up for good
                assert (await client.call(rig.request())).status == 200
        assert not any(row.state == "DISPATCHED" for row in rig.executions())
        assert rig.agent().reserved_nanousd == 0


@pytest.mark.parametrize("error", [LedgerBusy("locked"), LedgerUnavailable("no disk")])
async def test_a_ledger_that_does_not_answer(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Nothing is sent without a durable reserve."""

    async def refuse(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(Books, "admit", refuse)
    async with connected(rig.port) as client:
        answer = await client.call(rig.request())
    assert (answer.status, answer.code) == (503, "gateway_unavailable")
    assert "ledger" in answer.json["error"]["message"]
    assert provider.requests == []


async def test_a_surprise_in_a_denial(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A denial that cannot be put in words is still none that leaves."""
    monkeypatch.setattr(denials, "explain", failing)
    async with connected(rig.port) as client:
        answer = await client.call(rig.request("/v1/videos"))
    assert (answer.status, provider.requests) == (503, [])


async def through_a_tunnel(rig: Rig) -> bytes:
    async with connected(rig.port) as client:
        if await client.tunnel("api.openai.com:443", rig.basic) != 200:
            return b""
        try:
            await client.start_tls(rig.trust(), "api.openai.com")
            await client.send(rig.request(host="api.openai.com"))
            return await client.reader.read(2000)
        except (OSError, asyncio.IncompleteReadError):
            return b""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Doors, "http_connect"),
        (Doors, "next_layer"),
        (Identity, "http_connect"),
        (Destinations, "server_connect"),
    ],
)
async def test_a_surprise_around_a_tunnel(
    tmp_path: Path,
    provider: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    owner: type[Any],
    name: str,
) -> None:
    """A governed host is governed or closed, whatever fails while its tunnel is opened."""
    provider.json()
    monkeypatch.setattr(owner, name, failing)
    async with gateway(tmp_path / "home", provider.port) as rig:
        seen = await through_a_tunnel(rig)
        governed = [row for row in rig.executions() if row.state == "COMMITTED"]
    assert len(provider.requests) == len(governed)
    assert seen == b"" or b"HTTP/1.1 4" in seen or governed


async def test_that_tunnel_without_a_surprise(rig: Rig, provider: Upstream) -> None:
    """The same call, with nothing failing, is answered and settled."""
    provider.json()
    assert b"200 Scripted" in await through_a_tunnel(rig)
    assert [(row.door, row.state) for row in rig.executions()] == [("proxy", "COMMITTED")]


@pytest.mark.parametrize("name", ["responseheaders", "response", "error"])
async def test_a_surprise_after_dispatch(name: str) -> None:
    """These hooks never raise either: the client is served."""
    hook: Callable[..., Any] = getattr(Pipeline, name)
    broken = tflow.tflow(resp=True)
    answer = broken.response
    await hook(object(), broken)
    assert broken.response is answer


async def test_a_meter_that_fails(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer passes byte for byte, and the whole reserve is booked, marked as estimated."""
    from providers.openai_chat_meter import JsonMeter

    monkeypatch.setattr(JsonMeter, "feed", failing)
    provider.json()
    client = await Client.open(rig.port)
    answer = await client.call(rig.request())
    await client.close()
    assert answer.status == 200
    (row,) = rig.executions()
    assert (row.state, row.certainty) == ("COMMITTED", "estimated")
    assert row.actual_nanousd == row.reserved_nanousd
