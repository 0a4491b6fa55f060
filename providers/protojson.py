"""Reads a JSON object as the JSON form of protocol buffers is read: one field, several spellings.

Owns: which spellings name the same field, and what may stand where a list is expected.
Refuses to know: any message's fields.
Mirrors https://protobuf.dev/programming-guides/json/

A field may be written `maxOutputTokens` or `max_output_tokens`, and null is as good as absent.
Names are compared without their underscores and in lower case, which is more than any parser is
known to accept: a field under an odd spelling is then either the one that is meant, or an error at
the provider. Two spellings of one field in one object are refused (400), for parsers disagree on
which of them counts. A single value stands for a list of one, as Google's parsers have it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from providers import jsonbody


def folded(name: str) -> str:
    """The form in which spellings of one field are equal."""
    return name.replace("_", "").lower()


class Message:
    """One object's fields, by their camelCase names. Raises Refused (400) if it is no object.

    where: its name in error messages, empty for the body itself.
    """

    __slots__ = ("_fields", "where")

    def __init__(self, value: Any, where: str) -> None:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise jsonbody.bad_request(f"{_called(where)} must be an object.")
        self.where = where
        self._fields: dict[str, tuple[str, Any]] = {}
        for key, item in value.items():
            if item is None:
                continue
            if self._fields.setdefault(folded(key), (key, item))[0] != key:
                raise jsonbody.bad_request(f"{_called(where)} gives one field in two spellings.")

    def get(self, name: str) -> Any:
        """The field's value, None if absent."""
        return self._fields.get(folded(name), ("", None))[1]

    def spelling(self, name: str) -> str:
        """The key under which the field stands, or is to be written."""
        return self._fields.get(folded(name), (name, None))[0]

    def beyond(self, known: Collection[str]) -> list[str]:
        """The keys of all fields but those whose folded names are given."""
        return [key for name, (key, _) in self._fields.items() if name not in known]

    def message(self, name: str) -> Message:
        """The field as a message, an empty one if absent."""
        return Message(self.get(name), self._below(name))

    def messages(self, name: str) -> list[Message]:
        """The field as a list of messages."""
        where = self._below(name)
        return [Message(item, where) for item in self.items(name) if item is not None]

    def items(self, name: str) -> list[Any]:
        """The field as a list."""
        value = self.get(name)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def count(self, name: str, least: int = 1, most: int = jsonbody.MAX_COUNT) -> int | None:
        """An integer field between `least` and `most`, None if absent. Raises Refused (400)."""
        return jsonbody.optional_count({name: self.get(name)}, name, least, most)

    def text(self, name: str) -> str | None:
        """A string field, None if absent. Raises Refused (400)."""
        return jsonbody.optional_string({name: self.get(name)}, name)

    def _below(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name


def fields(*names: str) -> frozenset[str]:
    """Field names as `Message.beyond` takes them."""
    return frozenset(folded(name) for name in names)


def _called(where: str) -> str:
    return f"`{where}`" if where else "The body"
