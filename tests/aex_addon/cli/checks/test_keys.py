"""Which provider has a key is told, and never what it is; hosts are asked only on demand."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from aex_addon.cli.checks.keys import look, reach
from aex_addon.cli.checks.verdict import Verdict
from aex_addon.routes import routes
from aex_addon.settings_tables import ProviderSettings

CANARY = "sk-canary-7fd1"


def looked(environ: dict[str, str], **providers: dict[str, Any]) -> dict[str, Verdict]:
    configured = {
        name: ProviderSettings.model_validate(changes) for name, changes in providers.items()
    }
    found = look(routes(configured, environ), configured)
    assert CANARY not in str(found)
    return {verdict.about: verdict for verdict in found}


def test_a_key_that_is_there() -> None:
    """Its place is told; of the providers without one it is said that calls are refused."""
    found = looked({"OPENAI_API_KEY": CANARY})
    assert found["key of openai"].said == "present: OPENAI_API_KEY"
    assert "anthropic" in found["keys"].said
    assert {verdict.level for verdict in found.values()} == {"ok"}


def test_no_key_at_all() -> None:
    """Without any, no call can be made."""
    assert {name: one.level for name, one in looked({}).items()} == {"keys": "warn"}


def test_a_key_that_the_configuration_names() -> None:
    """Who names a provider in aex.toml means to call it."""
    found = looked({"OPENAI_API_KEY": CANARY}, groq={"api_key_env": "MY_GROQ"})
    assert found["key of groq"].level == "fail"
    assert "MY_GROQ" in found["key of groq"].remedy


def test_keys_that_nobody_needs() -> None:
    """A server of one's own goes without, and an agent's own key is the agent's."""
    found = looked(
        {},
        ollama={"upstream": "http://127.0.0.1:11434"},
        openai={"credentials": "agent"},
    )
    assert found["key of ollama"].said == "none needed"
    assert found["key of openai"].said == "the agent's own goes out"


def test_a_place_that_cannot_be_read(tmp_path: Any) -> None:
    """What would stop the gateway's start is told here."""
    found = looked({}, openai={"api_key_file": str(tmp_path / "none")})
    assert found["keys"].level == "fail"
    assert "providers.openai" in found["keys"].said


@pytest.mark.parametrize("listens", [True, False])
def test_the_way_to_a_provider(listens: bool) -> None:
    """One that takes a connection is reached; one that does not fails."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        upstream = f"http://127.0.0.1:{server.getsockname()[1]}"
        if not listens:
            server.close()
        changed = {
            provider.id: ProviderSettings(upstream=upstream)
            for provider in routes({}, {}).providers
        }
        found = reach(routes(changed, {}))
    assert {verdict.level for verdict in found} == {"ok" if listens else "fail"}
