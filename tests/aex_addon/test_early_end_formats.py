"""Early ends in every format: the error is the format's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from providers.mcp_errors import error_events
from tests.aex_addon.test_early_end import HEAD, WHY, Answering, end, ended, read_all
from tests.aex_addon.test_upstream_faults import CASES, facing, judge, request
from tests.aex_addon.wire import Upstream, connected
from tests.providers.recorded import Recorded
from tests.providers.usage_bent import events


@pytest.mark.parametrize("recorded", [case for case in CASES if "stream" in str(case.id)])
async def test_every_format(recorded: Recorded, tmp_path: Path, provider: Upstream) -> None:
    """A stream of any format ends with that format's own error, after a whole event."""
    found = [event.raw for event in events(recorded.case.answer)]
    sent = b"".join(found[: len(found) // 2 + 1])
    meter = recorded.meter()
    answering = Answering()
    provider.answers.append(answering)
    async with (
        facing(tmp_path / "home", provider, recorded) as rig,
        connected(rig.port) as client,
    ):
        await client.send(request(rig, recorded))
        kind = recorded.content_type.encode()
        await answering.write(HEAD.replace(b"text/event-stream", kind))
        assert (await client.head())[0] == 200
        await answering.piece(sent)
        expected = meter.feed(sent)
        got = await client.chunk()
        assert got == expected
        end(rig)
        chunks = await asyncio.wait_for(read_all(client), 10)
        assert b"".join(chunks) == error_events(recorded.wire_format, WHY, recorded.call.body)
        row = await ended(rig, answering)
    assert row.reason == f"ended early: {WHY.message}"
    judge(row, recorded, broken=True, sent=sent)
