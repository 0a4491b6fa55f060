"""`aex plugin`: tools are taken in, looked at, let run and taken away, each on record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aex_addon.home import Home
from tests.aex_addon.cli.conftest import Aex
from tests.tool_packages import SUM, Packed, pack


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    """A tool that can be installed."""
    folder = tmp_path / "made"
    folder.mkdir()
    return pack(folder, "sum", SUM, description="Adds numbers.")


def test_a_tool_is_installed_and_enabled(aex: Aex, home: Home, packed: Packed) -> None:
    """What `list` and `show` tell is what was installed; the package is kept in the home."""
    made = aex.json("plugin", "install", packed.manifest, packed.package)
    assert (made["name"], made["version"], made["state"]) == ("sum", "1.0", "disabled")
    assert made["cost_usd"] == "0.002"
    assert made["manifest"]["description"] == "Adds numbers."
    (kept,) = home.tools.glob("sum/*/main.py")
    assert kept.read_text() == SUM
    assert aex.json("plugin", "enable", "sum")["state"] == "enabled"
    assert aex.json("plugin", "list") == [aex.json("plugin", "show", "sum")]
    assert aex.json("plugin", "disable", "sum", "--reason", "later")["state"] == "disabled"
    shown = aex("plugin", "show", "sum").stdout
    for told in ("Adds numbers.", "python main.py", "network", made["sha256"], "0.002"):
        assert told in shown
    assert "disabled" in aex("plugin", "list").stdout


def test_people_are_told_what_to_do_next(aex: Aex, packed: Packed) -> None:
    """From nothing to a tool that runs, each answer names the next command."""
    assert "aex plugin install" in aex("plugin", "list").stdout
    assert aex.json("plugin", "list") == []
    done = aex("plugin", "install", packed.manifest, packed.package)
    assert "aex plugin enable sum" in done.stderr
    aex("plugin", "enable", "sum")
    again = aex("plugin", "install", packed.manifest, packed.package)
    assert "aex plugin enable" not in again.stderr


def test_a_machine_without_a_sandbox_is_told(
    aex: Aex, packed: Packed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enabling is an act of the books, and says at once that nothing would be run here."""
    aex("plugin", "install", packed.manifest, packed.package)
    monkeypatch.setenv("PATH", "/nowhere")
    done = aex("plugin", "enable", "sum")
    assert "bubblewrap is missing" in done.stderr
    assert aex.json("plugin", "show", "sum")["state"] == "enabled"


def test_an_upgrade_is_looked_at_anew(aex: Aex, packed: Packed, tmp_path: Path) -> None:
    """Another version takes the place of the enabled one, and does not run."""
    aex("plugin", "install", packed.manifest, packed.package)
    aex("plugin", "enable", "sum")
    newer = pack(tmp_path / "made", "sum", SUM, version="1.1")
    made = aex.json("plugin", "install", newer.manifest, newer.package, "--reason", "faster")
    assert (made["version"], made["state"]) == ("1.1", "disabled")
    assert len(aex.json("plugin", "list")) == 1


def test_what_is_removed_is_gone(aex: Aex, home: Home, packed: Packed) -> None:
    """From the list and from the disk; the log still says what it was, and who did that."""
    aex("plugin", "install", packed.manifest, packed.package)
    assert aex.json("plugin", "remove", "sum") == {"name": "sum", "removed": True}
    assert aex.json("plugin", "list") == []
    assert list(home.tools.iterdir()) == []
    assert "there is no tool" in aex("plugin", "show", "sum", code=1).stderr
    assert "there is no tool" in aex("plugin", "remove", "sum", code=1).stderr
    assert aex.json("audit")["ok"] is True
    assert aex.json("plugin", "install", packed.manifest, packed.package)["state"] == "disabled"


@pytest.mark.parametrize("act", ["show", "enable", "disable", "remove"])
def test_what_is_not_there(aex: Aex, act: str) -> None:
    """It is told in one line, also where nothing was ever made."""
    done = aex("plugin", act, "nothing", code=1)
    assert (
        done.stderr == "aex: there is no tool 'nothing'; `aex plugin list` shows those there are\n"
    )


def test_mistakes_are_told_before_anything_is_kept(
    aex: Aex, home: Home, packed: Packed, tmp_path: Path
) -> None:
    """One line each: a wrong field, another package, a file that is not there."""
    wrong = json.loads(packed.manifest.read_text()) | {"network": "some", "color": 1}
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(wrong))
    lines = aex("plugin", "install", bad, packed.package, code=1).stderr.splitlines()
    assert len(lines) == 2
    assert any("network" in line for line in lines)
    (packed.package / "more.py").write_text("")
    assert "sha256" in aex("plugin", "install", packed.manifest, packed.package, code=1).stderr
    missing = tmp_path / "missing.toml"
    assert str(missing) in aex("plugin", "install", missing, packed.package, code=1).stderr
    assert aex.json("plugin", "list") == []
    assert not home.tools.exists() or not list(home.tools.glob("*/*"))


def test_the_hash_for_a_manifest(aex: Aex, packed: Packed, tmp_path: Path) -> None:
    """What the manifest is to name, for whatever form the package has."""
    named = json.loads(packed.manifest.read_text())["sha256"]
    assert aex("plugin", "hash", packed.package).stdout == f"{named}\n"
    assert aex.json("plugin", "hash", packed.package / "main.py") == {"sha256": named}
    assert "cannot be read" in aex("plugin", "hash", tmp_path / "missing", code=1).stderr
