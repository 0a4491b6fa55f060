"""Free paths: the listed ones pass, whatever costs money or looks odd does not."""

from __future__ import annotations

import pytest

from providers.anthropic_other import ANTHROPIC_FREE, FREE_PATHS
from providers.wire import Call, Denial, Grant, Reading

COSTLY = [
    "POST /v1/messages",
    "POST /v1/messages/batches",
    "DELETE /v1/messages/batches/msgbatch_1",
    "POST /v1/complete",
    "POST /v1/sessions",
    "POST /v1/sessions/s_1/events",
    "POST /v1/agents",
    "POST /v1/dreams",
    "POST /v1/environments",
    "POST /v1/skills",
    "POST /v1/organizations/api_keys",
    "GET /v1/organizations/api_keys",
    "POST /api/oauth/claude_cli/create_api_key",
    "POST /v1/oauth/token",
    "POST /api/claude_code/settings",
    "GET /v1/models/..",
    "GET /v1/models/../messages",
    "GET /v1/models/a%2Fb",
    "GET /v1/models/a/b",
    "GET /v1/models/",
    "GET /v1/models\n",
    "GET //v1/models",
    "POST /v1/models",
    "get /v1/models",
    "GET /messages/count_tokens",
]


def call(line: str, body: bytes = b"") -> Call:
    """A call from `METHOD /path`."""
    method, _, path = line.partition(" ")
    return Call("anthropic", method, path, "", {}, body)


@pytest.mark.parametrize("line", COSTLY)
def test_what_may_cost_is_not_claimed(line: str) -> None:
    """The table is a list of what is free; all else is for others to meter or refuse."""
    assert not ANTHROPIC_FREE.claims(call(line))
    with pytest.raises(LookupError):
        ANTHROPIC_FREE.read(call(line))


@pytest.mark.parametrize("path", FREE_PATHS, ids=lambda path: f"{path.methods} {path.pattern}")
def test_each_row_passes_untouched(path: object) -> None:
    """A free call is named by its pattern and its body is not even parsed."""
    for row in (row for row in FREE_PATHS if row is path):
        for method in row.methods.split():
            line = f"{method} {row.pattern.replace('{id}', 'sdk-zAZezfDKGoZuXXKe')}"
            request = call(line, b"\xff")
            assert ANTHROPIC_FREE.claims(request)
            facts = ANTHROPIC_FREE.read(request)
            assert (facts.endpoint, facts.kind) == (row.pattern, "free")
            assert ANTHROPIC_FREE.patch(request, facts, Grant(5)) is request.body


def test_the_meter_reads_nothing() -> None:
    """Bytes pass, and not even an answer with usage counts."""
    facts = ANTHROPIC_FREE.read(call("GET /v1/messages/batches/msgbatch_1/results"))
    meter = ANTHROPIC_FREE.meter(facts, 200, "application/x-jsonl")
    assert meter.feed(b'{"usage":{}}') + meter.finish() == b'{"usage":{}}'
    assert meter.reading() == Reading(None, 0, complete=False)


def test_every_row_has_its_reason() -> None:
    """Nothing is free without saying why; paths of the API itself name their page too."""
    assert all(row.reason for row in FREE_PATHS)
    documented = [row for row in FREE_PATHS if row.page]
    assert {row.pattern.split("/")[1] for row in documented} == {"v1"}
    assert len({row.pattern for row in FREE_PATHS}) == len(FREE_PATHS)


def test_it_refuses_in_the_shape_of_the_api() -> None:
    """As an error object and as an error event."""
    denial = Denial(403, "not_metered", "No.")
    assert b'"error_code": "not_metered"' in ANTHROPIC_FREE.refuse(denial).body
    assert ANTHROPIC_FREE.error_event(denial).startswith(b"event: error\n")
