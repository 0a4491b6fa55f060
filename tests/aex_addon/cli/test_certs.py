"""`aex certs …`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from aex_addon.home import Home
from certs.env import CA_VARIABLES
from providers.registry import PROVIDERS
from tests.aex_addon.cli.conftest import Aex
from tests.aex_addon.cli.trusting import venv

# Stores of a home that has none: what these tests say does not depend on the machine.
NONE = ("--stores", "nss")


@pytest.fixture(autouse=True)
def bare_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


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
    found = aex.json("certs", "status", *NONE)
    assert found["hosts"] == sorted(host for each in PROVIDERS for host in each.hosts)
    assert found["stale"] == []
    assert aex("certs", "status", "--hosts").stdout.split() == found["hosts"]
    assert aex.json("certs", "status", "--hosts") == found["hosts"]
    assert max(map(len, aex("certs", "status", *NONE).stdout.splitlines())) < 120
    home.config.write_text('[providers.openai]\nhosts = ["llm.example.com"]')
    assert "It does not permit llm.example.com." in aex.json("certs", "status", *NONE)["stale"]
    assert "new CA" in aex("certs", "status", *NONE).stderr


def test_an_unknown_provider_is_a_mistake_of_the_file(aex: Aex, home: Home) -> None:
    """A table for a provider that AEX does not know is one line."""
    aex("init")
    home.config.write_text("[providers.nobody]")
    refused = aex("certs", "status", *NONE, code=1).stderr
    assert refused.startswith("aex: aex.toml: [providers.nobody]")


def test_no_ca_yet(aex: Aex) -> None:
    """What is not there has no path, and the refusal names the command that makes it."""
    for command in ("path", "status"):
        result = aex("certs", command, code=1)
        assert "`aex up` makes one" in result.stderr
        assert result.stdout == ""


def test_status_tells_what_was_replaced(aex: Aex, home: Home) -> None:
    """After the provider table has changed, a start has made a new CA, and the old one is named."""
    aex("init")
    before = aex.json("certs", "status", *NONE)
    assert before["replaced"] == []
    home.config.write_text('[providers.openai]\nhosts = ["llm.example.com"]')
    aex("init")
    after = aex.json("certs", "status", *NONE)
    (replaced,) = after["replaced"]
    assert (replaced["serial"], after["stale"]) == (before["serial"], [])
    assert "It does not permit llm.example.com." in replaced["reasons"]
    assert replaced["at"] == after["issued"]
    assert "It does not permit llm.example.com." in aex("certs", "status", *NONE).stdout


def test_status_looks_into_stores(aex: Aex, tmp_path: Path) -> None:
    """Absent, trusted, or a root from before: each in a word, with its place."""
    aex("init")
    made, bundle = venv(tmp_path)
    state = ("certs", "status", "--venv", made)
    (seen,) = aex.json(*state)["stores"]
    assert seen == {
        "store": "venv",
        "where": str(bundle),
        "state": "absent",
        "replaced": [],
        "problem": "",
    }
    aex("certs", "install", "--venv", made, "--yes")
    assert aex.json(*state)["stores"][0]["state"] == "trusted"
    assert "trusted" in aex(*state).stdout
    aex("certs", "renew", "--venv", made, "--yes")
    (seen,) = aex.json(*state)["stores"]
    assert (seen["state"], len(seen["replaced"])) == ("replaced", 1)


@pytest.mark.parametrize("shell", ["bash", "dotenv", "json"])
def test_env_names_the_bundle_alone(aex: Aex, home: Home, shell: str) -> None:
    """Each variable is the bundle, which holds the root; no proxy and no token is among them."""
    aex("init")
    text = aex("certs", "env", "--shell", shell).stdout
    if shell == "json":
        assert json.loads(text) == aex.json("certs", "env")
        assert json.loads(text)["set"] == dict.fromkeys(CA_VARIABLES, str(home.bundle))
    if shell == "bash":
        script = f'{text}\ncat "$SSL_CERT_FILE"'
        said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        assert Path(aex("certs", "path").stdout.strip()).read_text() in said.stdout
    assert all(name in text for name in CA_VARIABLES)
    assert not any(word in text.upper() for word in ("HTTPS_PROXY", "TOKEN"))
