"""Between mitmproxy's flows and the nouns of providers/wire.py.

Owns: turning a flow into a Call, a Reply into a response, and pointing a flow at its upstream.
Refuses to know: what is decided about the call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import unquote_plus

from mitmproxy import http
from mitmproxy.net.http import url

from aex_addon import identity
from aex_addon.credentials import Outgoing
from aex_addon.doors import PATH
from aex_addon.routes import Route
from providers.encoding import decode_body
from providers.formbody import without_boundary
from providers.paths import canonical
from providers.wire import Call, Denial, Refused, Reply

# It is kept in the ledger and shown to people; the query may hold secrets and never is.
_PATH = re.compile(r"/[!-~]{0,1023}")
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))

# What front ends such as Google's take instead of the method and headers that were read here:
# https://github.com/whatwg/fetch/issues/210
_OVERRIDING_HEADERS = ("x-http-method-override", "x-http-method", "x-method-override")
# A body is read as UTF-8 here. A server that heeds another charset (those of Node take UTF-7) would
# find other keys in the very same bytes.
_CHARSETS = re.compile(r"charset([^;,]*)")
_UTF_8 = re.compile(r'\s*=\s*"?(?:utf-?8|(?:us-)?ascii)"?\s*')
_OVERRIDING_PARAMETERS = frozenset(("$httpmethod", "$httpheaders"))

_NOT_FORWARDED = identity.CREDENTIAL_HEADERS | {
    # Connection-level (RFC 9110, section 7.6.1): they speak to AEX, not to the provider.
    *(b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"http2-settings"),
    # Of the request as it came in; they are written anew.
    *(b"host", b"content-length", b"content-encoding", b"transfer-encoding"),
}


def read_call(flow: http.HTTPFlow, route: Route, body_max: int) -> Call:
    """The call as the wire formats see it; its body decoded, at most `body_max` bytes.

    Raises Refused: 400 for a path that no provider has, or that asks to be read otherwise than it
    is written; 400, 413 or 415 where the body's content encoding cannot be taken off.
    """
    request = flow.request
    path, _, query = str(flow.metadata[PATH]).partition("?")
    if not _PATH.fullmatch(path):
        raise Refused(Denial(400, "invalid_path", "The path is not one that a provider has."))
    headers = _plain(request.headers)
    if _overridden(headers, query):
        message = "A method or headers in place of the request's own are not taken."
        raise Refused(Denial(400, "invalid_request", message))
    if _in_other_letters(headers.get("content-type", "")):
        raise Refused(Denial(400, "invalid_request", "A body in another charset than UTF-8."))
    theirs, model = canonical(route.provider.nests, path)
    return Call(
        provider=route.id,
        method=request.method.upper(),
        path=path,
        query=query,
        headers=headers,
        body=decode_body(request.raw_content or b"", headers.get("content-encoding", ""), body_max),
        canonical=theirs,
        path_model=model,
        host=route.host,
    )


def _plain(headers: http.Headers) -> dict[str, str]:
    """The headers by lower-case names, in one pass; those that are given twice are joined."""
    found: dict[str, str] = {}
    for field, raw in headers.fields:
        name = field.decode("utf-8", "surrogateescape").lower()
        value = raw.decode("utf-8", "surrogateescape")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _overridden(headers: Mapping[str, str], query: str) -> bool:
    if any(name in headers for name in _OVERRIDING_HEADERS):
        return True
    if not query:
        return False
    names = (unquote_plus(pair.partition("=")[0]).lower() for pair in query.split("&"))
    return any(name in _OVERRIDING_PARAMETERS for name in names)


def _in_other_letters(content_type: str) -> bool:
    """Whether it names a charset by which the body could say something else than is read here."""
    return any(not _UTF_8.fullmatch(named) for named in _CHARSETS.findall(content_type.lower()))


def plain_path(path: str) -> str:
    """What of any path can be kept and shown: no query, no control characters, no endless tail."""
    return path.partition("?")[0].encode("ascii", "backslashreplace").decode()[:256]


def fingerprint(call: Call) -> str:
    """SHA-256 (hex) of what makes two calls the same request."""
    digest = sha256()
    body = without_boundary(call.body, call.headers.get("content-type", ""))
    scope = (part.encode() for part in call.scope)
    for part in (call.method.encode(), *scope, call.query.encode(), body):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def response(reply: Reply) -> http.Response:
    """AEX's own answer as mitmproxy sends it; of one that is given again, the very bytes."""
    fields = [
        (name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in reply.headers
    ]
    return http.Response.make(reply.status, reply.body, http.Headers(fields))


# A compressed message could grow a thousandfold before anyone has seen how large it is.
_NOT_OF_A_SOCKET = (b"sec-websocket-extensions",)
_SWITCH = ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))


def send_upstream(flow: http.HTTPFlow, route: Route, body: bytes, socket: bool = False) -> None:
    """Points the flow at the provider: address, path, body, key in, the agent's credential out.

    The headers are rebuilt in one pass: each look-up in mitmproxy's costs microseconds.
    socket: it is the handshake of a WebSocket, which is then one without extensions.
    """
    request = flow.request
    host = url.hostport(route.scheme, route.host, route.port)
    address, key_name = host.encode(), route.provider.key_header.name
    key_header = key_name.encode()
    fields = [
        (name, value)
        for name, value in request.headers.fields
        if (lower := name.lower()) not in _NOT_FORWARDED
        and lower != key_header
        and not lower.startswith(b"x-aex-")
    ]
    if request.is_http2:
        request.data.authority = address
    else:
        # Inside a tunnel a client may still have sent a whole URL; it goes on as a path.
        request.data.authority = b""
        fields.insert(0, (b"Host", address))
    if socket:
        fields = [field for field in fields if field[0].lower() not in _NOT_OF_A_SOCKET]
        fields.extend(_SWITCH)
    if body or request.method in _WITH_BODY:
        fields.append((b"Content-Length", str(len(body)).encode()))
    target = identity.without_key(route.base_path + str(flow.metadata[PATH]), key_name)
    outgoing = Outgoing(request.method, host, target, fields, body)
    route.credentials.authorize(outgoing, request)
    request.headers = http.Headers(fields)
    request.data.content = body
    request.trailers = None  # HTTP/1.1 upstreams are sent none, and none was read
    request.data.scheme = route.scheme.encode()
    request.data.host = route.host
    request.data.port = route.port
    request.path = outgoing.target


def breaks_signature(request: http.Request, body: bytes) -> bool:
    """True where the client's own signature does not cover the body that would be sent."""
    return identity.signed_by_client(request) and body != (request.raw_content or b"")


def is_websocket(call: Call) -> bool:
    """True for a request to switch to WebSocket. (h2c upgrades are simply not taken up.)"""
    return "websocket" in call.headers.get("upgrade", "").lower()


def reached_provider(flow: http.HTTPFlow) -> bool:
    """False only where no byte of the request can have left: no connection stood."""
    server = flow.server_conn
    if server.timestamp_tcp_setup is None:
        return False
    return not server.tls or server.timestamp_tls_setup is not None
