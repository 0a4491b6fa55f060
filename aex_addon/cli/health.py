"""Asking a gateway whether it serves.

Owns: one GET /health, straight to the address, with no proxy in between.
Refuses to know: where the address comes from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Health:
    """`ok` if it answered 200 as an AEX gateway does; `reason` says why not."""

    ok: bool
    reason: str = ""
    body: dict[str, Any] = field(default_factory=dict)


def probe(host: str, port: int, timeout_s: float = 2.0) -> Health:
    """Never raises for what a network or a foreign server may do."""
    from http.client import HTTPConnection, HTTPException

    if not 0 < port < 65536:
        return Health(False, "its port is not known")
    connection = HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/health", headers={"Connection": "close"})
        answer = connection.getresponse()
        status, content = answer.status, answer.read(65_536)
    except (OSError, HTTPException) as error:
        return Health(False, str(error) or type(error).__name__)
    finally:
        connection.close()
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict) or "status" not in body:
        return Health(False, "what answers there is no AEX gateway")
    if status != 200:
        return Health(False, f"it answers {status}: {body['status']}", body)
    return Health(True, "", body)
