"""Asking a gateway for something: one POST of JSON with a token, straight to its address.

Owns: that no proxy stands in between and that the token follows no redirect.
Refuses to know: what is asked, where address and token come from.
"""

from __future__ import annotations

import json
from typing import Any

from aex_addon.home import HomeError

_PATIENCE_S = 30.0
_ANSWER_MAX = 65_536


def post(root: str, path: str, token: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and document; an answer that is none is {}. Raises HomeError if nobody answers."""
    from http.client import HTTPException
    from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request

    opener = OpenerDirector()
    opener.add_handler(HTTPHandler())
    opener.add_handler(HTTPSHandler())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url, content = root.rstrip("/") + path, json.dumps(asked).encode()
    try:
        request = Request(url, content, headers)  # noqa: S310 - callers check the scheme
        with opener.open(request, timeout=_PATIENCE_S) as answer:
            status, content = answer.status, answer.read(_ANSWER_MAX)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise HomeError(f"no gateway answers at {root} ({reason})") from error
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    return status, body if isinstance(body, dict) else {}


def refusal(root: str, status: int, body: dict[str, Any], wanted: str) -> HomeError:
    """The error of an answer that is not what was asked for."""
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return HomeError(str(message or f"what answers at {root} gave no {wanted} (status {status})"))
