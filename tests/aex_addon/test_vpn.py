"""The keys of a VPN are private, kept, and known as secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aex_addon import vpn
from aex_addon.home import HomeError
from aex_addon.known_secrets import Secrets

MODE = "wireguard@127.0.0.1:51820"


def test_keys_are_made_once(tmp_path: Path) -> None:
    """Two of them, in the file that mitmproxy reads; the next start takes the same."""
    secrets = Secrets()
    vpn.prepare(MODE, tmp_path, secrets)
    made = json.loads((tmp_path / "wireguard.conf").read_text())
    vpn.prepare(MODE, tmp_path, secrets)
    assert json.loads((tmp_path / "wireguard.conf").read_text()) == made
    assert len({made["server_key"], made["client_key"]}) == 2
    assert made["client_key"] not in secrets.blot(f"PrivateKey = {made['client_key']}")


def test_a_file_of_one_s_own(tmp_path: Path) -> None:
    """The mode names it; what the peer needs is written beside it."""
    mode = f"wireguard:{tmp_path}/one.conf@127.0.0.1:51820"
    vpn.prepare(mode, tmp_path / "unused", Secrets())
    path = vpn.hand_out(mode, tmp_path, "[Interface]")
    assert path == tmp_path / "one.conf.peer"
    assert path.read_text() == "[Interface]\n"
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"server_key": "x"}'])
def test_what_is_no_file_of_keys(tmp_path: Path, text: str) -> None:
    """The mode and the file are named."""
    (tmp_path / "wireguard.conf").write_text(text)
    (tmp_path / "wireguard.conf").chmod(0o600)
    with pytest.raises(HomeError, match=r"wireguard\.conf cannot be used"):
        vpn.prepare(MODE, tmp_path, Secrets())


def test_keys_that_others_may_read(tmp_path: Path) -> None:
    """They are refused, with the command that makes them private."""
    (tmp_path / "wireguard.conf").write_text("{}")
    (tmp_path / "wireguard.conf").chmod(0o644)
    with pytest.raises(HomeError, match="chmod 600"):
        vpn.prepare(MODE, tmp_path, Secrets())
