"""Free paths: the listed ones pass, whatever costs money or looks odd does not."""

from __future__ import annotations

import pytest

from providers.openai_other import (
    COMPATIBLE_FREE,
    COMPATIBLE_PATHS,
    FREE_PATHS,
    OPENAI_FREE,
    FreePath,
)
from providers.wire import Call, Grant, Reading

COSTLY = [
    "POST /v1/batches",
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


@pytest.mark.parametrize("line", COSTLY)
def test_what_may_cost_is_not_claimed(line: str) -> None:
    """The table is a list of what is free; all else is for others to meter or refuse."""
    assert not OPENAI_FREE.claims(call(line))
    with pytest.raises(LookupError):
        OPENAI_FREE.read(call(line))


@pytest.mark.parametrize("path", FREE_PATHS, ids=lambda path: f"{path.methods} {path.pattern}")
def test_each_row_passes_untouched(path: object) -> None:
    """A free call is named by its pattern and its body is not even parsed."""
    for row in (row for row in FREE_PATHS if row is path):
        for method in row.methods.split():
            request = call(
                f"{method} {row.pattern.replace('{id}', 'ft:gpt-4o:org::a_1.b')}", b"\xff"
            )
            assert OPENAI_FREE.claims(request)
            facts = OPENAI_FREE.read(request)
            assert (facts.endpoint, facts.kind) == (row.pattern, "free")
            assert OPENAI_FREE.patch(request, facts, Grant(5)) is request.body


def test_the_meter_reads_nothing() -> None:
    """Bytes pass, and not even an answer with usage counts."""
    meter = OPENAI_FREE.meter(OPENAI_FREE.read(call("GET /v1/models")), 200, "application/json")
    assert meter.feed(b'{"usage":{}}') + meter.finish() == b'{"usage":{}}'
    assert meter.reading() == Reading(None, 0, complete=False)


def test_every_row_has_its_reason_and_its_page() -> None:
    """Nothing is free without saying why and where that is written."""
    assert all(row.reason and row.page for row in FREE_PATHS)
    assert len({row.pattern for row in FREE_PATHS}) >= len(FREE_PATHS) - 1


@pytest.mark.parametrize("path", COMPATIBLE_PATHS, ids=lambda path: path.pattern)
def test_compatible_hosts_give_away_reading_alone(path: FreePath) -> None:
    """Each row only reads, and passes; what OpenAI gives away beside that, others may bill."""
    assert path.methods == "GET"
    assert COMPATIBLE_FREE.claims(call(f"GET {path.pattern.replace('{id}', 'maker.model-1')}"))
    assert not COMPATIBLE_FREE.claims(call(f"POST {path.pattern}"))


@pytest.mark.parametrize("line", ["POST /v1/moderations", "POST /v1/files", "GET /v1/batches"])
def test_what_only_openai_gives_away(line: str) -> None:
    """Mistral bills moderation, for one; so it is not taken to be free anywhere else."""
    assert OPENAI_FREE.claims(call(line))
    assert not COMPATIBLE_FREE.claims(call(line))
