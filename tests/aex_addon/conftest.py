"""A scripted provider and a gateway in front of it, in the test's own event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aex_addon.cli.checks.command import jail_possible
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.wire import Upstream, upstream


@pytest.fixture(autouse=True)
def nothing_crashed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """mitmproxy logs what its layers raise, and goes on: no answer would show it."""
    yield
    said = [record.getMessage() for record in caplog.get_records("call")]
    assert [message for message in said if "crashed" in message] == []


@pytest.fixture(scope="session")
def jails() -> None:
    """Skips where the kernel gives no namespaces to this user; CI's does."""
    if not jail_possible():
        pytest.skip("this kernel gives no user and network namespaces")


@pytest.fixture
async def provider() -> AsyncIterator[Upstream]:
    async with upstream() as scripted:
        yield scripted


@pytest.fixture
async def rig(tmp_path: Path, provider: Upstream) -> AsyncIterator[Rig]:
    """Its limit on bodies is low, so that tests of it are quick."""
    async with gateway(tmp_path / "home", provider.port, body_limit_mib=1) as running:
        yield running
