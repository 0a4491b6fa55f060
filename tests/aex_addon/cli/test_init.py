"""`aex init`."""

from __future__ import annotations

import stat
from pathlib import Path

from aex_addon.cli.init import TEMPLATE
from aex_addon.home import Home
from aex_addon.settings import Settings
from aex_addon.settings_load import load
from tests.aex_addon.cli.conftest import Aex


def test_init_makes_all_of_it_private(aex: Aex, home: Home) -> None:
    """Home, configuration, CA, bundle and ledger are there, and others get into none of it."""
    made = aex.json("init")
    assert made["created"] is True
    for name in ("config", "ca", "bundle"):
        assert Path(made[name]).is_file()
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    keys = (home.ca_dir / "mitmproxy-ca.pem", home.keys / "tools.key")
    private = (home.config, home.path / "ledger.db", *keys)
    for path in (*private, made["admin_token"]):
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    aex("audit")


def test_init_again_keeps_what_is_there(aex: Aex, home: Home) -> None:
    """A second run changes neither the CA nor the configuration nor the ledger."""
    aex("init")
    home.config.write_text("drain_seconds = 9")
    aex("agent", "create", "shop", 1, 1)
    before = (home.ca_dir / "mitmproxy-ca.pem").read_bytes()
    assert aex.json("init")["created"] is False
    assert (home.ca_dir / "mitmproxy-ca.pem").read_bytes() == before
    assert home.config.read_text() == "drain_seconds = 9"
    assert [one["name"] for one in aex.json("agent", "list")] == ["shop"]
    assert "aex up" in aex("init").stderr


def test_the_first_file_says_nothing_and_shows_what_works(home: Home) -> None:
    """The template gives the defaults, and holds with every line switched on."""
    home.ensure()
    home.config.write_text(TEMPLATE)
    assert load(home, {}) == Settings()
    lines = TEMPLATE.splitlines()[3:]
    home.config.write_text("\n".join(line.removeprefix("# ") for line in lines))
    assert load(home, {}).models["my-model"].max_output_tokens == 16384
