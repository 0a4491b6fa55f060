"""`aex dashboard`: against a real gateway, and without one."""

from __future__ import annotations

import asyncio
import json
import os
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result

from aex_addon import clock
from aex_addon.cli.main import cli
from tests.aex_addon.cli.conftest import Aex
from tests.aex_addon.rig import gateway


def test_without_a_gateway(aex: Aex) -> None:
    """It says how to start one."""
    assert "aex up" in aex("dashboard", code=1).stderr


@pytest.mark.parametrize("role", ["operator", "viewer"])
async def test_a_link(aex_home: object, role: str) -> None:
    """The link that it prints signs in, once, in the role that was asked for."""
    async with gateway(aex_home, 9) as rig:  # type: ignore[arg-type]
        said = {"pid": os.getpid(), "listen": f"127.0.0.1:{rig.port}", "version": "3"}
        said["started"] = clock.utc_now().isoformat()
        rig.assembly.home.pid_file.write_text(json.dumps(said))
        words = ["dashboard", "--no-open", *(["--read-only"] if role == "viewer" else [])]

        def ask(*more: str) -> Result:
            return CliRunner().invoke(cli, [*words, *more])

        shown = await asyncio.to_thread(ask)
        assert shown.exit_code == 0, shown.output
        with await asyncio.to_thread(urlopen, shown.stdout.strip(), timeout=20) as page:
            assert f"Signed in as {role}" in page.read().decode()
        made = json.loads((await asyncio.to_thread(ask, "--json")).stdout)
        assert (made["role"], made["expires_in_seconds"]) == (role, 120)
