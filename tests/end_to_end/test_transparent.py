"""Agents that know of no proxy, behind a firewall that leads what they send to AEX."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aex_addon.cli.checks.command import jail_possible
from tests.end_to_end.processes import clean_environment
from tests.end_to_end.upstream import REAL_KEY

ROOT = Path(__file__).parents[2]
TOOLS = {"unshare": "util-linux", "ip": "iproute2", "nft": "nftables", "curl": "curl"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of everything that was asked in it."""
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}: apt-get install {package}")
    if not jail_possible():
        pytest.skip("this kernel gives no user and network namespaces")
    folder = tmp_path_factory.mktemp("world")
    program = [sys.executable, "-m", "tests.end_to_end.captured_world", str(folder)]
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", *program],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def test_calls_are_booked_to_the_agent_of_their_source(world: dict[str, Any]) -> None:
    """Over HTTP/1.1 and HTTP/2, with the operator's key, wherever the client believed to call."""
    assert [world["came"][name]["status"] for name in ("one", "two")] == [200, 200]
    assert world["paid"] == {"one": ["capture"], "two": ["capture"]}
    assert world["keys"] == [f"Bearer {REAL_KEY}"]


def test_an_unknown_source_is_refused(world: dict[str, Any]) -> None:
    """It gets the provider's own kind of 401, which names the source."""
    refused = world["came"]["nobody"]
    assert refused["status"] == 401
    assert "10.77.0.4" in json.loads(refused["body"])["error"]["message"]


@pytest.mark.parametrize("how", ["by_name", "by_address"])
def test_foreign_tls_is_untouched(world: dict[str, Any], how: str) -> None:
    """A client that trusts that host's own certificate alone reaches it, whoever it is."""
    assert (world["came"][how]["status"], world["came"][how]["body"]) == (200, "stranger")


def test_tokens_live_as_long_as_the_gateway(world: dict[str, Any]) -> None:
    """One for each agent while it runs, none after it."""
    assert sorted(world["while"]) == ["capture", "capture", "first", "first"]
    assert world["after"] == ["first", "first"]
