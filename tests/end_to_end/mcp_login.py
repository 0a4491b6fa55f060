"""A log-in at an MCP server, by the `mcp` SDK's own OAuth: both ends of it, unmodified.

Owns: who has logged in, in memory; a client whose user agrees at once.
Refuses to know: gateways. https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization
"""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from mcp.client.auth import OAuthClientProvider
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyHttpUrl, AnyUrl

URL = "https://login.example.com"
BACK = "http://localhost:1/back"


def settings() -> AuthSettings:
    """Of a server that is its own authority, under the name that agents call it by."""
    return AuthSettings(
        issuer_url=AnyHttpUrl(URL),
        resource_server_url=AnyHttpUrl(f"{URL}/mcp"),
        client_registration_options=ClientRegistrationOptions(enabled=True),
        validate_token_resource=False,
    )


class Authority:
    """Gives a token to whoever asks for one."""

    def __init__(self) -> None:
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.tokens: dict[str, AccessToken] = {}

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[str(client_info.client_id)] = client_info

    async def authorize(
        self, client: OAuthClientInformationFull, params: AuthorizationParams
    ) -> str:
        code = secrets.token_hex(16)
        self.codes[code] = AuthorizationCode(
            code=code,
            scopes=[],
            expires_at=time.time() + 600,
            client_id=str(client.client_id),
            **params.model_dump(include={"code_challenge", "redirect_uri", "resource"}),
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(self, client: Any, code: str) -> AuthorizationCode | None:
        return self.codes.get(code)

    async def exchange_authorization_code(
        self, client: Any, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        token = secrets.token_hex(16)
        self.tokens[token] = AccessToken(token=token, client_id="c", scopes=[])
        return OAuthToken(access_token=token)

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.tokens.get(token)


class _Storage:
    """What a client keeps."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def logging_in() -> OAuthClientProvider:
    """A client whose user's browser goes the way that the environment says."""
    came: dict[str, list[str]] = {}

    async def redirect(url: str) -> None:
        async with httpx.AsyncClient(timeout=30) as browser:
            answer = await browser.get(url)
        came.update(parse_qs(urlsplit(answer.headers["location"]).query))

    async def callback() -> tuple[str, str | None]:
        return came["code"][0], came["state"][0]

    metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(BACK)], client_name="agent")
    return OAuthClientProvider(f"{URL}/mcp", metadata, _Storage(), redirect, callback)
