"""`aex run` with real clients, unmodified and told nothing: governed at the proxy door."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.money import show_usd
from tests.end_to_end.books import rows
from tests.end_to_end.gateway import AEX, Agent, Gateway
from tests.end_to_end.processes import ROOT, clean_environment
from tests.end_to_end.sdks import interpreter
from tests.end_to_end.upstream import REAL_KEY, Provider

pytestmark = pytest.mark.xdist_group("end_to_end_run_clients")

HERE = Path(__file__).parent
PYTHON = ("curl", "urllib", "requests", "httpx", "aiohttp", "reqwest")
NODE = ("fetch", "https", "agent")


@pytest.fixture(scope="session")
def python() -> Path:
    return interpreter("http-clients")


def aex_run(
    gateway: Gateway, agent: Agent, *words: object, **environ: str
) -> subprocess.CompletedProcess[str]:
    """`aex run` as users start it, at the proxy door."""
    command = [*AEX, "run", "--agent", agent.name, "--door", "proxy", *map(str, words)]
    return subprocess.run(
        [sys.executable, *command],
        env=clean_environment(gateway.environment | environ),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=ROOT,
    )


def node() -> str:
    """This machine's; CI's is of version 20, which does not read proxies by itself."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("no node on this machine")
    return found


def check(
    done: subprocess.CompletedProcess[str], provider: Provider, gateway: Gateway, agent: Agent
) -> None:
    """For each client, in order: two calls made and booked, one denied in one attempt."""
    assert done.returncode == 0, done.stderr
    told: Any = json.loads(done.stdout)
    assert told
    for answer in told.values():
        assert answer["json"] == "You said: Say it."
        assert answer["pieces"] > 3
        status, message = answer["denied"]
        assert status == 402
        assert agent.name in message
    made, count = provider.calls(), len(told)
    assert [call.stream for call in made] == [False, True] * count
    found = rows(gateway, agent)
    assert [row["state"] for row in found] == ["COMMITTED", "COMMITTED", "DENIED"] * count
    booked = [row["actual_nanousd"] for row in found if row["state"] == "COMMITTED"]
    assert booked == [call.cost() for call in made]
    assert {row["door"] for row in found} == {"proxy"}
    assert {call.header("authorization") for call in made} == {f"Bearer {REAL_KEY}"}
    calls = rf"{3 * count} calls \({count} denied\)"
    spent = re.escape(show_usd(sum(booked)))
    assert re.fullmatch(rf"aex: {agent.name}: {calls}, {spent} spent, \S+ left\n", done.stderr)


def test_clients_of_python(provider: Provider, gateway: Gateway, python: Path) -> None:
    """Each does a JSON call, a stream and a call that is denied, and every cost is booked."""
    agent = gateway.create_agent("0.0005")
    done = aex_run(gateway, agent, "--", python, HERE / "run_client.py", *PYTHON, PYTHONPATH="")
    check(done, provider, gateway, agent)


def test_clients_of_node(provider: Provider, gateway: Gateway) -> None:
    """So do fetch and https, with or without an agent of the program's own."""
    agent = gateway.create_agent("0.0005")
    done = aex_run(gateway, agent, "--", node(), HERE / "run_client.cjs", *NODE)
    check(done, provider, gateway, agent)
