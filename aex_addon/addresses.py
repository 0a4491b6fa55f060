"""Addresses in the configuration: where AEX listens, stores, sends calls and checkpoints.

Owns: what each must look like, and the sentence that says so. No sentence repeats the value.
Refuses to know: which key holds it.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def split_listen(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9000` or `[::1]:9000`. Raises ValueError with a sentence."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    named = re.fullmatch(r"[A-Za-z0-9._-]+", host) or (bare != host and ":" in bare)
    if not (named and re.fullmatch("[0-9]{1,5}", port) and int(port) < 65536):
        raise ValueError('expected HOST:PORT, such as "127.0.0.1:9000" or "[::1]:9000"')
    return bare, int(port)


def listen(value: str) -> str:
    """An address to listen on."""
    split_listen(value)
    return value


def ledger(value: str) -> str:
    """Where the ledger is."""
    parts = urlsplit(value)
    file = value.startswith("sqlite:///") and len(value) > len("sqlite:///")
    if not file and not (parts.scheme in ("postgresql", "postgres") and parts.netloc):
        raise ValueError('expected "sqlite:///FILE" or "postgresql://USER@HOST/DATABASE"')
    return value


def upstream(value: str) -> str:
    """Where calls are sent, without a slash at the end."""
    parts = urlsplit(value)
    try:
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        named = False
    if not named or parts.query or parts.fragment or re.search(r"\s", value):
        raise ValueError('expected an address, such as "https://models.example" or with a path')
    if "@" in parts.netloc:
        raise ValueError("an upstream holds no credentials; name a variable in api_key_env")
    return value.rstrip("/")


def witness_url(value: str) -> str:
    """Where checkpoints are posted. It may hold a path and a query, but no credentials."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", value):
        raise ValueError('expected an address, such as "https://witness.example/aex"')
    if "@" in parts.netloc:
        raise ValueError("an address of a witness holds no credentials; use witness_command")
    return value


def collector(value: str) -> str:
    """Where traces are sent, by OTLP over HTTP."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", value):
        raise ValueError('expected an address, such as "http://127.0.0.1:4318/v1/traces"')
    if "@" in parts.netloc:
        raise ValueError(
            "an address of a collector holds no credentials; OpenTelemetry's own "
            "OTEL_EXPORTER_OTLP_HEADERS does"
        )
    return value


def token_uri(value: str) -> str:
    """Where access tokens are got: over TLS, or on this machine."""
    parts = urlsplit(value)
    here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not (here or (parts.scheme == "https" and parts.hostname)) or re.search(r"\s", value):
        raise ValueError('expected an address with TLS, such as "https://tokens.example/token"')
    return value
