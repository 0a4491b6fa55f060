"""Free paths of Ollama: reading passes, changing the server's models does not."""

from __future__ import annotations

import json

import pytest

from providers.ollama_other import FREE_PATHS, OLLAMA_FREE
from providers.wire import Call, Denial, Grant, Reading

REFUSED = [
    "POST /api/pull",
    "POST /api/push",
    "POST /api/create",
    "POST /api/copy",
    "DELETE /api/delete",
    "POST /api/blobs/sha256:1",
    "POST /api/web_search",
    "POST /api/chat",
    "GET /api/show",
    "GET /api/tags/",
]


def call(line: str) -> Call:
    """A call from `METHOD /path`."""
    method, _, path = line.partition(" ")
    return Call("ollama", method, path, "", {}, b"{}")


def test_listed_paths_are_free() -> None:
    """They pass untouched and unread, and say why they are here."""
    for path in FREE_PATHS:
        assert path.reason
        for method in path.methods.split():
            request = call(f"{method} {path.pattern}")
            assert OLLAMA_FREE.claims(request)
            facts = OLLAMA_FREE.read(request)
            assert (facts.kind, facts.endpoint) == ("free", path.pattern)
            assert OLLAMA_FREE.patch(request, facts, Grant()) is request.body
            meter = OLLAMA_FREE.meter(facts, 200, "")
            assert meter.feed(b"x") + meter.finish() == b"x"
            assert meter.reading() == Reading(None, 0, False)


@pytest.mark.parametrize("line", REFUSED)
def test_other_paths_are_not(line: str) -> None:
    """What is not listed is nobody's, and reading it is a mistake."""
    assert not OLLAMA_FREE.claims(call(line))
    with pytest.raises(LookupError):
        OLLAMA_FREE.read(call(line))


def test_denials_have_ollamas_shape() -> None:
    """Whole, and as a line."""
    denial = Denial(401, "token_missing", "m")
    assert json.loads(OLLAMA_FREE.refuse(denial).body)["error"] == "m"
    assert json.loads(OLLAMA_FREE.error_event(denial))["error"] == "m"
