"""Free paths: the listed ones pass, whatever costs money or looks odd does not."""

from __future__ import annotations

import pytest

from providers.openai_other import (
    COMPATIBLE_FREE,
    COMPATIBLE_PATHS,
    FREE_PATHS,
    OPENAI_FREE,
)
from providers.wire import Call
from tests.providers.free_contract import FreePathsContract

COSTLY = [
    "POST /v1/batches",
    "POST /v1/files",
    "GET /v1/files/file_1/content",
    "POST /v1/fine_tuning/jobs",
    "POST /v1/vector_stores",
    "POST /v1/vector_stores/vs_1/files",
    "POST /v1/vector_stores/vs_1/search",
    "POST /v1/containers",
    "POST /v1/images/generations",
    "POST /v1/audio/speech",
    "POST /v1/audio/transcriptions",
    "POST /v1/responses",
    "GET /v1/responses",
    "POST /v1/completions",
    "POST /v1/chat/completions",
    "POST /v1/embeddings",
    "GET /v1/realtime",
    "POST /v1/realtime/sessions",
    "POST /v1/videos",
    "POST /v1/evals",
    "POST /v1/assistants",
    "POST /v1/threads/runs",
    "POST /v1/threads/t_1/runs",
    "DELETE /v1/models/ft:x",
    "GET /v1/models/..",
    "GET /v1/models/../chat/completions",
    "GET /v1/models/a%2Fb",
    "GET /v1/models/a/b",
    "GET /v1/models/",
    "GET /v1/models\n",
    "GET //v1/models",
    "POST /v1/models",
    "get /v1/models",
]


def call(line: str, body: bytes = b"") -> Call:
    """A call from `METHOD /path`."""
    method, _, path = line.partition(" ")
    return Call("openai", method, path, "", {}, body)


class TestContract(FreePathsContract):
    """OpenAI's table keeps the contract."""

    wire_format, paths, costly = OPENAI_FREE, FREE_PATHS, COSTLY
    named = "ft:gpt-4o:org::a_1.b"


class TestCompatibleContract(FreePathsContract):
    """What compatible hosts give away keeps it too; Mistral bills moderation, for one."""

    wire_format, paths = COMPATIBLE_FREE, COMPATIBLE_PATHS
    costly = ("POST /v1/moderations", "POST /v1/files", "GET /v1/batches", "POST /v1/models")


def test_every_row_names_its_page() -> None:
    """Nothing is free at OpenAI that is not described."""
    assert all(row.page for row in FREE_PATHS)


def test_compatible_hosts_give_away_reading_alone() -> None:
    """What OpenAI gives away beside that, others may bill."""
    assert {path.methods for path in COMPATIBLE_PATHS} == {"GET"}


@pytest.mark.parametrize("line", ["POST /v1/moderations", "GET /v1/files", "GET /v1/assistants"])
def test_what_only_openai_gives_away(line: str) -> None:
    """It is not taken to be free anywhere else."""
    assert OPENAI_FREE.claims(call(line))
    assert not COMPATIBLE_FREE.claims(call(line))
