"""The plainest faults of providers, in every format that there is: dialects, plans, free paths.

All 38 faults are tried on each kind of format (test_upstream_faults.py); a dialect differs in what
it tells, and a free path in what it costs. Batches and WebSockets have tables of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from providers.registry import FORMATS, PROVIDERS
from providers.subscriptions import METERED, REFUSED, SUBSCRIPTIONS
from tests.aex_addon.faults import FAULTS
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.test_upstream_faults import (
    about,
    below_base,
    check,
    played,
    request,
    row_of_table,
    samples,
    told,
)
from tests.aex_addon.wire import Client, Upstream, connected
from tests.providers.recorded import ROWS, Recorded, formats, metered, row_of
from tests.tables import TABLE

PLAINEST = (
    *("RST before headers", "RST mid-chunk", "FIN mid-chunk", "FIN without framing", "stall"),
    *("usage null", "500"),
)

# A path of each table of free ones, as it is at the provider itself.
FREE = {
    "openai_free": ("openai", "GET /v1/models"),
    "compatible_free": ("groq", "GET /openai/v1/models"),
    "anthropic_free": ("anthropic", "POST /v1/messages/count_tokens"),
    "gemini_free": ("google", "GET /v1beta/models"),
    "bedrock_free": ("aws", "GET /async-invoke"),
    "cohere_free": ("cohere", "POST /v1/tokenize"),
    "ollama_free": ("ollama", "GET /api/tags"),
    "subscription_free": ("chatgpt", "GET /backend-api/codex/models"),
    "code_assist_free": ("code-assist", "POST /v1internal:loadCodeAssist"),
    "mcp_free": ("mcp", "POST /register"),
}
MODELS = b'{"data": [{"id": "m", "usage": {"prompt_tokens": 9}}], "object": "list", "has_more": 0}'
# What has faults of its own, or never gets so far.
ELSEWHERE = (
    *("anthropic_batches", "openai_batches", "groq_batches"),
    *("openai_responses_ws", "openai_realtime_ws"),
    *(each.name for each in REFUSED),
)


def dialects() -> dict[str, list[Recorded]]:
    """Of each format, by its kind, the recorded calls that tell the most and have not had all of
    the faults: one that is answered whole, one that streams."""
    whole = {(each.wire_format.name, each.kind) for each in samples().values()}
    found: dict[str, list[Recorded]] = {}
    for wire_format in formats():
        calls = [each for each in metered(wire_format.name) if each.usage is not None]
        for kind in ("JSON", "stream"):
            alike = [each for each in calls if each.kind == kind]
            if alike and (wire_format.name, kind) not in whole:
                most = max(alike, key=lambda each: each.case.answer.count(b"\n"))
                found.setdefault(type(wire_format).__name__, []).append(most)
    return found


DIALECTS = dialects()


def test_every_format_has_its_faults() -> None:
    """A format that is in no table of faults would be missing, and nobody would see it."""
    had = {each.wire_format.name for each in samples().values()}
    had |= {each.wire_format.name for calls in DIALECTS.values() for each in calls}
    assert had | FREE.keys() | set(ELSEWHERE) == {each.name for each in FORMATS}


@asynccontextmanager
async def serving(home: Path, provider: Upstream, calls: list[Recorded]) -> AsyncIterator[Rig]:
    """A gateway that takes all of these, at every provider, plans included."""
    upstream = {"upstream": f"http://127.0.0.1:{provider.port}", "api_key_env": "OPENAI_API_KEY"}
    providers: dict[str, Any] = {each.id: upstream for each in PROVIDERS}
    for plan in SUBSCRIPTIONS:
        providers[plan.id] = {"upstream": upstream["upstream"]}
        providers[plan.id] |= {"subscription": "meter"} if plan.id in METERED else {}
    models: dict[str, Any] = {}
    for each in calls:
        for name, priced in told(each).get("models", {}).items():
            models[f"{each.call.provider}/{name}"] = priced
    changes: dict[str, Any] = {"server_calls_max": 3, "providers": providers, "models": models}
    changes["mcp"] = {
        "mcp": {"url": f"http://127.0.0.1:{provider.port}/mcp", "default_usd": "0.01"}
    }
    async with gateway(home, provider.port, budget_nanousd=10**15, **changes) as rig:
        yield rig


@asynccontextmanager
async def client_of(rig: Rig, provider: str) -> AsyncIterator[Client]:
    """A connection to AEX's own address; in a tunnel where none there leads to the provider."""
    row = next(each for each in ROWS if each.id == provider)
    async with connected(rig.port) as client:
        if not row.base_prefixes:
            assert await client.tunnel(f"{row.hosts[0]}:443", rig.basic) == 200
            await client.start_tls(rig.trust(), row.hosts[0])
        yield client


def asked(rig: Rig, recorded: Recorded) -> bytes:
    """The request; on a plan with a credential of the agent's own."""
    row = row_of(recorded.call)
    if row.base_prefixes:
        return request(rig, recorded)
    call, own = recorded.call, {"host": row.hosts[0], "authorization": "Bearer own"}
    path = f"{call.path}?{call.query}" if call.query else call.path
    return rig.request(path, call.body, **own)


@pytest.mark.parametrize("kind", DIALECTS)
async def test_dialects(
    kind: str,
    tmp_path: Path,
    provider: Upstream,
    record_property: Callable[[str, Any], None],
) -> None:
    """Each is booked by the law, and its client gets the provider's bytes up to the fault."""
    calls = DIALECTS[kind]
    async with serving(tmp_path / "home", provider, calls) as rig:
        for recorded in calls:
            for name in PLAINEST:
                said = (recorded.content_type, recorded.case.answer)
                with about(f"{name}, of {recorded.name}"):
                    async with client_of(rig, recorded.call.provider) as client:
                        sent = asked(rig, recorded)
                        met = await played(rig, provider, client, sent, FAULTS[name], said)
                    check(name, recorded, met)
            rows = rig.executions()[-len(PLAINEST) :]
            record_property(TABLE, row_of_table(recorded.wire_format.name, recorded.kind, rows))
    assert len(rig.executions()) == len(calls) * len(PLAINEST) == len(provider.requests)


async def test_free_paths(
    tmp_path: Path, provider: Upstream, record_property: Callable[[str, Any], None]
) -> None:
    """They end as all others do, pass what came, and cost nothing."""
    async with serving(tmp_path / "home", provider, []) as rig:
        for wire_format, (row, line) in FREE.items():
            for name in PLAINEST:
                with about(f"{name}, of {wire_format}"):
                    await free(rig, provider, row, line, name)
            rows = rig.executions()[-len(PLAINEST) :]
            record_property(TABLE, row_of_table(wire_format, "JSON", rows))
    assert len(rig.executions()) == len(FREE) * len(PLAINEST) == len(provider.requests)


async def free(rig: Rig, provider: Upstream, row: str, line: str, name: str) -> None:
    """One call to a free path against a fault."""
    method, _, path = line.partition(" ")
    found, fault = next(each for each in ROWS if each.id == row), FAULTS[name]
    if found.base_prefixes:
        data = rig.request(below_base(rig, row, path), b"{}")
    else:
        data = rig.request(path, b"{}", host=found.hosts[0], authorization="Bearer own")
    data = data.replace(b"POST", method.encode(), 1)
    async with client_of(rig, row) as client:
        met = await played(rig, provider, client, data, fault, ("application/json", MODELS))
    assert met.row.state == ("RELEASED" if name == "500" else "COMMITTED")
    assert met.row.actual_nanousd == met.row.reserved_nanousd == 0
    assert met.taken.status in ((fault.status,) if fault.status != 502 else (502, 424))
    if fault.whole:
        assert met.taken.body == met.sender.sent
    elif fault.status == 200:
        assert met.sender.sent.startswith(met.taken.body)
