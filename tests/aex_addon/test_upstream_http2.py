"""Faults of a provider that speaks HTTP/2: the same law, in any format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.registry import PROVIDERS
from tests.aex_addon.http2_provider import Act, Stream, http2_provider
from tests.aex_addon.rig import gateway
from tests.aex_addon.test_http_layer import h2
from tests.aex_addon.test_upstream_faults import CASES, about, judge, settled, told
from tests.providers.contract import run
from tests.providers.recorded import Recorded, row_of
from tests.providers.usage_bent import events

ENHANCE_YOUR_CALM = 11


def acts(recorded: Recorded) -> dict[str, tuple[Act, bool]]:
    """What a provider does, and whether the client gets all of its answer."""
    answer, kind = recorded.case.answer, recorded.content_type
    found = [event.raw for event in events(answer)]

    async def whole(stream: Stream) -> None:
        await stream.head(kind)
        for event in found:
            await stream.data(event)
        await stream.data(b"", end=True)

    async def interim(stream: Stream) -> None:
        stream.http2.send_headers(stream.id, [(":status", "103"), ("link", "</x>")])
        await whole(stream)

    async def trailers(stream: Stream) -> None:
        await stream.head(kind)
        await stream.data(answer)
        stream.http2.send_headers(stream.id, [("server-timing", "x")], end_stream=True)
        await stream.flush()

    async def reset_first(stream: Stream) -> None:
        await stream.reset(ENHANCE_YOUR_CALM)

    async def reset_after_headers(stream: Stream) -> None:
        await stream.head(kind)
        await stream.reset()

    async def reset_midway(stream: Stream) -> None:
        await stream.head(kind)
        await stream.data(answer[: len(answer) // 2])
        await stream.reset()

    async def go_away_first(stream: Stream) -> None:
        await stream.go_away()

    async def go_away_midway(stream: Stream) -> None:
        await stream.head(kind)
        await stream.data(answer[: len(answer) // 2])
        await stream.go_away(ENHANCE_YOUR_CALM)

    return {
        "whole": (whole, True),
        "1xx": (interim, True),
        "trailers": (trailers, True),
        "RST_STREAM before headers": (reset_first, False),
        "RST_STREAM after headers": (reset_after_headers, False),
        "RST_STREAM midway": (reset_midway, False),
        "GOAWAY before headers": (go_away_first, False),
        "GOAWAY midway": (go_away_midway, False),
        "whole again": (whole, True),
    }


async def ask(client: httpx.AsyncClient, recorded: Recorded) -> tuple[int, bytes, bool]:
    """The status, the body so far, and whether it came to its end."""
    call, body, row = recorded.call, b"", row_of(recorded.call)
    query = f"?{call.query}" if call.query else ""
    url, status = f"https://{row.hosts[0]}{call.path}{query}", 0
    try:
        async with client.stream("POST", url, content=call.body, headers=call.headers) as answer:
            status = answer.status_code
            async for chunk in answer.aiter_raw():
                body += chunk
    except httpx.HTTPError:
        return status, body, False
    return status, body, True


def has_hosts(case: Any) -> bool:
    """False for the customer's own machines: no proxy door leads to them."""
    return bool(row_of(case.values[0].call).hosts)


@pytest.mark.parametrize("recorded", [case for case in CASES if has_hosts(case)])
async def test_http2_faults(recorded: Recorded, tmp_path: Path) -> None:
    """The client's bytes are a prefix of the provider's, and each call is booked by the law."""
    async with http2_provider() as provider:
        upstream = {"upstream": f"https://localhost:{provider.port}"}
        changes: dict[str, Any] = {
            "providers": {
                each.id: {**upstream, "api_key_env": "OPENAI_API_KEY"} for each in PROVIDERS
            },
            **told(recorded),
        }
        async with gateway(tmp_path / "home", 0, budget_nanousd=10**15, **changes) as rig:
            rig.master.options.update(ssl_verify_upstream_trusted_ca=provider.trust(tmp_path))
            async with h2(rig) as client:
                for name, (act, whole) in acts(recorded).items():
                    provider.acts.append(act)
                    met = await ask(client, recorded)
                    row = await settled(rig)
                    with about(name):
                        judge(row, recorded, not whole, provider.streams[-1].sent)
                        check(name, recorded, provider.streams[-1].sent, met, whole)


def check(
    name: str, recorded: Recorded, sent: bytes, met: tuple[int, bytes, bool], whole: bool
) -> None:
    """What the client got of what was sent."""
    status, body, ended = met
    if status == 200:
        meter = recorded.wire_format.meter(recorded.facts, 200, recorded.content_type)
        expected = run(meter, [sent])[0]
        assert expected.startswith(body)
        assert (body == expected and ended) is whole
    else:
        assert (status, "before headers" in name) == (recorded.denied(502), True)
