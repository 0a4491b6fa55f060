"""aex_addon/policy_workers.py: plugins run from the gateway's first moment to its last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.aex_addon.governed import governed, said
from tests.aex_addon.wire import Upstream, connected


async def test_workers_begin_and_end_with_the_gateway(tmp_path: Path, provider: Upstream) -> None:
    """They stand before the first call, and none is left after the end."""
    plugins = {"a.py": "return {'decision': 'allow'}"}
    async with governed(tmp_path / "home", provider.port, plugins=plugins) as rig:
        policy = rig.assembly.parts.configuration.policy
        assert policy._begun
        assert policy._pool is not None
        pids = [worker.pid for worker in policy._pool._workers]
        assert pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_gateway_with_a_broken_policy_starts_and_refuses(
    tmp_path: Path, provider: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """Its log says why, every call is denied, and a reload with a mended plugin ends that."""
    home = tmp_path / "home"
    async with (
        governed(home, provider.port, plugins={"a.py": "evaluate ="}) as rig,
        connected(rig.port) as client,
    ):
        assert "every call is refused: policies/a.py cannot be loaded" in caplog.text
        answer = await client.call(rig.request())
        assert (answer.status, answer.code) == (403, "policy_unavailable")
        assert "policies/a.py" in answer.body.decode()
        assert provider.requests == []


async def test_a_broken_policy_in_shadow_refuses_nothing(
    tmp_path: Path, provider: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """Its log says so, and each call is recorded as one that would have been refused."""
    home, plugins = tmp_path / "home", {"a.py": "evaluate ="}
    async with (
        governed(home, provider.port, plugins=plugins, policy={"mode": "shadow"}) as rig,
        connected(rig.port) as client,
    ):
        assert "so every call passes, and is recorded" in caplog.text
        assert "every call is refused" not in caplog.text
        provider.json()
        assert (await client.call(rig.request())).status == 200
        (told,) = said(rig)
        assert "policies/a.py cannot be loaded" in told["shadow"][0]
