"""What the operator configures is where a secret comes from; mistakes end the start."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aex_addon import provision
from aex_addon.credentials import AgentsKey, Credentials, OwnSecret
from aex_addon.known_secrets import Secrets
from aex_addon.provider_rows import Row, rows
from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_tables import ProviderSettings
from aex_addon.settings_values import ConfigError
from providers.provider import Provider
from providers.registry import PROVIDERS
from providers.sigv4 import AwsKeys
from tests.aex_addon.token_endpoint import TokenEndpoint, key_file, token_endpoint

OPENAI = next(provider for provider in PROVIDERS if provider.id == "openai")
AWS = replace(OPENAI, id="aws", api_key_env="AWS_BEARER_TOKEN_BEDROCK", credentials="aws")
GOOGLE = replace(OPENAI, id="google", api_key_env="GEMINI_API_KEY", credentials="google")
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
PAIR = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "canary"}


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with token_endpoint() as found:
        yield found


def made(environ: dict[str, str], provider: Provider = OPENAI, **changes: Any) -> Credentials:
    changed = ProviderSettings.model_validate(changes)
    row = Row(provider, provider.upstream, changed.upstream is not None, changed)
    return provision.credentials(row, environ, Secrets())


def begun(
    environ: dict[str, str], provider: Provider = OPENAI, host: str = HOST, **changes: Any
) -> OwnSecret:
    access = made(environ, provider, **changes)
    assert isinstance(access, OwnSecret)
    provision.begin([(access, host)])
    return access


def private(folder: Path, text: str) -> str:
    path = folder / "key"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def test_a_variable_is_read_at_once() -> None:
    """The provider's own, or the one that is named."""
    environ = {"OPENAI_API_KEY": "one", "MINE": "two"}
    for changes, expected in (({}, "one"), ({"api_key_env": "MINE"}, "two")):
        access = made(environ, **changes)
        assert isinstance(access, OwnSecret)
        assert access.keeper.secret == expected


def test_other_places_are_read_at_the_start(tmp_path: Path) -> None:
    """A file and a command are left alone until then, and go before the provider's variable."""
    environ = {"OPENAI_API_KEY": "not this"}
    command = [sys.executable, "-c", "print('from-a-command')"]
    for changes, expected in (
        ({"api_key_file": private(tmp_path, "from-a-file\n")}, "from-a-file"),
        ({"api_key_command": command}, "from-a-command"),
    ):
        access = made(environ, **changes)
        assert isinstance(access, OwnSecret)
        assert access.keeper.secret is None
        assert begun(environ, **changes).keeper.secret == expected


@pytest.mark.parametrize(
    ("changes", "required"),
    [
        ({}, True),
        ({"upstream": "http://127.0.0.1:1"}, False),
        ({"upstream": "http://127.0.0.1:1", "api_key_file": "/no/such"}, True),
    ],
)
def test_who_needs_a_key(changes: dict[str, str], required: bool) -> None:
    """At a place of the operator's own none is needed, unless one is named that is not there."""
    assert made({}, **changes).goes_without is not required


@pytest.mark.parametrize(
    ("environ", "changes", "told"),
    [
        ({}, {"api_key_file": "/no/such/file"}, "cannot look at /no/such/file"),
        ({}, {"api_key_command": ["/no/such/helper"]}, "/no/such/helper: it cannot be run"),
        ({}, {"aws_profile": "work", "credentials": "aws"}, "no-such-file"),
        (PAIR, {"credentials": "aws", "host": "models.example"}, "set AWS_REGION"),
        ({"OPENAI_API_KEY": "a b"}, {}, "OPENAI_API_KEY: expected one line"),
    ],
)
def test_what_only_the_operator_can_mend(
    environ: dict[str, str], changes: dict[str, Any], told: str
) -> None:
    """The gateway does not start, and says for which provider and why."""
    environ = {"AWS_SHARED_CREDENTIALS_FILE": "/no-such-file", **environ}
    with pytest.raises(ConfigError, match=rf"providers\.openai: .*{told}") as raised:
        begun(environ, **changes)
    assert "canary" not in str(raised.value)


def test_what_may_mend_itself(caplog: pytest.LogCaptureFixture) -> None:
    """The gateway starts, and that provider's calls are refused for now."""
    access = begun({}, api_key_command=[sys.executable, "-c", "import sys; sys.exit(9)"])
    refusal = access.lacking(None)  # type: ignore[arg-type]
    assert refusal is not None
    assert "exit code 9" in refusal.message
    assert "no key for openai yet" in caplog.text


def test_aws(tmp_path: Path) -> None:
    """Keys are found as AWS's tools find them, or given by a file in their form."""
    assert begun(PAIR, AWS).keeper.secret == AwsKeys("AKID", "canary")
    api_key = {"AWS_BEARER_TOKEN_BEDROCK": "api-key-canary"}
    assert begun(api_key, AWS).keeper.secret == "api-key-canary"
    text = json.dumps({"AccessKeyId": "AKFILE", "SecretAccessKey": "canary"})
    given = begun(PAIR, AWS, api_key_file=private(tmp_path, text))
    assert given.keeper.secret == AwsKeys("AKFILE", "canary")
    assert begun({**PAIR, "AWS_REGION": "eu-1"}, AWS, host="127.0.0.1").no_signature("x") == ""
    with pytest.raises(ConfigError, match="this provider takes none"):
        begun({}, api_key_file=private(tmp_path, text))


def test_google(tmp_path: Path, endpoint: TokenEndpoint) -> None:
    """A key file, named in the config or by a variable, becomes a token; else a key is read."""
    path = str(key_file(tmp_path, endpoint.uri))
    for environ, changes in (
        ({"GOOGLE_APPLICATION_CREDENTIALS": path}, {}),
        ({}, {"api_key_file": path}),
    ):
        found = begun(environ, GOOGLE, **changes).keeper.secret
        assert found == f"ya29.canary-token-{len(endpoint.claims)}"
    assert len(endpoint.claims) == 2
    both = {"GEMINI_API_KEY": "key", "GOOGLE_APPLICATION_CREDENTIALS": path}
    assert begun(both, GOOGLE).keeper.secret == "key"


def test_many_start_side_by_side(tmp_path: Path) -> None:
    """Two helpers that wait for one another both come to their end."""
    fifo = tmp_path / "fifo"
    text = "open({!r}, {!r}); print('key')"
    os.mkfifo(fifo)
    ends = [
        made({}, api_key_command=[sys.executable, "-c", text.format(str(fifo), mode)])
        for mode in ("r", "w")
    ]
    provision.begin((end, HOST) for end in ends)
    assert [end.keeper.secret for end in ends if isinstance(end, OwnSecret)] == ["key", "key"]


def test_the_agents_own() -> None:
    """Only where the config says so."""
    assert isinstance(made({"OPENAI_API_KEY": "k"}, credentials="agent"), AgentsKey)
    assert isinstance(made({"OPENAI_API_KEY": "k"}), OwnSecret)


def test_a_server_of_mcp() -> None:
    """The agent's own key, if it has one; or AEX's, where the config names it."""
    server = {"url": "https://mcp.example.com/mcp"}
    (row,) = rows({}, {"desk": McpSettings.model_validate(server)})[-1:]
    access = provision.credentials(row, {}, Secrets())
    assert isinstance(access, AgentsKey)
    assert access.token_stands_in
    named = McpSettings.model_validate({**server, "api_key_env": "DESK_KEY"})
    (row,) = rows({}, {"desk": named})[-1:]
    access = provision.credentials(row, {"DESK_KEY": "k"}, Secrets())
    assert isinstance(access, OwnSecret)
    assert access.keeper.secret == "k"
