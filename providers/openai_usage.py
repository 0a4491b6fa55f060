"""Where an OpenAI-shaped answer states its usage, and what the numbers in it mean.

Owns: OpenAI's table, and the shape that compatible hosts vary (openai_dialects.py has theirs).
Refuses to know: streams, prices. Nothing here raises on what a provider sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from providers.fields import Row, extract
from providers.wire import Usage

Place = tuple[str | int, ...]

_MAX_USD = 1_000_000

# https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage
USAGE = (
    Row("input_tokens", ("prompt_tokens",), required=True),
    Row(
        "cache_read_tokens",
        ("prompt_tokens_details", "cached_tokens"),
        part_of="input_tokens",
    ),
    Row(
        "cache_write_tokens",
        ("prompt_tokens_details", "cache_write_tokens"),
        part_of="input_tokens",
    ),
    Row(
        "input_audio_tokens",
        ("prompt_tokens_details", "audio_tokens"),
        part_of="input_tokens",
    ),
    Row("output_tokens", ("completion_tokens",), required=True),
    Row(
        "output_reasoning_tokens",
        ("completion_tokens_details", "reasoning_tokens"),
        part_of="output_tokens",
    ),
    Row(
        "output_audio_tokens",
        ("completion_tokens_details", "audio_tokens"),
        part_of="output_tokens",
    ),
)


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in a usage object: `usd` for each unit of the number at `path`.

    only_if: a key of the usage object; the amount counts only where it holds true.
    """

    path: tuple[str, ...]
    usd: Decimal = Decimal(1)
    only_if: str = ""


@dataclass(frozen=True, slots=True)
class UsageShape:
    """How one API states usage.

    table:  the rows of its usage object.
    places: from the answer, or a chunk of it, down to that object; the first that holds one counts.
    cost:   the amounts that together are what the provider bills; none where it does not say.
    untold: parts that are all of their whole where the answer does not tell them, for they are
            dearer than the rest.
    """

    table: tuple[Row, ...] = USAGE
    places: tuple[Place, ...] = (("usage",),)
    cost: tuple[Amount, ...] = ()
    untold: frozenset[str] = frozenset()

    def find(self, document: Mapping[str, Any]) -> dict[str, Any] | None:
        """The usage object of an answer or a chunk, None if it holds none."""
        objects = (_at(document, place) for place in self.places)
        return next((found for found in objects if isinstance(found, dict)), None)

    def read(self, found: object, model: str | None, service_tier: str | None) -> Usage | None:
        """What a usage object says; None if it is unusable."""
        counts = extract(self.table, found)
        if counts is None:
            return None
        for unit in self.untold - counts.keys():
            counts[unit] = counts[unit.replace("_audio", "")]
        return Usage(counts, model, service_tier, self._cost(found))

    def _cost(self, found: object) -> Decimal | None:
        """A cost of nothing is not believed: interim chunks hold zeros, and tokens have a price."""
        total = Decimal(0)
        for amount in self.cost:
            if amount.only_if and _at(found, (amount.only_if,)) is not True:
                continue
            value = _at(found, amount.path)
            if not isinstance(value, int | float) or isinstance(value, bool):
                return None
            if not 0 <= value <= _MAX_USD / amount.usd:
                return None
            # The shortest decimal that reads as this number is the one that was sent.
            total += Decimal(str(value)) * amount.usd
        return total or None


OPENAI_USAGE = UsageShape()


def _at(value: object, place: Place) -> object:
    for key in place:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
