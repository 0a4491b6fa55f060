"""`aex certs …`."""

from __future__ import annotations

from pathlib import Path

from aex_addon.home import Home
from providers.registry import PROVIDERS
from tests.aex_addon.cli.conftest import Aex


def test_paths(aex: Aex, home: Home) -> None:
    """The root holds no key, and the bundle holds more than the root."""
    aex("init")
    root = Path(aex("certs", "path").stdout.strip())
    bundle = Path(aex("certs", "path", "--bundle").stdout.strip())
    assert aex.json("certs", "path") == {"ca": str(root), "bundle": str(bundle)}
    assert b"PRIVATE" not in root.read_bytes()
    assert len(bundle.read_bytes()) > len(root.read_bytes())


def test_status_follows_the_provider_table(aex: Aex, home: Home) -> None:
    """A CA that fits has no reason to be re-issued; one for other hosts says which."""
    aex("init")
    found = aex.json("certs", "status")
    assert found["hosts"] == sorted(host for each in PROVIDERS for host in each.hosts)
    assert found["stale"] == []
    home.config.write_text('[providers.openai]\nhosts = ["llm.example.com"]')
    assert "It does not permit llm.example.com." in aex.json("certs", "status")["stale"]
    assert "new CA" in aex("certs", "status").stderr


def test_an_unknown_provider_is_a_mistake_of_the_file(aex: Aex, home: Home) -> None:
    """A table for a provider that AEX does not know is one line."""
    aex("init")
    home.config.write_text("[providers.nobody]")
    refused = aex("certs", "status", code=1).stderr
    assert refused.startswith("aex: aex.toml: [providers.nobody]")


def test_no_ca_yet(aex: Aex) -> None:
    """What is not there has no path, and the refusal names the command that makes it."""
    for command in ("path", "status"):
        result = aex("certs", command, code=1)
        assert "`aex up` makes one" in result.stderr
        assert result.stdout == ""
