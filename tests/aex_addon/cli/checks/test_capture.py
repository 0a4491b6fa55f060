"""A capture that cannot work, or that nobody pays for, is told before a start fails at it."""

from __future__ import annotations

import pytest

from aex_addon.cli.checks import capture
from aex_addon.cli.checks.verdict import Verdict
from aex_addon.home import Home
from aex_addon.settings_tables import CaptureSettings
from tests.aex_addon.cli.conftest import Aex

URL = "sqlite:///ledger.db"


def looked(home: Home, mode: str, agent: str = "shop") -> Verdict:
    (verdict,) = capture.look(home, URL, {mode: CaptureSettings(agent=agent)})
    return verdict


def test_nothing_is_captured(home: Home) -> None:
    """Then there is nothing to say."""
    assert list(capture.look(home, URL, {})) == []


@pytest.mark.usefixtures("shop")
def test_who_pays_is_told(home: Home) -> None:
    """By source where the mode tells sources apart."""
    settings = CaptureSettings(agents={"10.0.0.5": "shop"})
    (verdict,) = capture.look(home, URL, {"transparent@127.0.0.1:8080": settings})
    assert (verdict.level, "10.0.0.5/32 is shop's" in verdict.said) == ("ok", True)


def test_no_such_agent(aex: Aex, home: Home, shop: str) -> None:
    """Neither one that is not there nor a team can pay, nor anybody without a ledger."""
    aex("team", "create", "crew", "5.00")
    for name in ("nobody", "crew"):
        verdict = looked(home, "local:x", name)
        assert (verdict.level, f"create {name}" in verdict.remedy) == ("fail", True)
    assert looked(Home(home.path / "other"), "local:x").level == "fail"
    assert shop


@pytest.mark.usefixtures("shop")
def test_keys_that_others_may_read(home: Home) -> None:
    """The file of a VPN's keys is as private as a key."""
    keys = home.path / "peer.conf"
    keys.write_text("{}")
    for mode, level in ((0o644, "fail"), (0o600, "ok")):
        keys.chmod(mode)
        assert looked(home, f"wireguard:{keys}@127.0.0.1:51820").level == level


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("patched", "mode"),
    [
        (("sys.platform", "aix"), "transparent@127.0.0.1:1"),
        (("shutil.which", lambda _name: None), "local:x"),
    ],
)
def test_what_this_system_lacks(
    home: Home, monkeypatch: pytest.MonkeyPatch, patched: tuple[str, object], mode: str
) -> None:
    """It is said what is missing, and what to do."""
    if mode.startswith("local"):
        monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(*patched)
    verdict = looked(home, mode)
    assert verdict.level == "fail"
    assert verdict.remedy
