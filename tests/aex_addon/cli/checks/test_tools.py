"""A machine on which no tool can run is told of it where there are tools."""

from __future__ import annotations

import pytest

from aex_addon.cli.checks import tools
from aex_addon.home import Home
from aex_addon.tools import sandbox

TROUBLE = ("bubblewrap is missing", "run: apt-get install bubblewrap")


def test_tools_can_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """One was run, just now."""
    monkeypatch.setattr(sandbox, "trouble", lambda: None)
    (verdict,) = tools.look(home)
    assert (verdict.level, verdict.said) == ("ok", "one was run in its sandbox")


def test_tools_cannot_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails for who has installed one, and is a remark for who has not."""
    monkeypatch.setattr(sandbox, "trouble", lambda: TROUBLE)
    (verdict,) = tools.look(home)
    assert (verdict.level, TROUBLE[1] in verdict.said) == ("ok", True)
    (home.tools / "wordcount").mkdir(parents=True)
    (verdict,) = tools.look(home)
    assert (verdict.level, verdict.remedy) == ("fail", TROUBLE[1])
    assert TROUBLE[0] in verdict.said
