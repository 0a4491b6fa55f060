"""Messages at hosts that have Claude too: there the path names the model, and the body the rest.

Owns: reading such a body as Anthropic's own is read, and writing a grant into it.
Refuses to know: any one host, its paths, its prices.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from providers import jsonbody
from providers.anthropic_messages import ANTHROPIC_MESSAGES
from providers.wire import Call, Facts, Grant

_ONLY_HERE = ("anthropic_version", "anthropic_beta")


def read(call: Call, model: str, document: dict[str, Any], in_path: tuple[str, ...]) -> Facts:
    """Facts of the call, as Anthropic itself would be asked. Raises Refused (400, 403).

    in_path: what the path says, so that the body must not.
    """
    for key in in_path:
        if key in document:
            raise jsonbody.bad_request(f"`{key}` is no key of this body; the path says it.")
    return ANTHROPIC_MESSAGES.read(_as_message(call, model, document))


def with_grant(call: Call, model: str, document: dict[str, Any], grant: Grant) -> dict[str, Any]:
    """The body with what was granted in it."""
    message = _as_message(call, model, document)
    facts = ANTHROPIC_MESSAGES.read(message)
    patched: dict[str, Any] = json.loads(ANTHROPIC_MESSAGES.patch(message, facts, grant))
    del patched["model"]
    return {**{key: document[key] for key in _ONLY_HERE if key in document}, **patched}


def _as_message(call: Call, model: str, document: dict[str, Any]) -> Call:
    message = {key: value for key, value in document.items() if key not in _ONLY_HERE}
    body = json.dumps({**message, "model": model}, ensure_ascii=False, separators=(",", ":"))
    return replace(call, body=body.encode("utf-8"))
