"""Secrets are found by value, in every form in which they are repeated, wherever bytes are cut."""

from __future__ import annotations

import itertools
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aex_addon.known_secrets import Flowing, Secrets

SECRET = "sk-canary/with+odd=\"signs'\\"


def secrets(*values: str) -> Secrets:
    made = Secrets()
    made.add("a provider", *values)
    return made


@pytest.mark.parametrize(
    "form",
    [
        *(str, json.dumps, repr, lambda value: json.dumps({"k": [value]})),
        *(lambda value: quote(value, safe=""), lambda value: quote(quote(value, safe=""), safe="")),
    ],
)
def test_every_form_is_found(form: object) -> None:
    """As it is, in JSON, in Python, in an address and in an address inside an address."""
    text = f"before {form(SECRET)} after"  # type: ignore[operator]
    assert "canary" not in secrets(SECRET).blot(text)
    assert b"canary" not in secrets(SECRET).blot_bytes(text.encode())


def test_a_slash_escaped() -> None:
    """Some write a slash in JSON with a backslash before it."""
    assert secrets("ab/cd/ef/gh").blot(r"x ab\/cd\/ef\/gh") == "x [key]"


def test_the_longer_one_first() -> None:
    """Where one secret is a part of another, nothing of the other is left."""
    assert secrets("canary", "canary-and-more").blot("canary-and-more") == "[key]"


def test_short_ones() -> None:
    """A word is no secret: it is not taken out of logs, nor a longer one of what clients get."""
    made = secrets("", "EMPTY", "ollama")
    assert made.blot("EMPTY, ollama") == "EMPTY, [key]"
    assert made.blot_bytes(b"ollama") == b"ollama"


def test_replaced_secrets_stay_known() -> None:
    """The newest 256 of an owner are; those of another owner are not counted among them."""
    made = secrets("the-first")
    made.add("another", "the-other")
    for number in range(256):
        made.add("a provider", f"secret-{number}", f"secret-{number}")
    assert made.blot("the-first, the-other, secret-0") == "the-first, [key], [key]"


ALPHABET = "ab"


@given(
    text=st.text(ALPHABET, max_size=60),
    values=st.lists(st.text(ALPHABET, min_size=1, max_size=5), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_cuts_change_nothing(text: str, values: list[str], cuts: list[int]) -> None:
    """No secret passes in pieces, and what is none passes whole."""
    flowing = Flowing(tuple(value.encode() for value in values))
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = [text.encode()[start:end] for start, end in itertools.pairwise(places)]
    passed = b"".join([flowing.feed(part) for part in parts] + [flowing.finish()])
    for value in values:
        assert value.encode() not in passed.replace(b"[key]", b"|")
    if not any(value in text for value in values):
        assert passed == text.encode()


def test_a_beginning_waits() -> None:
    """Only what may be the beginning of a secret is held, and it passes when it is none."""
    flowing = Flowing((b"secret",))
    assert [flowing.feed(part) for part in (b"a sec", b"ond", b" sec")] == [b"a ", b"second", b" "]
    assert flowing.finish() == b"sec"
