"""`aex models reload` with the real gateway."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from aex_addon.cli.process import find
from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex
from tests.end_to_end.processes import poll

LISTEN = 'listen = "127.0.0.1:0"\n'
FAST = '[routes.fast]\nto = ["groq/llama-3.3-70b-versatile"]\n'


@pytest.fixture
def running(aex: Aex, home: Home, program: Callable[..., subprocess.Popen[str]]) -> Iterator[None]:
    """A gateway in the background, whose aex.toml names only where it listens."""
    home.ensure()
    home.config.write_text(LISTEN)
    program("daemon", "start").communicate(timeout=60)
    yield
    if find(home).state == "running":
        aex("daemon", "stop")


def test_a_reload(aex: Aex, home: Home, running: None) -> None:
    """It says what has changed, what waits and what is wrong; a mistake is exit code 1."""
    before = find(home)
    home.config.write_text(LISTEN + FAST)
    assert aex("models", "reload").stdout == "added  routes.fast\n"
    assert "nothing in aex.toml has changed" in aex("models", "reload").stdout

    home.config.write_text(LISTEN + 'recovery = "release"\n')
    told = aex.json("models", "reload")
    assert (told["ok"], told["removed"], told["restart"]) == (True, ["routes.fast"], ["recovery"])
    assert "recovery waits for `aex daemon restart`" in aex("models", "reload").stderr

    home.config.write_text(LISTEN + "drain = 1\nroute = 2\n")
    refused = aex("models", "reload", code=1)
    assert refused.stderr.count("unknown key") == 2
    assert "nothing has changed; the gateway goes on as it was" in refused.stderr
    assert len(aex.json("models", "reload", code=1)["problems"]) == 2

    assert find(home) == before
    assert list(home.reloads.iterdir()) == []
    home.config.write_text(LISTEN)
    aex("audit")


def test_a_signal_by_hand(aex: Aex, home: Home, running: None) -> None:
    """SIGHUP alone is a reload too, and the gateway serves on."""
    home.config.write_text(LISTEN + FAST)
    os.kill(find(home).pid, signal.SIGHUP)
    poll(lambda: "reloaded by signal: added routes.fast" in aex("daemon", "logs").stdout, "the log")
    assert find(home).state == "running"


def test_nobody_to_ask(aex: Aex, home: Home) -> None:
    """Without a gateway there is nothing to reload, and nothing is left for a later one."""
    assert "the next start reads aex.toml by itself" in aex("models", "reload", code=1).stderr
    assert not home.reloads.exists()
