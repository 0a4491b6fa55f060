"""`aex doctor` takes every look, tells each in a line, and its exit code is the verdict."""

from __future__ import annotations

import json

import pytest

from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex

CANARY = "sk-canary-7fd1"


def test_a_sound_home(aex: Aex, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fails; the key that is there is not shown."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("AEX_LISTEN", "127.0.0.1:0")  # another gateway may have the default
    aex("init")
    said = aex("doctor").output
    assert ", 0 failed, " in said
    assert "present: OPENAI_API_KEY" in said
    assert CANARY not in said
    document = aex.json("doctor")
    assert document["ok"] is True
    assert len(document["checks"]) == said.count("\nok ") + said.count("\nwarn ") + 1


def test_no_home(aex: Aex) -> None:
    """What fails has its remedy below it, and the exit code says so."""
    said = aex("doctor", code=1).output
    assert "fail  home: there is none" in said
    assert "-> run: aex init" in said


@pytest.mark.parametrize(
    "wrong",
    ['[providers.nobody]\nupstream = "https://x.example"', '[routes.fast]\nto = ["nobody/x"]'],
)
def test_a_table_that_cannot_be(aex: Aex, home: Home, wrong: str) -> None:
    """A provider or a route that cannot be is told once, as the start of the gateway would."""
    aex("init")
    with home.config.open("a") as file:
        file.write(f"\n{wrong}\n")
    said = aex("doctor", code=1).output
    assert said.count("fail  config: ") == 1
    assert "nobody" in said


def test_who_pays_for_what_is_captured(aex: Aex, home: Home) -> None:
    """An agent that is not there is told before the gateway refuses to start."""
    aex("init")
    with home.config.open("a") as file:
        file.write('\n[capture."transparent@127.0.0.1:1"]\nagent = "nobody"\n')
    assert "fail  capture: transparent@127.0.0.1:1: " in aex("doctor", code=1).output


@pytest.mark.parametrize("words", [["--compat"], ["--agent", "shop"]])
def test_who_pays_for_calls(aex: Aex, words: list[str]) -> None:
    """Calls are made only for an agent that was named, and an agent is named only for calls."""
    assert "--compat and --agent NAME go together" in aex("doctor", *words, code=2).output


def test_calls_need_a_gateway(aex: Aex, home: Home, shop: str) -> None:
    """Where none runs, no token is made either."""
    aex("init")
    before = len(aex.json("agent", "inspect", "shop")["tokens"])
    assert "compat: no gateway runs" in aex("doctor", "--compat", "--agent", "shop", code=1).output
    assert len(aex.json("agent", "inspect", "shop")["tokens"]) == before


def test_a_command_is_looked_at_alone(aex: Aex) -> None:
    """Its runtime and doors are told without a home, and no door is an exit code of 1."""
    said = aex("doctor", "--", "python3", "agent.py").output
    assert "ok    command: python, " in said
    assert "aiohttp by the shim" in said
    assert "home" not in said
    refused = aex("doctor", "--json", "--", "docker", "run", "--json", "x", code=1)
    assert json.loads(refused.stdout)["ok"] is False
    assert "not about a command" in aex("doctor", "--reach", "--", "true", code=2).output
