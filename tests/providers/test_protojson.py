"""JSON as protocol buffers have it: one field under several spellings."""

from __future__ import annotations

from typing import Any

import pytest

from providers.protojson import Message, fields, folded
from providers.wire import Refused


@pytest.mark.parametrize("name", ["maxOutputTokens", "max_output_tokens", "MAX_OUTPUT_TOKENS"])
def test_a_field_is_found_by_any_spelling(name: str) -> None:
    """All spellings that a parser could accept are one field, and the one in use is known."""
    message = Message({name: 5, "other": 1}, "options")
    assert message.get("maxOutputTokens") == 5
    assert message.count("maxOutputTokens") == 5
    assert message.spelling("maxOutputTokens") == name
    assert message.beyond(fields("maxOutputTokens")) == ["other"]
    assert folded(name) == "maxoutputtokens"


def test_an_absent_field_is_written_as_asked() -> None:
    """Null is absent, and an absent field has the spelling it is asked by."""
    message = Message({"topK": None}, "")
    assert message.get("topK") is None
    assert message.spelling("topP") == "topP"
    assert message.beyond(()) == []
    assert Message(None, "x").get("y") is None


@pytest.mark.parametrize("document", [{"topK": 1, "top_k": 1}, {"a_b": 1, "ab": 2}])
def test_two_spellings_in_one_object_are_refused(document: dict[str, Any]) -> None:
    """Parsers disagree on which of them counts."""
    with pytest.raises(Refused, match="two spellings") as caught:
        Message(document, "options")
    assert caught.value.denial.status == 400
    assert Message({"topK": None, "top_k": 2}, "").get("topK") == 2


def test_a_single_value_is_a_list_of_one() -> None:
    """Google's parsers take a value for a repeated field; nested messages say where they stand."""
    message = Message({"parts": {"text": "a"}, "names": ["x", "y"], "one": "z"}, "")
    assert [part.get("text") for part in message.messages("parts")] == ["a"]
    assert message.items("names") == ["x", "y"]
    assert message.items("one") == ["z"]
    assert message.items("none") == []
    assert message.message("parts").message("inner").where == "parts.inner"


@pytest.mark.parametrize("value", [7, "x", [], True])
def test_what_is_no_object_is_a_400(value: object) -> None:
    """The message names the field, and nothing of its value."""
    with pytest.raises(Refused, match="`options` must be an object"):
        Message(value, "options")
    with pytest.raises(Refused, match="The body must be an object"):
        Message(value, "")
    with pytest.raises(Refused, match="`a` must be a string"):
        Message({"a": 1}, "").text("a")
