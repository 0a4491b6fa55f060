"""Helpers for agents' authors: light to import, and pointed at AEX."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aex_addon import client
from aex_addon.routes import routes

ROOT = "http://127.0.0.1:9000"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `aex run` sets."""
    monkeypatch.setenv("AEX_BASE_URL", ROOT + "/")
    monkeypatch.setenv("AEX_TOKEN", "aex_t")


def test_importing_it_starts_and_brings_nothing() -> None:
    """Of AEX only itself is imported, no SDK, no server, no database, no thread is started."""
    program = (
        "import sys, threading; before = set(sys.modules); import aex_addon.client;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - sys.stdlib_module_names), threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(client.__file__).parents[1],
    )
    assert done.stdout.strip() == "['aex_addon'] 1"


@pytest.mark.usefixtures("given")
def test_every_address_leads_to_its_provider() -> None:
    """The base URL of a provider is one that the gateway's table knows."""
    table = routes({}, {})
    for provider in ("openai", "groq", "anthropic", "mistral", "cohere"):
        path = client.base_url(provider).removeprefix(ROOT)
        found = table.by_base_url(path + "/x")
        assert found is not None
        assert found[0] == provider
    assert client.base_url() == f"{ROOT}/v1"
    assert client.base_url("gemini") == f"{ROOT}/gemini"


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize(
    ("make", "path"),
    [
        (client.openai_client, "/v1/"),
        (client.async_openai_client, "/v1/"),
        (client.groq_client, "/groq/v1/"),
        (client.anthropic_client, "/anthropic/"),
        (client.async_anthropic_client, "/anthropic/"),
    ],
)
def test_clients(make: object, path: str) -> None:
    """Each is the SDK's own, with the token as its key, and takes the SDK's options."""
    made = make(max_retries=7)  # type: ignore[operator]
    assert str(made.base_url) == ROOT + path
    assert made.api_key == client.token() == "aex_t"
    assert made.max_retries == 7


@pytest.mark.usefixtures("given")
def test_a_childs_environment() -> None:
    """It is this one, with base URLs and keys for the same agent."""
    made = client.environment()
    assert made["OPENAI_BASE_URL"] == f"{ROOT}/v1"
    assert made["ANTHROPIC_API_KEY"] == "aex_t"
    assert "PATH" in made


def test_outside_of_aex_it_says_what_to_do() -> None:
    """Without the variables there is no client, and the sentence names the commands."""
    for ask in (client.token, client.base_url, client.environment, client.openai_client):
        with pytest.raises(client.NotGoverned, match="aex run --agent NAME"):
            ask()
