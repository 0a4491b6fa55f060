"""Claude's body at other hosts is Anthropic's, but for what the path says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers import anthropic_hosted
from providers.anthropic_messages import ANTHROPIC_MESSAGES
from providers.wire import Call, Grant, Refused

MODEL = "claude-haiku-4-5"
BODY: dict[str, Any] = {
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Say three short wörds."}],
}
HOSTED = {"anthropic_version": "somewhere-2023", "anthropic_beta": ["effort-1"], **BODY}


def call(document: dict[str, Any]) -> Call:
    return Call("x", "POST", "/m", "", {}, json.dumps(document).encode())


def test_it_is_read_as_anthropics() -> None:
    """The bound is of the words of the message; the host's own keys cost nothing."""
    found = anthropic_hosted.read(call(HOSTED), MODEL, HOSTED, in_path=("model",))
    body = json.dumps({**BODY, "model": MODEL}, ensure_ascii=False, separators=(",", ":"))
    own = ANTHROPIC_MESSAGES.read(Call("anthropic", "POST", "", "", {}, body.encode()))
    assert (found, found.document) == (own, own.document)


@pytest.mark.parametrize("key", ["model", "stream"])
def test_what_the_path_says_the_body_must_not(key: str) -> None:
    """Two answers to one question are malformed; where the path is silent, the body speaks."""
    document = {**HOSTED, key: True if key == "stream" else MODEL}
    with pytest.raises(Refused) as caught:
        anthropic_hosted.read(call(document), MODEL, document, in_path=("model", "stream"))
    assert caught.value.denial.status == 400
    if key == "stream":
        found = anthropic_hosted.read(call(document), MODEL, document, in_path=("model",))
        assert found.stream


def test_a_grant_is_written_into_it() -> None:
    """And nothing else: no model, and the host's own keys where they were."""
    found = anthropic_hosted.with_grant(call(HOSTED), MODEL, HOSTED, Grant(3))
    assert found == {**HOSTED, "max_tokens": 3}
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    document = {**BODY, "tools": tools}
    found = anthropic_hosted.with_grant(call(document), MODEL, document, Grant(None, 2))
    assert found["tools"] == [{**tools[0], "max_uses": 2}]
