"""`aex run` with real clients, unmodified and told nothing: governed at the proxy door."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aex_addon.around.runtime import runtime_of
from aex_addon.cli.checks.command import jail_possible, proxy_door
from ledger.money import show_usd
from tests.end_to_end.books import rows
from tests.end_to_end.gateway import AEX, Agent, Gateway
from tests.end_to_end.processes import ROOT, clean_environment
from tests.end_to_end.sdks import interpreter
from tests.end_to_end.upstream import REAL_KEY, Provider
from tests.tables import TABLE

pytestmark = pytest.mark.xdist_group("end_to_end_run_clients")

HERE = Path(__file__).parent
PYTHON = ("curl", "urllib", "requests", "httpx", "aiohttp", "reqwest")
NODE = ("fetch", "https", "agent")
COLUMNS = ("client", "needs")


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


@pytest.fixture(params=["watched", "jailed"])
def flags(request: pytest.FixtureRequest) -> list[str]:
    """Whether ways around are looked for, or closed."""
    if request.param == "watched":
        return []
    if not jail_possible():
        pytest.skip("this kernel gives no user and network namespaces")
    return ["--jail"]


def test_clients_of_python(
    provider: Provider, gateway: Gateway, python: Path, flags: list[str]
) -> None:
    """Each does a JSON call, a stream and a call that is denied, and every cost is booked."""
    agent = gateway.create_agent("0.0005")
    program = (python, HERE / "run_client.py", *PYTHON)
    done = aex_run(gateway, agent, *flags, "--", *program, PYTHONPATH="")
    check(done, provider, gateway, agent)


def test_clients_of_node(provider: Provider, gateway: Gateway, flags: list[str]) -> None:
    """So do fetch and https, with or without an agent of the program's own."""
    agent = gateway.create_agent("0.0005")
    done = aex_run(gateway, agent, *flags, "--", node(), HERE / "run_client.cjs", *NODE)
    check(done, provider, gateway, agent)


@pytest.mark.parametrize("language", ["python", "node"])
def test_which_clients_need_a_shim(
    provider: Provider,
    gateway: Gateway,
    python: Path,
    language: str,
    record_property: Callable[[str, Any], None],
) -> None:
    """Without shims those that need one try the provider itself, which a jail keeps them from."""
    if not jail_possible():
        pytest.skip("this kernel gives no user and network namespaces")
    agent = gateway.create_agent("0.0005")
    program: tuple[object, ...] = (python, HERE / "run_client.py", *PYTHON)
    needing = {"aiohttp"}
    if language == "node":
        program = (node(), HERE / "run_client.cjs", *NODE)
        reads = proxy_door(runtime_of([node()], os.environ)).said.startswith("holds: this Node")
        needing = set() if reads else set(NODE)
    done = aex_run(gateway, agent, "--jail", "--no-shims", "--", *program, PYTHONPATH="")
    told = json.loads(done.stdout)
    assert {name for name, came_to in told.items() if "failed" in came_to} == needing
    assert ("kept from going around AEX: " in done.stderr) is bool(needing)
    assert len(provider.calls()) == 2 * (len(told) - len(needing))
    for name in told:
        cells = [f"{language} {name}", "a shim" if name in needing else "nothing"]
        record_property(TABLE, ["Clients through `aex run`, and what they need", COLUMNS, cells])
