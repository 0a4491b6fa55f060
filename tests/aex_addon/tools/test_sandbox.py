"""Whether tools can run is found out by running one, and a way out is named."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aex_addon.tools import sandbox


@pytest.fixture(autouse=True)
def untried() -> Iterator[None]:
    """Each test finds out anew."""
    sandbox._tried.cache_clear()
    yield
    sandbox._tried.cache_clear()


@pytest.mark.skipif(not sandbox.find_bwrap(), reason="needs bubblewrap")
async def test_a_tool_is_run() -> None:
    """Also where a loop runs already; the machine that this suite runs on can."""
    assert sandbox.unavailable() is None


def test_no_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is this system's own way to install it, and is looked for anew each time."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sandbox.unavailable() == "bubblewrap is missing; run: install bubblewrap"
    (tmp_path / "apt-get").touch(mode=0o755)
    assert sandbox.unavailable() == "bubblewrap is missing; run: apt-get install bubblewrap"


def test_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Linux has what holds a tool."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "Linux alone" in (sandbox.unavailable() or "")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1", "No permissions"),
        ("exit 0", "the sandbox does not stand"),
    ],
)
def test_namespaces_that_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str
) -> None:
    """What bwrap says is passed on, with what an administrator can do; once mended, tools run."""
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f"#!/bin/sh\n{script}\n")
    bwrap.chmod(0o755)
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{tmp_path}:{path}")
    found = sandbox.trouble()
    assert found
    assert told in found[0]
    assert "sysctl -w user.max_user_namespaces" in found[1]
    if sandbox.find_bwrap() and Path("/usr/bin/bwrap").exists():
        bwrap.unlink()
        assert sandbox.unavailable() is None
