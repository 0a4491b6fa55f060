"""Strict reading of request bodies: a table of what is refused, and nothing but Refused escapes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import jsonbody
from providers.wire import Refused

BAD = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"1",
    b"{",
    b"{}{}",
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":-Infinity}',
    b'{"a":1e999}',
    b'{"a":-1e999}',
    b'{"a":"\\ud800"}',
    b'{"\\udfff":1}',
    b'{"a":"\xff"}',
    b'{"a":"\xed\xa0\x80"}',
    b"\xef\xbb\xbf{}",
    b'{"a":1,"a":2}',
    b'{"a":{"b":1,"b":1}}',
    b'{"a":' + b"9" * 5000 + b"}",
    b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
    b'{"a":' + b"[" * 200_000,
    b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    b'{"a":' * 200_000,
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body[:16]))
def test_malformed_bodies_are_refused(body: bytes) -> None:
    """Whatever two parsers could understand differently is a 400, and never another exception."""
    with pytest.raises(Refused) as caught:
        jsonbody.parse_object(body)
    assert caught.value.denial.status == 400
    assert caught.value.denial.code == "invalid_request"


@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_only_refused_escapes(body: bytes) -> None:
    """Any body is an object that can be written again, or is refused."""
    try:
        document = jsonbody.parse_object(body)
    except Refused:
        return
    assert json.loads(body) == document
    json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8")


def test_the_depth_limit_is_exact() -> None:
    """64 levels are taken, 65 are not, and brackets inside strings are no levels."""
    assert jsonbody.parse_object(b'{"a":' + b"[" * 63 + b"]" * 63 + b"}")
    assert jsonbody.parse_object(b'{"a":"' + b"[" * 200 + b'"}')
    with pytest.raises(Refused):
        jsonbody.parse_object(b'{"a":' + b"[" * 64 + b"]" * 64 + b"}")


def test_escaped_pairs_are_text() -> None:
    """A surrogate pair is one character, not two lone surrogates."""
    assert jsonbody.parse_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize("value", ["", 1, None, [], "x" * 257, "a\nb", "a\x00"])
def test_model_names_are_short_printable_strings(value: object) -> None:
    """Names end up in logs and headers, so nothing unprintable is one."""
    with pytest.raises(Refused):
        jsonbody.model_name({"model": value})


@pytest.mark.parametrize("value", [True, 0, -1, 1.0, "1", 10**9 + 1, [], {}])
def test_counts_are_integers_in_range(value: object) -> None:
    """A bool, a float and a string are no count, and neither is what is out of range."""
    with pytest.raises(Refused):
        jsonbody.optional_count({"n": value}, "n")


def test_getters_take_null_for_absent() -> None:
    """None of the optional getters tells null from absent, and each refuses another type."""
    getters = (
        jsonbody.optional_count,
        jsonbody.optional_bool,
        jsonbody.optional_string,
        jsonbody.optional_object,
        jsonbody.optional_list,
    )
    for getter in getters:
        assert getter({"a": None}, "a") == getter({}, "a")
        with pytest.raises(Refused):
            getter({"a": 1.5}, "a")


def test_an_option_that_is_not_known_is_refused() -> None:
    """Whatever it says; one that says nothing is none."""
    known = frozenset({"model"})
    jsonbody.refuse_unknown({"model": 1, "other": None}, known)
    with pytest.raises(Refused) as caught:
        jsonbody.refuse_unknown({"model": 1, "other": False}, known)
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")
