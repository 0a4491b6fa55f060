"""What holds beside the providers is told, and what only seems to."""

from __future__ import annotations

import pytest

from aex_addon.cli.checks import egress
from aex_addon.cli.checks.verdict import Verdict
from aex_addon.home import Home
from aex_addon.settings_egress import EgressSettings
from tests.aex_addon.cli.conftest import Aex

URL = "sqlite:///ledger.db"


def looked(home: Home, **settings: object) -> list[Verdict]:
    return list(egress.look(home, URL, EgressSettings.model_validate(settings)))


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "agents reach every public host"),
        ({"deny": ["a.org"]}, "agents reach every public host but 1 that are denied"),
        (
            {"default": "none", "allow": ["a.org"], "private": ["10.0.0.0/8"]},
            "agents reach 1 entries; of private addresses 10.0.0.0/8",
        ),
        ({"anonymous": "refuse"}, "who names no agent reaches nothing"),
    ],
)
def test_what_holds(home: Home, settings: dict[str, object], said: str) -> None:
    """One line, and all is well."""
    (verdict,) = looked(home, **settings)
    assert (verdict.level, said in verdict.said) == ("ok", True)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("entry", ["*", "*:80", "0.0.0.0/0", "::/0"])
def test_everything_that_is_private(home: Home, entry: str) -> None:
    """It is doubtful, for it is this machine's too."""
    _, verdict = looked(home, private=["10.0.0.1", entry])
    assert (verdict.level, f"= {entry} " in verdict.said) == ("warn", True)


@pytest.mark.parametrize("option", ["--deny-host=a.org", "--allow-host=a.org", "--strict"])
def test_a_list_that_can_be_gone_around(aex: Aex, home: Home, option: str) -> None:
    """By whoever leaves the credential out, unless that is refused."""
    aex("agent", "create", "bot", 1, 0, option)
    aex("agent", "create", "free", 1, 0)
    _, verdict = looked(home)
    assert (verdict.level, "hold bot, who" in verdict.said) == ("warn", True)
    assert len(looked(home, anonymous="refuse")) == 1


def test_without_a_ledger(tmp_path: object) -> None:
    """Another look tells that; this one tells what holds."""
    assert len(looked(Home(tmp_path))) == 1  # type: ignore[arg-type]
