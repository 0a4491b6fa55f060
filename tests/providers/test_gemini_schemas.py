"""Schemas with their references written out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.gemini_schemas import MAX_BYTES, written_out

NAMES = ["A", "B", "C", "D"]


def unrolled(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with each reference replaced by what it names."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return unrolled(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return {k: unrolled(v, definitions) for k, v in schema.items() if k != "$defs"}
    if isinstance(schema, list):
        return [unrolled(item, definitions) for item in schema]
    return schema


def ref(name: str) -> dict[str, str]:
    """A reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}


@pytest.mark.parametrize("schema", [None, {}, [], 7, {"type": "object", "properties": {}}])
def test_without_references_nothing_grows(schema: Any) -> None:
    """What was sent is the bound already."""
    assert written_out(schema) == 0


def test_a_few_definitions_can_grow_without_end() -> None:
    """Ten references to ten references, fifteen deep, are counted, not written out."""
    definitions = {f"D{n}": {"anyOf": [ref(f"D{n + 1}")] * 10} for n in range(15)}
    schema = {"$defs": {**definitions, "D15": {"type": "string"}}, **ref("D0")}
    assert len(json.dumps(schema)) < 6_000
    assert written_out(schema) == MAX_BYTES


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"A": ref("A")}, **ref("A")},
        {"$defs": {"A": ref("B"), "B": ref("A")}},
        ref("missing"),
        {"properties": {"a": {}}, "items": {"$ref": "#/properties/a"}},
        {"$ref": "#"},
        {"$ref": "https://example.com/schema"},
        {"$defs": {"a/b": {}}, "$ref": "#/$defs/a~1b"},
    ],
)
def test_what_leads_back_or_away_has_no_bound(schema: Any) -> None:
    """Recursion, and references to what is no definition here."""
    assert written_out(schema) is None


def test_a_property_may_be_called_like_a_definition() -> None:
    """What is below such a name is looked into as well."""
    schema = {"$defs": {"A": {"type": "string"}}, "properties": {"defs": {"x": ref("A")}}}
    assert (written_out(schema) or 0) >= len('{"type": "string"}')
    assert written_out({"ref": "#/defs/A", "defs": {"A": {"type": "STRING"}}})


def test_a_name_that_is_defined_twice_counts_as_both() -> None:
    """Nothing here says which of them is meant."""
    big, small = {"description": "x" * 500}, {"type": "string"}
    for one, other in ((big, small), (small, big)):
        schema = {"$defs": {"A": one}, "properties": {"defs": {"A": other}}, **ref("A")}
        assert (written_out(schema) or 0) > 500


@given(st.lists(st.lists(st.sampled_from(range(4)), max_size=3), min_size=4, max_size=4))
def test_the_bound_holds_what_is_written_out(edges: list[list[int]]) -> None:
    """For random definitions that only refer forwards."""
    definitions = {
        NAMES[n]: {"anyOf": [ref(NAMES[to]) for to in edges[n] if to > n]} for n in range(4)
    }
    schema = {"properties": {name: ref(name) for name in NAMES}}
    bound = written_out({**schema, "$defs": definitions})
    assert bound is not None
    whole = {**schema, "$defs": definitions}
    assert len(json.dumps(unrolled(schema, definitions))) <= len(json.dumps(whole)) + bound
