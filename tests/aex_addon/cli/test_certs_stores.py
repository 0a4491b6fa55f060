"""Which trust stores `aex certs …` is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.aex_addon.cli.conftest import Aex
from tests.aex_addon.cli.trusting import venv


@pytest.fixture(autouse=True)
def ready(aex: Aex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    aex("init")


@pytest.mark.parametrize("named", ["", "system,browser", ","])
def test_an_unknown_store_is_wrong_usage(aex: Aex, named: str) -> None:
    """The kinds that there are stand in the refusal."""
    refused = aex("certs", "status", "--stores", named, code=2).stderr
    assert "system, nss, java, venv" in refused


def test_a_venv_must_be_named(aex: Aex, tmp_path: Path) -> None:
    """Its kind alone says not which, and a folder that is none is refused."""
    assert "--venv PATH" in aex("certs", "status", "--stores", "venv", code=2).stderr
    refused = aex("certs", "status", "--venv", tmp_path, code=1).stderr
    assert "is no virtual environment" in refused
    aex("certs", "status", "--venv", tmp_path / "nowhere", code=2)


def test_a_venv_alone_is_meant_alone(aex: Aex, tmp_path: Path) -> None:
    """Without --stores nothing else is looked at; with it both are, and several may be named."""
    one, _ = venv(tmp_path)
    two, _ = venv(tmp_path, "two")
    kinds = [store["store"] for store in aex.json("certs", "status", "--venv", one)["stores"]]
    assert kinds == ["venv"]
    found = aex.json("certs", "status", "--stores", "nss", "--venv", one, "--venv", two)["stores"]
    assert [store["store"] for store in found] == ["venv", "venv"]
