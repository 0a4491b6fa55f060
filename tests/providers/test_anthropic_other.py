"""Free paths: the listed ones pass, whatever costs money or looks odd does not."""

from __future__ import annotations

from providers.anthropic_other import ANTHROPIC_FREE, FREE_PATHS
from providers.wire import Denial
from tests.providers.free_contract import FreePathsContract

COSTLY = [
    "POST /v1/messages",
    "POST /v1/messages/batches",
    "GET /v1/messages/batches/msgbatch_1/results",
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


class TestContract(FreePathsContract):
    """Anthropic's table keeps the contract."""

    wire_format, paths, costly = ANTHROPIC_FREE, FREE_PATHS, COSTLY
    named = "sdk-zAZezfDKGoZuXXKe"


def test_paths_of_the_api_name_their_page() -> None:
    """Those of Claude Code have none."""
    documented = [row for row in FREE_PATHS if row.page]
    assert {row.pattern.split("/")[1] for row in documented} == {"v1"}


def test_it_refuses_in_the_shape_of_the_api() -> None:
    """As an error object and as an error event."""
    denial = Denial(403, "not_metered", "No.")
    assert b'"error_code": "not_metered"' in ANTHROPIC_FREE.refuse(denial).body
    assert ANTHROPIC_FREE.error_event(denial).startswith(b"event: error\n")
