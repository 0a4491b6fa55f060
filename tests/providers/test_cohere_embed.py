"""Cohere's embeddings: text in two shapes and two versions, no pictures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.cohere_embed import COHERE_EMBED, PATHS
from providers.wire import Call, Denial, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract


def call(path: str = PATHS[0], **fields: Any) -> Call:
    """A call with these fields in its body."""
    body = json.dumps({"model": "embed-v4.0", "input_type": "clustering", **fields}).encode()
    return Call("cohere", "POST", path, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return COHERE_EMBED.read(call(**fields))


class TestContract(WireFormatContract):
    """Cohere Embed keeps the contract."""

    wire_format = COHERE_EMBED
    default = Call("cohere", "POST", PATHS[0], "", {}, b"")


@pytest.mark.parametrize(
    "fields",
    [
        {"texts": ["界" * 10]},
        {"inputs": [{"content": [{"type": "text", "text": "界" * 10}]}]},
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_text_counts_by_its_bytes(fields: dict[str, Any], path: str) -> None:
    """In either shape and version; nothing has output."""
    facts = COHERE_EMBED.read(call(path, **fields))
    assert 30 <= facts.input_tokens_max <= 64
    assert (facts.has_output, facts.kind, facts.endpoint) == (False, "metered", path)
    assert read(texts=["\ufdfa"]).input_tokens_max >= 33


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"texts": []}, 400),
        ({"texts": "text"}, 400),
        ({"texts": [1]}, 400),
        ({"inputs": ["text"]}, 400),
        ({"inputs": [{"content": "text"}]}, 400),
        ({"inputs": [{"content": [{"type": "text"}]}]}, 400),
        ({"texts": ["a"], "model": None}, 400),
        ({"images": ["data:image/png;base64,AA"]}, 403),
        ({"inputs": [{"content": [{"type": "image_url", "image_url": {}}]}]}, 403),
    ],
)
def test_other_input_is_refused(fields: dict[str, Any], status: int) -> None:
    """Malformed bodies, and pictures, whose price is not known."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_the_body_is_never_changed() -> None:
    """There is no output to cap; denials come in Cohere's shape."""
    request = call(texts=["a"])
    assert COHERE_EMBED.patch(request, COHERE_EMBED.read(request), Grant(5)) is request.body
    assert not COHERE_EMBED.claims(Call("cohere", "POST", "/v1/embed-jobs", "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(COHERE_EMBED.refuse(denial).body)["message"] == "m"
    assert b"message-end" in COHERE_EMBED.error_event(denial)
