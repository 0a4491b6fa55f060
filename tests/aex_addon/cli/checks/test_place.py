"""What lies in the home is closed to others, and its configuration can be read."""

from __future__ import annotations

import pytest

from aex_addon.cli.checks.place import look
from aex_addon.cli.checks.verdict import Verdict
from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex


def troubles(home: Home) -> list[Verdict]:
    return [verdict for verdict in look(home, {})[0] if verdict.level != "ok"]


def test_no_home(home: Home) -> None:
    """There is nothing more to look at."""
    found, settings = look(Home(home.path / "none"), {})
    assert [(verdict.about, verdict.level, verdict.remedy) for verdict in found] == [
        ("home", "fail", "run: aex init")
    ]
    assert settings is None


def test_a_new_home(aex: Aex, home: Home) -> None:
    """`aex init` leaves nothing to complain of."""
    aex("init")
    found, settings = look(home, {})
    assert {verdict.level for verdict in found} == {"ok"}
    assert settings is not None


@pytest.mark.parametrize("name", ["", "aex.toml", "ledger.db", "ca/mitmproxy-ca.pem"])
def test_open_to_others(aex: Aex, home: Home, name: str) -> None:
    """The home, the configuration, the ledger, the CA's key: each is named with its command."""
    aex("init")
    path = home.path / name if name else home.path
    path.chmod(0o755)
    (found,) = [verdict for verdict in troubles(home) if str(path) in verdict.said]
    assert found.level == "fail"
    assert found.remedy.startswith("run: chmod ")
    assert found.remedy.endswith(str(path))


@pytest.mark.parametrize("text", ['lisen = "127.0.0.1:9000"', "listen = ["])
def test_a_configuration_with_mistakes(aex: Aex, home: Home, text: str) -> None:
    """Its mistakes are told, and nothing is taken from it."""
    aex("init")
    home.config.write_text(text)
    found, settings = look(home, {})
    assert settings is None
    assert [verdict.about for verdict in found if verdict.level == "fail"] == ["config"]
