"""Free paths of Ollama: reading passes, changing the server's models does not."""

from __future__ import annotations

import json

from providers.ollama_other import FREE_PATHS, OLLAMA_FREE
from providers.wire import Denial
from tests.providers.free_contract import FreePathsContract

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


class TestContract(FreePathsContract):
    """Ollama's table keeps the contract."""

    wire_format, paths, costly = OLLAMA_FREE, FREE_PATHS, REFUSED


def test_denials_have_ollamas_shape() -> None:
    """Whole, and as a line."""
    denial = Denial(401, "token_missing", "m")
    assert json.loads(OLLAMA_FREE.refuse(denial).body)["error"] == "m"
    assert json.loads(OLLAMA_FREE.error_event(denial))["error"] == "m"
