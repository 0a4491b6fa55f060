"""Where a log-in pays, what reads is free, and all else is refused in the host's own words."""

from __future__ import annotations

import json

import pytest

from providers.paths import canonical
from providers.registry import find
from providers.subscriptions import METERED, SUBSCRIPTIONS
from providers.wire import Call, Refused

ROWS = {provider.id: provider for provider in SUBSCRIPTIONS}
CALLS = [
    ("chatgpt", "/backend-api/codex/responses"),
    ("chatgpt", "/backend-api/codex/responses/compact"),
    ("chatgpt", "/backend-api/conversation"),
    ("code-assist", "/v1internal:generateContent"),
    ("code-assist", "/v1internal:streamGenerateContent"),
    ("code-assist", "/v1internal:loadCodeAssist"),
    ("claude-login", "/api/organizations/o/chat_conversations/c/completion"),
]


def asked(provider: str, method: str, path: str) -> Call:
    theirs, _ = canonical(ROWS[provider].nests, path)
    return Call(provider, method, path, "", {}, b"{}", canonical=theirs)


@pytest.mark.parametrize(("provider", "path"), CALLS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_calls_are_refused(provider: str, path: str, method: str) -> None:
    """With a reason and a way out, in an error object of the host's API."""
    found = find(asked(provider, method, path), ROWS[provider].formats)
    assert found is not None
    with pytest.raises(Refused) as raised:
        found.read(asked(provider, method, path))
    denial = raised.value.denial
    assert (denial.status, denial.code) == (403, "subscription_refused")
    assert denial.remedy
    assert denial.message in json.loads(found.refuse(denial).body)["error"]["message"]
    assert found.error_event(denial)


@pytest.mark.parametrize(
    ("provider", "line"),
    [
        ("chatgpt", "GET /backend-api/codex/models"),
        ("chatgpt", "GET /backend-api/wham/usage"),
        ("claude-login", "POST /v1/oauth/token"),
        ("claude-login", "GET /"),
    ],
)
def test_reading_and_logging_in_are_free(provider: str, line: str) -> None:
    """Agents look at their plan and renew their log-in; neither costs anything."""
    method, _, path = line.partition(" ")
    found = find(asked(provider, method, path), ROWS[provider].formats)
    assert found is not None
    assert found.read(asked(provider, method, path)).kind == "free"


@pytest.mark.parametrize(
    ("provider", "line", "name"),
    [
        ("chatgpt", "POST /backend-api/codex/responses", "chatgpt_responses"),
        ("chatgpt", "POST /backend-api/conversation", "chatgpt_refused"),
        ("chatgpt", "POST /v1/responses/x", "chatgpt_refused"),
        ("code-assist", "POST /v1internal:generateContent", "code_assist"),
        ("code-assist", "POST /v1internal:streamGenerateContent", "code_assist"),
        ("code-assist", "POST /v1internal:loadCodeAssist", "code_assist_free"),
        ("code-assist", "GET /v1internal/operations/o", "subscription_free"),
        ("code-assist", "POST /v1internal:completeCode", "code_assist_refused"),
        ("code-assist", "POST /v1internal/generateContent", "code_assist_refused"),
        ("code-assist", "POST /v1beta/models/m:generateContent", "code_assist_refused"),
    ],
)
def test_a_plan_that_is_metered(provider: str, line: str, name: str) -> None:
    """Where the operator says so, what its agent asks is metered, or free; the rest is refused."""
    method, _, path = line.partition(" ")
    formats = (*METERED[provider], *ROWS[provider].formats)
    found = find(asked(provider, method, path), formats)
    assert found is not None
    assert found.name == name
