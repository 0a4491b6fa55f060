"""Who pays: the AEX credential of a request, wherever the client could put it.

Owns: reading it (the proxy URL's user and password, once per connection, or an AEX token where
a provider key would stand) and taking it off again, so that it never goes upstream.
Refuses to know: whether the credential is good; the ledger decides that in the admission.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from mitmproxy import http
from mitmproxy.connection import Client

from aex_addon.destinations import Address, endpoint
from aex_addon.payers import Payers, is_captured
from aex_addon.tokens import TOKEN, looks_like_token
from providers.sigv4 import ALGORITHM

# Where provider keys stand: OpenAI and most others, Anthropic, Azure, Google.
_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_KEY_PARAMETER = "key"

# What a signature of AWS in `authorization` comes with, in headers or in the query.
_SIGNATURE_HEADERS = ("x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
_SIGNATURE_PARAMETERS = "x-amz-"

# Whose signature it is: where an access key of AWS stands.
_SIGNER = re.compile(ALGORITHM + r" Credential=([^/]+)/")

# What never goes upstream: every credential, and what a client says to its proxy.
CREDENTIAL_HEADERS = frozenset(
    name.encode()
    for name in (*_KEY_HEADERS, *_SIGNATURE_HEADERS, "proxy-authorization", "proxy-connection")
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A token and, where the client gave one, the agent's name beside it."""

    token: str
    agent: str | None = None


def from_proxy_header(value: str | None) -> Credential | None:
    """The credential of `Proxy-Authorization: Basic …`, or None where there is none.

    Clients decode the percent-encoding of the proxy URL before they send it; for one that does
    not, it is decoded here (no name or token holds a percent sign). A token as the user's name
    with no password is taken too: some tools have only one field for a proxy credential.
    """
    if not value:
        return None
    scheme, _, encoded = value.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    user, password = unquote(user), unquote(password)
    if not password and looks_like_token(user):
        return Credential(user)
    return Credential(password, user or None)


def must_be_asked(request: http.Request) -> bool:
    """True for a client that shows its credential only when it is asked for one, and has not been.

    git leaves its credential out of the first CONNECT, whatever the proxy's address holds.
    https://curl.se/libcurl/c/CURLOPT_PROXYAUTH.html (CURLAUTH_ANY)
    """
    waits = str(request.headers.get("user-agent", "")).startswith("git/")
    return waits and "proxy-authorization" not in request.headers


def challenge() -> http.Response:
    """Asks for the credential of a proxy: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.8."""
    said = b"AEX governs this host: name an agent and its token in the address of the proxy.\n"
    asked = {"proxy-authenticate": 'Basic realm="AEX"', "content-type": "text/plain"}
    return http.Response.make(407, said, asked)


def from_key_slot(headers: Mapping[str, str], query: str, own: str = "") -> Credential | None:
    """An AEX token that stands where a provider key would; None if another key stands there.

    own: the header or parameter in which this provider's keys stand, if it is another.
    """
    for name in (*_KEY_HEADERS, own):
        # Before the key may stand one word, such as Bearer; two keys are none.
        words = headers.get(name, "").split() if name else []
        if words and len(words) <= 2 and looks_like_token(words[-1]):
            return Credential(words[-1])
    # AWS's SDKs show no bearer token without TLS, and sign instead.
    signer = _SIGNER.match(headers.get("authorization", ""))
    if signer and looks_like_token(signer[1]):
        return Credential(signer[1])
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name in (_KEY_PARAMETER, own) and looks_like_token(unquote_plus(value)):
            return Credential(unquote_plus(value))
    return None


def without_key(path: str, name: str = _KEY_PARAMETER) -> str:
    """The path and query without a `key` parameter, another one of that name, or a signature."""
    bare, mark, query = path.partition("?")
    if not mark:
        return path
    kept = [pair for pair in query.split("&") if not _holds_key(pair, name)]
    return f"{bare}?{'&'.join(kept)}" if kept else bare


def own_keys(request: http.Request, name: str) -> tuple[list[tuple[bytes, bytes]], list[str]]:
    """The client's own credentials for the provider: headers, and parameters of the query.

    name: where this provider has its key, if elsewhere than others. What holds an AEX token is no
    credential for a provider.
    """
    names = [name, *_KEY_HEADERS, *(_SIGNATURE_HEADERS if signed_by_client(request) else ())]
    wanted = {each.encode() for each in names}
    fields = [
        (field, value)
        for field, value in request.headers.fields
        if field.lower() in wanted and value and not TOKEN.search(value.decode("latin-1"))
    ]
    query = request.path.partition("?")[2]
    parameters = [
        pair
        for pair in query.split("&")
        if _holds_key(pair, name) and not TOKEN.search(unquote_plus(pair))
    ]
    return fields, parameters


def signed_by_client(request: http.Request) -> bool:
    """True where the client's credential is a signature of AWS, which covers the body."""
    return str(request.headers.get("authorization", "")).startswith(ALGORITHM)


def _holds_key(pair: str, name: str) -> bool:
    found = unquote_plus(pair.partition("=")[0]).lower()
    return found in (_KEY_PARAMETER, name.lower()) or found.startswith(_SIGNATURE_PARAMETERS)


class Identity:
    """The addon: remembers the credential that a connection's CONNECT carried.

    The header comes once a connection, not with the requests inside; what it said then holds for
    all of them, over HTTP/1.1 and HTTP/2 alike, and for no other connection.
    """

    def __init__(self, payers: Payers | None = None) -> None:
        self._payers = payers
        self._connections: dict[str, Credential] = {}
        self._coming: dict[Address, Credential] = {}
        self._tools: dict[str, Credential] = {}

    @contextmanager
    def coming(self, source: Address, credential: Credential) -> Iterator[None]:
        """A connection of a tool is made from there in this block: all that it asks, it asks with
        this credential, whatever it says of itself. Where the block raises, none comes."""
        self._coming[endpoint(source)] = credential
        try:
            yield
        except BaseException:
            self._coming.pop(endpoint(source), None)
            raise

    def client_connected(self, client: Client) -> None:
        """Knows a tool's connection by where it comes from."""
        found = self._coming.pop(endpoint(client.peername), None)
        if found is not None:
            self._tools[client.id] = found

    def of_tool(self, client: Client) -> Credential | None:
        """That of a connection out of a tool's sandbox."""
        return self._tools.get(client.id)

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Keeps the credential of a tunnel."""
        credential = from_proxy_header(flow.request.headers.get("proxy-authorization"))
        if credential is not None:
            self._connections[flow.client_conn.id] = credential

    def http_connect_error(self, flow: http.HTTPFlow) -> None:
        """There is no tunnel: what comes next on this connection may be somebody else's."""
        self._connections.pop(flow.client_conn.id, None)

    def client_disconnected(self, client: Client) -> None:
        """Forgets the connection."""
        self._connections.pop(client.id, None)
        self._tools.pop(client.id, None)

    def of_client(self, client: Client) -> Credential | None:
        """That of a captured connection's source."""
        payer = self._payers.of(client) if self._payers is not None else None
        return Credential(payer[1], payer[0]) if payer else None

    def of(self, flow: http.HTTPFlow, key_slot: bool = True, own: str = "") -> Credential | None:
        """The flow's credential: of its tool, source, connection, proxy header, or key slot.

        key_slot: False where the agent's own key stands there, which says nothing of who pays.
        own:      the provider's own header or parameter for keys.
        """
        request, client = flow.request, flow.client_conn
        if (lent := self.of_tool(client)) is not None:
            return lent
        if self._payers is not None and is_captured(client):
            found = self.of_client(client)
        else:
            found = self._connections.get(client.id) or from_proxy_header(
                request.headers.get("proxy-authorization")
            )
        if found is not None or not key_slot:
            return found
        return from_key_slot(request.headers, request.path.partition("?")[2], own)
