"""A body with some of its fields changed."""

from __future__ import annotations

from providers.rewriting import changed, written


def test_what_is_written_is_no_longer_than_it_must_be() -> None:
    """No blanks and no escapes: the input was bounded by its bytes."""
    assert written({"a": [1, "é"], "b": {}}) == '{"a":[1,"é"],"b":{}}'.encode()


def test_without_a_change_the_bytes_stay() -> None:
    """Blanks and order are the client's own then; with one, other fields keep their values."""
    body = b'{ "b": 1, "a": 2 }'
    assert changed(body, {"b": 1, "a": 2}, {}) is body
    assert changed(body, {"b": 1, "a": 2}, {"a": 3, "c": None}) == b'{"b":1,"a":3,"c":null}'
