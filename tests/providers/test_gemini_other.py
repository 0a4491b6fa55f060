"""Paths of Google's APIs that cost nothing."""

from __future__ import annotations

import json

import pytest

from providers.gemini_other import FREE_PATHS, GEMINI_FREE
from providers.wire import Call, Denial
from tests.providers.free_contract import FreePathsContract

VERTEX = "/v1/projects/p/locations/global"
COSTLY = [
    "POST /v1beta/cachedContents",
    "PATCH /v1beta/cachedContents/abc",
    "POST /v1beta/models/gemini-3.8-flash:generateContent",
    "POST /v1beta/models/gemini-3.8-flash:batchGenerateContent",
    "POST /v1beta/models/gemini-embedding-001:asyncBatchEmbedContent",
    "POST /v1beta/models/veo-3.1:predictLongRunning",
    "POST /v1beta/models/imagen-4.0:predict",
    "POST /v1beta/interactions",
    "POST /v1alpha/auth_tokens",
    "POST /v1beta/fileSearchStores",
    "POST /upload/v1beta/fileSearchStores/s:uploadToFileSearchStore",
    "POST /v1beta/tunedModels",
    "DELETE /v1beta/tunedModels/mine",
    "POST /batch",
    "GET /v1beta/models/..",
    "GET /v1beta/models/a%2fb",
    "GET /v1beta/models/a/b",
    f"POST {VERTEX}/cachedContents",
    f"POST {VERTEX}/publishers/anthropic/models/claude-opus-5:rawPredict",
    f"POST {VERTEX}/batchPredictionJobs",
]


def call(line: str) -> Call:
    """A call by its method and path."""
    method, _, path = line.partition(" ")
    return Call("google", method, path, "", {}, b"\xff")


@pytest.mark.parametrize(
    "line",
    [
        "GET /v1/models",
        "GET /v1beta/models/gemini-3.8-flash",
        "POST /v1beta/models/gemini-3.8-flash:countTokens",
        "POST /upload/v1beta/files",
        "GET /v1alpha/files/abc-123",
        "GET /v1beta/files/abc-123:download",
        "DELETE /v1beta/files/abc-123",
        "GET /v1beta/cachedContents",
        "DELETE /v1beta/cachedContents/abc",
        "POST /v1beta/batches/abc:cancel",
        "GET /v1beta/models/veo-3.1/operations/abc",
        f"POST {VERTEX}/publishers/google/models/gemini-3.8-flash:countTokens",
        f"GET {VERTEX}/cachedContents/7",
        "GET /v1beta1/publishers/google/models/gemini-3.8-flash",
    ],
)
def test_known_paths_are_free(line: str) -> None:
    """In every version of the API."""
    asked = call(line)
    assert GEMINI_FREE.claims(asked)
    assert GEMINI_FREE.read(asked).endpoint in {path.pattern for path in FREE_PATHS}


class TestContract(FreePathsContract):
    """Google's table keeps the contract."""

    wire_format, paths, costly = GEMINI_FREE, FREE_PATHS, COSTLY


def test_denials_have_googles_shape() -> None:
    """As an answer and as an event."""
    denial = Denial(403, "not_metered", "No.")
    assert json.loads(GEMINI_FREE.refuse(denial).body)["error"]["status"] == "PERMISSION_DENIED"
    assert b'"error"' in GEMINI_FREE.error_event(denial)
