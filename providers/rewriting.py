"""A JSON body with some of its fields changed, as it is sent on.

Owns: how a document becomes bytes again. Refuses to know: any field; what is to be changed.
"""

from __future__ import annotations

import json
from typing import Any


def written(document: dict[str, Any]) -> bytes:
    """The document without blanks; text stays as it is, for each escape would be bytes more."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def changed(body: bytes, document: dict[str, Any], changes: dict[str, Any]) -> bytes:
    """The body with these fields; the very bytes that came where nothing changes."""
    return written({**document, **changes}) if changes else body
