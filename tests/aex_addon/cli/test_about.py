"""`aex version`."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon import version as module
from aex_addon.version import version
from tests.aex_addon.cli.conftest import Aex


def test_both_forms_name_the_version(aex: Aex) -> None:
    """Text and JSON say the same version."""
    assert aex("version").stdout == f"aex {version()}\n"
    assert aex.json("version")["version"] == version()
    assert version()[0].isdigit()


def test_a_checkout_knows_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where AEX is not installed, pyproject.toml says the version; else it is unknown."""

    def missing(name: str) -> str:
        raise module.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(module.metadata, "version", missing)
    assert version.__wrapped__()[0].isdigit()
    pyproject = tmp_path / "pyproject.toml"
    for text in ("", "[project]", '[project]\nname = "b"\nversion = "1"', "= ="):
        pyproject.write_text(text)
        assert module._of_checkout(pyproject) == "unknown"
    assert module._of_checkout(tmp_path / "none") == "unknown"
