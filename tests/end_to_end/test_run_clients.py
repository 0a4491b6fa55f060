"""Real clients and SDKs, unmodified and told nothing: governed at the proxy door."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aex_addon.cli.checks.command import jail_possible
from ledger.money import show_usd
from tests.end_to_end import clients_table
from tests.end_to_end.books import rows
from tests.end_to_end.clients import FAMILIES, PRICES, Family, Program
from tests.end_to_end.clients_table import Found
from tests.end_to_end.doors import OWN_KEY
from tests.end_to_end.gateway import AEX, Agent, Gateway
from tests.end_to_end.processes import ROOT, clean_environment
from tests.end_to_end.upstream import REAL_KEY, Provider, ProviderCall

# The first test may have to install what it runs.
pytestmark = [pytest.mark.xdist_group("end_to_end_run_clients"), pytest.mark.timeout(300)]

SAID = "You said: Say it."
# Enough for the small calls of a family, and not for the large one of any.
BUDGET = "0.003"
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
KEPT = "kept from going around AEX: "


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
        timeout=180,
        check=False,
        cwd=ROOT,
    )


def by_hand(
    gateway: Gateway, agent: Agent, family: Family, program: Program, way: Found, left: list[str]
) -> subprocess.CompletedProcess[str]:
    """The clients with a handful of variables that `aex env` prints, and no others.

    The jail is only the walls around them: what reads no proxy meets them, and not a provider.
    """
    words, needed = program
    printed = gateway.json("env", "--agent", agent.name, "--door", "proxy")["set"]
    picked = ["HTTPS_PROXY", way.bundle, *(family.shim if way.shim else ())]
    variables = clean_environment({**needed, **family.asked, **dict.fromkeys(KEYS, OWN_KEY)})
    del variables["PYTHONPATH"]
    variables |= {name: printed[name] for name in picked}
    assigned = [f"{name}={value}" for name, value in variables.items()]
    alone = ["--jail", "--no-shims", "--", "env", "-i", *assigned]
    return aex_run(gateway, agent, *alone, *words, *left)


def cost(call: ProviderCall) -> int:
    return call.cost(*PRICES[str(call.model)])


def check(
    told: Mapping[str, Any], family: Family, provider: Provider, gateway: Gateway, agent: Agent
) -> int:
    """For each client, in order: two calls made and booked, one denied in one attempt, which it
    told in its own words. What they cost."""
    for client, answer in told.items():
        assert answer["json"] == SAID, (client, answer)
        assert answer["text"] == SAID, (client, answer)
        assert answer["pieces"] > 3
        status, message = answer["denied"]
        assert status == 402
        assert agent.name in message
        assert answer.get("raised") == family.raised.get(client)
    made, count = provider.calls(), len(told)
    assert [call.stream for call in made] == [False, True] * count
    found = rows(gateway, agent)
    assert [row["state"] for row in found] == ["COMMITTED", "COMMITTED", "DENIED"] * count
    booked = [row["actual_nanousd"] for row in found if row["state"] == "COMMITTED"]
    assert booked == [cost(call) for call in made]
    assert {row["door"] for row in found} <= {"proxy"}
    for call in made:
        keys = [call.header(name) for name in ("authorization", "x-api-key", "x-goog-api-key")]
        assert {key.removeprefix("Bearer ") for key in keys if key} == {REAL_KEY}
    return sum(booked)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        *(pytest.param(name, [], id=name) for name in FAMILIES),
        *(pytest.param(name, ["--jail"], id=f"{name}-jailed") for name in ("plain", "node")),
    ],
)
def test_through_aex_run(
    provider: Provider,
    gateway: Gateway,
    outer_environment: dict[str, str],
    name: str,
    flags: list[str],
) -> None:
    """Watched or jailed, each does a call, a stream and a call that is denied, all booked."""
    if flags and not jail_possible():
        pytest.skip("this kernel gives no user and network namespaces")
    family, agent = FAMILIES[name], gateway.create_agent(BUDGET)
    words, needed = family.program(outer_environment)
    environ = {"PYTHONPATH": "", **needed}
    done = aex_run(gateway, agent, *flags, "--", *words, *family.clients, **environ)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert list(told) == list(family.clients)
    spent = check(told, family, provider, gateway, agent)
    calls = rf"{3 * len(told)} calls \({len(told)} denied\)"
    line = rf"aex: {agent.name}: {calls}, {re.escape(show_usd(spent))} spent, \S+ left"
    # litellm says something of its own before.
    assert re.fullmatch(line, done.stderr.splitlines()[-1]), done.stderr


@pytest.mark.parametrize("name", FAMILIES)
def test_by_hand(
    provider: Provider, gateway: Gateway, outer_environment: dict[str, str], name: str
) -> None:
    """With the proxy and one variable of the bundle set, and a shim where it takes one, each does
    the same, and README says of each what it took."""
    if not jail_possible():
        pytest.skip("this kernel gives no user and network namespaces")
    family, noticed = FAMILIES[name], False
    program = family.program(outer_environment)
    ways = [Found(bundle, shim) for shim in (False, True) for bundle in family.bundles]
    found: dict[str, Found] = {}
    for way in ways:
        left = [client for client in family.clients if client not in found]
        if left:
            provider.reset()
            agent = gateway.create_agent(BUDGET)
            done = by_hand(gateway, agent, family, program, way, left)
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            through = {each: came_to for each, came_to in told.items() if "failed" not in came_to}
            check(through, family, provider, gateway, agent)
            found |= dict.fromkeys(through, way)
            noticed = noticed or KEPT in done.stderr
    assert found.keys() == family.clients.keys()
    assert noticed is any(way.shim for way in found.values())
    needs = {
        family.clients[each]: clients_table.needs(family, each, way) for each, way in found.items()
    }
    assert clients_table.said_of(needs) == needs


def test_the_page_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is written in its row, and all else on the page is left as it is."""
    monkeypatch.delenv(clients_table.ORDER, raising=False)
    page, old, new = tmp_path / "page.md", ("nothing", "`A`"), ("the shim", "`B`")
    table = clients_table.render({"one": old, "two": old})
    page.write_text(f"# before\n<!-- clients -->\n{table}<!-- /clients -->\nafter | that\n")
    assert clients_table.said_of({"two": new, "three": new}, page)["two"] != new
    clients_table.write({"two": new}, page)
    table = clients_table.render({"one": old, "two": new})
    text = f"# before\n<!-- clients -->\n{table}<!-- /clients -->\nafter | that\n"
    assert page.read_text() == text


def test_the_page_names_those_that_are_run() -> None:
    """README's table is laid out as it is generated, and has no client that no test runs."""
    text = clients_table.PAGE.read_text()
    said = clients_table.parse(text)
    assert said.keys() == {each for family in FAMILIES.values() for each in family.clients.values()}
    assert clients_table.render(said) in text
