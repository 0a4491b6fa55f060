"""`aex up`: what stands before the gateway, and what it says."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest

from aex_addon.cli.up import notes
from aex_addon.home import Home
from aex_addon.settings import Settings
from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_tables import CaptureSettings, ProviderSettings
from tests.aex_addon.cli.conftest import Aex


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """A gateway that only says that it is ready; the settings it was given."""
    given: list[Settings] = []

    def run(
        home: Home,
        settings: Settings,
        on_ready: Callable[[str, int], None],
        environ: Mapping[str, str],
    ) -> int:
        given.append(settings)
        on_ready(settings.listen_host, 4711)
        return 0

    fake: Any = ModuleType("aex_addon.gateway")
    fake.run = run
    monkeypatch.setitem(sys.modules, "aex_addon.gateway", fake)
    import aex_addon

    monkeypatch.setattr(aex_addon, "gateway", fake, raising=False)
    return given


def test_it_needs_no_set_up(aex: Aex, home: Home, gateway: list[Settings], shop: str) -> None:
    """Home and configuration are made, and the real address is in what to export."""
    shown = aex("up").stdout
    assert home.config.exists()
    assert shown.startswith("AEX serves on http://127.0.0.1:4711\n")
    assert 'eval "$(aex env --agent shop)"' in shown
    assert "HTTPS_PROXY=http://shop:TOKEN@127.0.0.1:4711" in shown
    assert gateway[0].listen == "127.0.0.1:9000"


def test_readiness_in_json(aex: Aex, gateway: list[Settings], shop: str) -> None:
    """One document says where it serves and as which process."""
    shown = aex.json("up")
    assert (shown["listen"], shown["url"]) == ("127.0.0.1:4711", "http://127.0.0.1:4711")
    assert shown["pid"] == os.getpid()


def test_listen_stands_above_the_configuration(
    aex: Aex, gateway: list[Settings], shop: str
) -> None:
    """An address on the command line is checked and used."""
    assert "http://[::1]:4711" in aex("up", "--listen", "[::1]:0").stdout
    assert gateway[0].listen_port == 0
    aex("up", "--listen", "9000", code=2)


def test_without_agents_it_says_how_to_make_one(
    aex: Aex, gateway: list[Settings], shop: str
) -> None:
    """The first line of advice is the one that is needed."""
    aex("agent", "delete", "shop", "--yes")
    assert "aex agent create NAME BUDGET_USD RPM" in aex("up").stdout


def test_what_is_risky_is_noted(aex: Aex, gateway: list[Settings], shop: str) -> None:
    """An address that others can reach is allowed, with a sentence."""
    assert "other machines" in aex("up", "--listen", "0.0.0.0:0").stderr
    assert "note" not in aex("up", "--listen", "localhost:0").stderr
    away = Settings(providers={"openai": ProviderSettings(upstream="http://far.example")})
    near = Settings(providers={"openai": ProviderSettings(upstream="http://127.0.0.1:1")})
    assert [len(notes(settings)) for settings in (away, near)] == [1, 0]
    who = CaptureSettings(agent="shop")
    modes = {"transparent@127.0.0.1:1": who, "transparent@[::]:1": who, "local:x": who}
    (said,) = notes(Settings(capture=modes))
    assert said.startswith("transparent@[::]:1: whoever sends")
    servers = {
        "far": McpSettings(url="http://mcp.example.com"),
        "near": McpSettings(url="http://[::1]:8000/mcp"),
        "closed": McpSettings(url="https://mcp.example.com"),
    }
    (said,) = notes(Settings(mcp=servers))
    assert said.startswith("mcp.far: key and prompts go to its upstream without TLS")


def test_a_broken_configuration_starts_nothing(
    aex: Aex, home: Home, gateway: list[Settings]
) -> None:
    """No gateway listens with settings that nobody meant."""
    home.ensure()
    home.config.write_text("lisen = 1")
    aex("up", code=1)
    assert gateway == []
