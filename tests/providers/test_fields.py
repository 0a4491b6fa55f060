"""Usage tables: sums, what counts as a number, when a whole object is unusable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.fields import Row, extract

TABLE = (
    Row("whole", ("a",), required=True),
    Row("whole", ("b",)),
    Row("part", ("deep", "c"), part_of="whole"),
)


def test_rows_of_one_dest_are_summed() -> None:
    """Two rows into one dest add up, and absent optional rows leave no key."""
    assert extract(TABLE, {"a": 2, "b": 3}) == {"whole": 5}
    assert extract(TABLE, {"a": 2, "deep": {"c": 1}}) == {"whole": 2, "part": 1}


@pytest.mark.parametrize("value", [True, -1, 1.5, "1", None, 10**12 + 1, float("nan"), [], {}])
def test_unusable_numbers_count_as_absent(value: object) -> None:
    """Optional: the row is skipped; required: the whole object was not seen."""
    assert extract(TABLE, {"a": 2, "deep": {"c": value}}) == {"whole": 2}
    assert extract(TABLE, {"a": value, "b": 1}) is None


def test_whole_floats_are_numbers() -> None:
    """Some serialisers write 2.0 for 2."""
    assert extract(TABLE, {"a": 2.0}) == {"whole": 2}


def test_a_part_beyond_its_whole_makes_the_object_unusable() -> None:
    """Nothing is clamped: such an object is not believed at all."""
    assert extract(TABLE, {"a": 2, "deep": {"c": 3}}) is None


@given(st.recursive(st.none() | st.floats() | st.text(), lambda s: st.dictionaries(st.text(), s)))
def test_it_never_raises(usage: object) -> None:
    """Any JSON value is counted or is unusable."""
    assert extract(TABLE, usage) is None or isinstance(usage, dict)


def test_another_path_is_read_where_the_first_leads_nowhere() -> None:
    """One number that two versions of an API keep in two places is read once."""
    table = (Row("n", ("new",), or_path=("old",)),)
    assert extract(table, {"new": 3, "old": 4}) == {"n": 3}
    assert extract(table, {"new": None, "old": 4}) == {"n": 4}
    assert extract(table, {}) == {}


def test_what_is_taken_off_a_total() -> None:
    """The rest of a total counts; without all of its parts, or with more than it, there is none."""
    table = (Row("rest", ("total",), less=(("a",), ("b",))),)
    assert extract(table, {"total": 9, "a": 2, "b": 3}) == {"rest": 4}
    assert extract(table, {"total": 5, "a": 2, "b": 3}) == {"rest": 0}
    for usage in ({"total": 4, "a": 2, "b": 3}, {"total": 9, "a": 2}, {"a": 2, "b": 3}):
        assert extract(table, usage) == {}
