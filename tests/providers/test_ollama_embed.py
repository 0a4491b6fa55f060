"""Ollama's embeddings: text in three shapes on two paths."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.ollama_embed import EMBED, EMBEDDINGS, OLLAMA_EMBED
from providers.wire import Call, Denial, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract


def call(path: str = EMBED, **fields: Any) -> Call:
    """A call with these fields in its body."""
    body = json.dumps({"model": "all-minilm", **fields}).encode()
    return Call("ollama", "POST", path, "", {}, body)


def read(path: str = EMBED, **fields: Any) -> Facts:
    """The facts of such a call."""
    return OLLAMA_EMBED.read(call(path, **fields))


class TestContract(WireFormatContract):
    """Ollama's embeddings keep the contract."""

    wire_format = OLLAMA_EMBED
    default = Call("ollama", "POST", EMBED, "", {}, b"")


@pytest.mark.parametrize(
    ("path", "fields", "least"),
    [
        (EMBED, {"input": "界" * 10}, 30),
        (EMBED, {"input": ["ab", "\ufdfa"]}, 35),
        (EMBEDDINGS, {"prompt": "界" * 10}, 30),
    ],
)
def test_text_counts_by_its_bytes(path: str, fields: dict[str, Any], least: int) -> None:
    """In every shape; nothing has output."""
    facts = read(path, **fields)
    assert least <= facts.input_tokens_max <= least + 32
    assert (facts.has_output, facts.kind, facts.endpoint) == (False, "metered", path)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (EMBED, {}),
        (EMBED, {"input": 1}),
        (EMBED, {"input": [1]}),
        (EMBED, {"input": "a", "model": None}),
        (EMBEDDINGS, {"input": "a"}),
        (EMBEDDINGS, {"prompt": ["a"]}),
    ],
)
def test_other_input_is_refused(path: str, fields: dict[str, Any]) -> None:
    """What is no text is a 400."""
    with pytest.raises(Refused) as caught:
        read(path, **fields)
    assert caught.value.denial.status == 400


def test_the_body_is_never_changed() -> None:
    """There is no output to cap; denials come in Ollama's shape."""
    request = call(input="a")
    assert OLLAMA_EMBED.patch(request, OLLAMA_EMBED.read(request), Grant(5)) is request.body
    assert not OLLAMA_EMBED.claims(Call("ollama", "GET", EMBED, "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(OLLAMA_EMBED.refuse(denial).body)["error"] == "m"
    assert json.loads(OLLAMA_EMBED.error_event(denial))["error"] == "m"
