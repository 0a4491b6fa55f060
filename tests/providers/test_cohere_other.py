"""Free paths of Cohere: the listed ones pass, whatever costs money or looks odd does not."""

from __future__ import annotations

import json

import pytest

from providers.cohere_other import COHERE_FREE, FREE_PATHS
from providers.wire import Call, Denial, Grant, Reading

COSTLY = [
    "POST /v1/chat",
    "POST /v2/chat",
    "POST /v2/embed",
    "POST /v2/rerank",
    "POST /v1/generate",
    "POST /v1/classify",
    "POST /v1/summarize",
    "POST /v1/embed-jobs",
    "POST /v1/datasets",
    "POST /v1/finetuning/finetuned-models",
    "POST /v1/connectors",
    "POST /compatibility/v1/chat/completions",
    "GET /v1/models/..",
    "GET /v1/models/a/b",
    "GET /v1/models/",
    "GET //v1/models",
    "DELETE /v1/models/x",
]


def call(line: str) -> Call:
    """A call from `METHOD /path`."""
    method, _, path = line.partition(" ")
    return Call("cohere", method, path, "", {}, b"{}")


@pytest.mark.parametrize("path", FREE_PATHS, ids=lambda path: path.pattern)
def test_listed_paths_are_free(path: object) -> None:
    """They pass untouched and unread, and say why they are here."""
    assert isinstance(path, type(FREE_PATHS[0]))
    assert path.reason
    for method in path.methods.split():
        request = call(f"{method} {path.pattern.replace('{id}', 'a-1.b')}")
        assert COHERE_FREE.claims(request)
        facts = COHERE_FREE.read(request)
        assert (facts.kind, facts.endpoint) == ("free", path.pattern)
        assert COHERE_FREE.patch(request, facts, Grant()) is request.body
        meter = COHERE_FREE.meter(facts, 200, "")
        assert meter.feed(b"x") + meter.finish() == b"x"
        assert meter.reading() == Reading(None, 0, False)


@pytest.mark.parametrize("line", COSTLY)
def test_other_paths_are_not(line: str) -> None:
    """What is not listed is nobody's, and reading it is a mistake."""
    assert not COHERE_FREE.claims(call(line))
    with pytest.raises(LookupError):
        COHERE_FREE.read(call(line))


def test_denials_have_coheres_shape() -> None:
    """Whole, and at the end of a stream."""
    denial = Denial(401, "token_missing", "m")
    assert json.loads(COHERE_FREE.refuse(denial).body)["message"] == "m"
    assert b"message-end" in COHERE_FREE.error_event(denial)
