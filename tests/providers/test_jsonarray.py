"""Elements of a JSON array, found as it arrives."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from providers.jsonarray import Element, Elements

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\{}[],: é', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('a"}{', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text("ab{", max_size=3), VALUES, max_size=3), max_size=5)


def fed(data: bytes, step: int, max_bytes: int = 1 << 20) -> tuple[list[Element], Elements]:
    """All elements of the data, fed in pieces of `step` bytes."""
    splitter = Elements(max_bytes)
    found = [
        element
        for at in range(0, len(data), step)
        for element in splitter.feed(data[at : at + step])
    ]
    return found, splitter


@given(OBJECTS, st.integers(1, 9), st.sampled_from([",", "\n,\r\n", " , "]))
def test_each_element_comes_out_whole_however_cut(
    objects: list[dict[str, Any]], step: int, between: str
) -> None:
    """Elements are the array's own, in order, and the closing bracket is seen."""
    texts = [json.dumps(each, ensure_ascii=False) for each in objects]
    data = f"[{between.join(texts)}\n]".encode()
    found, splitter = fed(data, step)
    assert [json.loads(element.data or b"") for element in found] == objects
    assert (splitter.ended, splitter.pending) == (True, 0)


@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_bytes_are_taken(data: bytes, step: int) -> None:
    """What is no array raises nothing, and no element is longer than what was fed."""
    found, splitter = fed(data, step)
    assert sum(element.size for element in found) + splitter.pending <= len(data)


def test_an_element_beyond_the_limit_is_not_kept() -> None:
    """Its size is told, its bytes are let go, and the next one is read again."""
    data = b'[{"a":"' + b"x" * 100 + b'"},{"b":1}]'
    found, _ = fed(data, 7, max_bytes=50)
    assert found == [Element(108, None), Element(7, b'{"b":1}')]


def test_what_is_under_way_is_counted() -> None:
    """The bytes of an unfinished element are known, and no end is taken for granted."""
    splitter = Elements()
    assert splitter.feed(b'[ {"a": "]') == []
    assert (splitter.pending, splitter.ended) == (8, False)
    assert splitter.feed(b'"}') == [Element(10, b'{"a": "]"}')]
    assert splitter.feed(b" ]") == []
    assert splitter.ended
