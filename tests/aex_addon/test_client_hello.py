"""A hello in TLS is waited for no longer than any real one is."""

from __future__ import annotations

import pytest

from aex_addon.first_words import LONGEST
from tests.aex_addon.rig import Rig
from tests.aex_addon.wire import connected

HOST = "api.openai.com"
RECORD = b"\x16\x03\x01\x40\x00"


async def test_one_that_never_ends(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Sixteen MiB are announced; the connection ends far earlier, and the log says why."""
    begun = b"\x01\xff\xff\xff\x03\x03".ljust(16384, b"a")
    async with connected(rig.port) as client:
        assert await client.tunnel(f"{HOST}:443", rig.basic) == 200
        await client.send(RECORD + begun)
        for _ in range(LONGEST // 16384):
            client.writer.write(RECORD + b"a" * 16384)
        assert await client.ended()
    assert f"it is longer than {LONGEST} bytes" in caplog.text
