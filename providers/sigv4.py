"""AWS Signature Version 4: the headers by which AWS knows whose request it is.

Owns: the canonical request, the key that is derived for a day, the Authorization header.
Refuses to know: where keys come from, what the time is, how a request is sent.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

The signature covers the body as it is given here, so it is made last. The path is taken as it
will be sent and encoded once more, which is what every service but S3 expects of a client.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """An access key of AWS; a session token with it makes it a temporary one."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for, beside its day."""

    region: str
    service: str


def sign(
    keys: AwsKeys,
    scope: Scope,
    method: str,
    target: str,
    headers: Iterable[Header],
    body: bytes,
    at: datetime,
) -> list[Header]:
    """The headers to add: the date, the session token if there is one, the signature.

    target:  path and query as they are sent.
    headers: those to be covered, `host` among them.
    at:      now, aware; AWS takes signatures for five minutes.
    """
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    added = [("x-amz-date", stamp)]
    if keys.session_token is not None:
        added.append(("x-amz-security-token", keys.session_token))
    lines, names = _canonical_headers([*headers, *added])
    path, _, query = target.partition("?")
    request = "\n".join(
        (
            *(method, quote(path, safe="/"), _canonical_query(query)),
            *(lines, names, sha256(body).hexdigest()),
        )
    )
    within = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join((ALGORITHM, stamp, within, sha256(request.encode()).hexdigest()))
    key = _signing_key(keys.secret_access_key, stamp[:8], scope.region, scope.service)
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    value = (
        f"{ALGORITHM} Credential={keys.access_key_id}/{within}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return [*added, ("authorization", value)]


def _canonical_headers(headers: Iterable[Header]) -> tuple[str, str]:
    """One line for each name, and the names; several values of a name in the order they came."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(" ".join(value.split()))
    names = sorted(values)
    lines = "".join(f"{name}:{','.join(values[name])}\n" for name in names)
    return lines, ";".join(names)


def _canonical_query(query: str) -> str:
    pairs = []
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        pairs.append((quote(unquote(name), safe=""), quote(unquote(value), safe="")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


@lru_cache(maxsize=32)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The same for a day, so that a call pays for one signature and not for five."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
