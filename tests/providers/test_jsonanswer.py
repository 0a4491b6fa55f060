"""Whole answers and the values in them, however broken."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from providers.jsonanswer import JsonAnswer, json_object, string_bytes, text_field
from providers.wire import Usage

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def stated(document: dict[str, Any]) -> Usage | None:
    """The count that a document states as `n`."""
    return Usage({"input_tokens": document["n"]}) if "n" in document else None


def test_an_answer_is_read_once_it_is_whole() -> None:
    """Before that its bytes count as output, where the endpoint has any."""
    answer, silent = JsonAnswer(stated), JsonAnswer(stated, has_output=False)
    for data in (b'{"n":', b" 5", b"}", b"\n"):
        assert not answer.reading().complete
        assert answer.feed(data) == silent.feed(data) == data
        assert (answer.reading().output_tokens_max > 0, silent.reading().output_tokens_max) == (
            *(True, 0),
        )
        if answer.reading().complete:
            break
    reading = answer.reading()
    assert (reading.usage, reading.output_tokens_max) == (Usage({"input_tokens": 5}), 8)
    assert answer.finish() == b""


@given(st.lists(st.sampled_from([b"{", b"}", b'"n":', b"1", b",", b"\xff", b"[", b" "])))
def test_nothing_makes_it_raise(chunks: list[bytes]) -> None:
    """Any bytes pass, and only an object is an answer."""
    answer = JsonAnswer(stated)
    assert b"".join(map(answer.feed, chunks)) == b"".join(chunks)
    assert answer.reading().complete == (json_object(b"".join(chunks)) is not None)


def test_only_objects_are_objects() -> None:
    """Lists, broken and endlessly nested documents are none."""
    assert json_object(b'{"a": 1}') == {"a": 1}
    for data in (b"[]", b"{", b"", b"\xff", b"1", b"[" * 100_000):
        assert json_object(data) is None


def test_only_strings_are_text() -> None:
    """A field of another type is as good as absent."""
    assert text_field({"a": "b"}, "a") == "b"
    assert text_field({"a": 1}, "a") is text_field({}, "a") is None


@given(VALUES)
def test_all_strings_count(value: Any) -> None:
    """However deep they are nested, every string counts by its bytes, and keys do not."""

    def count(item: Any) -> int:
        if isinstance(item, str):
            return len(item.encode("utf-8", "surrogatepass"))
        if isinstance(item, list):
            return sum(map(count, item))
        return sum(map(count, item.values())) if isinstance(item, dict) else 0

    assert string_bytes(value) == count(value)


def test_labels_do_not_count() -> None:
    """What stands under the keys that are named is left out, wherever it stands."""
    value = {"type": "xx", "a": [{"id": ["xx"], "text": "yes"}], "text": {"type": {"b": "xx"}}}
    assert string_bytes(value, but=frozenset({"type", "id"})) == 3
