"""Free paths of Cohere: the listed ones pass, whatever costs money or looks odd does not."""

from __future__ import annotations

import json

from providers.cohere_other import COHERE_FREE, FREE_PATHS
from providers.wire import Denial
from tests.providers.free_contract import FreePathsContract

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


class TestContract(FreePathsContract):
    """Cohere's table keeps the contract."""

    wire_format, paths, costly = COHERE_FREE, FREE_PATHS, COSTLY


def test_denials_have_coheres_shape() -> None:
    """Whole, and at the end of a stream."""
    denial = Denial(401, "token_missing", "m")
    assert json.loads(COHERE_FREE.refuse(denial).body)["message"] == "m"
    assert b"message-end" in COHERE_FREE.error_event(denial)
