"""What a connection's first bytes say about who is meant: the SNI of TLS, or the Host of HTTP.

Owns: reading them, however they are cut.
Refuses to know: whether that host is governed, what becomes of the connection.
"""

from __future__ import annotations

import re

from mitmproxy.net.http import url
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy.layers.tls import parse_client_hello

# More than any real greeting: a hello of TLS with post-quantum keys has two thousand bytes.
LONGEST = 65_536

_METHOD = re.compile(rb"[A-Z]{1,16}")
_LINE = re.compile(rb"[A-Z]{1,16} (\S+) HTTP/1\.[01]\r?\n")
_HOST = re.compile(rb"\r?\nhost:[ \t]*([^\r\n]*?)[ \t]*(?=\r?\n)", re.IGNORECASE)
_END = re.compile(rb"\r?\n\r?\n")


class Unfinished(Exception):
    """More bytes are needed."""


def hosts_named(data: bytes) -> tuple[str, ...]:
    """The hosts that are asked for; none where nothing says so. Raises Unfinished.

    TLS: the SNI (https://www.rfc-editor.org/rfc/rfc6066#section-3). HTTP/1: the Host and, where
    the first line has a whole URL, that URL's. Everything else names nobody.
    """
    if len(data) < 3 and (not data or data[:1] == b"\x16" or data.isupper()):
        raise Unfinished
    if starts_like_tls_record(data):
        try:
            hello = parse_client_hello(data)
        except ValueError:
            return ()
        if hello is None:
            raise Unfinished
        return (_plain(hello.sni),) if hello.sni else ()
    return _of_http(data)


def _of_http(data: bytes) -> tuple[str, ...]:
    word = _METHOD.match(data)
    if not word:
        return ()
    line = _LINE.match(data)
    if not line:
        # It may yet become a first line of HTTP: a method, then an address without a line's end.
        rest = data[word.end() :]
        if not rest and len(word[0]) < 16:
            raise Unfinished
        if rest.startswith(b" ") and b"\n" not in rest:
            raise Unfinished
        return ()
    end = _END.search(data, line.end() - 2)
    if not end:
        raise Unfinished
    head = data[: end.end()]
    named = [found.decode("latin-1") for found in _HOST.findall(head)]
    target = line[1].decode("latin-1")
    if "://" in target:
        named.append(target.partition("://")[2].partition("/")[0])
    return tuple(_plain(url.parse_authority(each, check=False)[0]) for each in named)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
