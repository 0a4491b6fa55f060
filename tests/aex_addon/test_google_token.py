"""A service account's key becomes an access token, at the endpoint that its own file names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aex_addon.google_token import SCOPE, ServiceAccount
from aex_addon.known_secrets import Secrets
from aex_addon.sources import CredentialError, Fetched
from tests.aex_addon.token_endpoint import EMAIL, TokenEndpoint, key_file, pem, token_endpoint

URI = "https://tokens.example/token"


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with token_endpoint() as found:
        yield found


def account(path: Path) -> tuple[ServiceAccount, Secrets]:
    secrets = Secrets()
    return ServiceAccount(path, secrets), secrets


def complaint(path: Path) -> CredentialError:
    """Why there is no token; nothing of the key or of an answer is in it."""
    source, _ = account(path)
    with pytest.raises(CredentialError) as raised:
        source.fetch()
    text = str(raised.value)
    assert "canary" not in text
    assert not any(line in text for line in pem().splitlines())
    return raised.value


def test_a_token(tmp_path: Path, endpoint: TokenEndpoint) -> None:
    """The assertion is signed, for that endpoint, and the token lasts as long as it says."""
    source, _ = account(key_file(tmp_path, endpoint.uri))
    assert source.fetch() == Fetched("ya29.canary-token-1", 3300, 3600)
    (claims,) = endpoint.claims
    assert claims["exp"] - claims["iat"] == 3600
    rest = {key: value for key, value in claims.items() if key not in ("exp", "iat")}
    assert rest == {"iss": EMAIL, "scope": SCOPE, "aud": endpoint.uri}


def test_a_token_of_a_short_life(tmp_path: Path, endpoint: TokenEndpoint) -> None:
    """It is renewed when a fifth of its life is left, and not at once."""
    endpoint.expires_in = 100
    source, _ = account(key_file(tmp_path, endpoint.uri))
    assert source.fetch() == Fetched("ya29.canary-token-1", 80, 100)


def test_what_is_known_to_the_redaction(tmp_path: Path, endpoint: TokenEndpoint) -> None:
    """The private key, each of its lines, and the assertion, before the endpoint is asked."""
    source, secrets = account(key_file(tmp_path, endpoint.uri))
    source.fetch()
    for secret in (pem(), pem().splitlines()[3], json.dumps(pem()), endpoint.assertions[0]):
        assert secret not in secrets.blot(f"x {secret} x")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": "authorized_user"}, "is not one of a service account"),
        ({"type": ...}, "cannot be used"),
        ({"private_key": "canary"}, "cannot be used"),
        ({"private_key": ...}, "cannot be used"),
        ({"client_email": ...}, "cannot be used"),
        ({"token_uri": "http://tokens.example/token"}, "cannot be used"),
        ({"token_uri": 7}, "cannot be used"),
    ],
)
def test_a_file_of_something_else(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    """It is refused for good, and what to do with other credentials is told."""
    error = complaint(key_file(tmp_path, **{"token_uri": URI, **changes}))
    assert error.lasting
    assert told in str(error)
    assert "gcloud" in str(error)


@pytest.mark.parametrize("text", ["canary", "[]", '"canary"', '{"type": ["canary"]}'])
def test_a_file_that_is_no_key_file(tmp_path: Path, text: str) -> None:
    """Whatever stands in it, the complaint is one sentence."""
    path = key_file(tmp_path, URI)
    path.write_text(text)
    assert complaint(path).lasting


def test_a_file_that_others_may_read(tmp_path: Path) -> None:
    """It is refused with the command that mends it."""
    path = key_file(tmp_path, URI)
    path.chmod(0o640)
    assert "chmod 600" in str(complaint(path))


@pytest.mark.parametrize(
    ("status", "text", "told"),
    [
        (400, '{"error": "canary"}', "answered 400"),
        (500, "canary", "answered 500"),
        (302, "canary", "answered 302"),
        (307, "canary", "answered 307"),
        (200, "canary", "cannot be used"),
        (200, '["canary"]', "no JSON object"),
        (200, '{"access_token": "canary"}', "has no expiry"),
        (200, '{"access_token": "canary", "expires_in": "canary"}', "has no expiry"),
        (200, '{"access_token": "canary", "expires_in": 0}', "has no expiry"),
        (200, '{"access_token": "canary canary", "expires_in": 9}', "one line"),
        (200, '{"expires_in": 9}', "one line"),
    ],
)
def test_an_endpoint_that_gives_no_token(
    tmp_path: Path, endpoint: TokenEndpoint, status: int, text: str, told: str
) -> None:
    """Its status is told and nothing that it said; no redirect is followed."""
    endpoint.answers.append((status, text))
    error = complaint(key_file(tmp_path, endpoint.uri))
    assert told in str(error)
    assert endpoint.claims == []


def test_an_endpoint_that_is_not_there(tmp_path: Path) -> None:
    """It may be there later."""
    assert not complaint(key_file(tmp_path, "https://127.0.0.1:1/token")).lasting
