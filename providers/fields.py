"""Reads a provider's usage object by a table of `dest <- path`, the wire formats' own tables.

Owns: what counts as a number, and what makes a usage object unusable.
Refuses to know: providers, prices. Each table stands with its format, under its document's address.

A value is usable if it is a whole number from 0 to 10**12; anything else counts as absent. If a
required value is absent, or a part is larger than its whole, nothing is clamped or guessed: the
whole object counts as not seen, and the caller books its estimate, which is an upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_TOKENS = 10**12


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a usage object.

    dest:     unit name of the price catalogue; rows with the same dest are summed.
    path:     keys from the usage object down to the number.
    required: without it the usage object is unusable.
    part_of:  the dest that includes this one, which therefore may not be smaller.
    or_path:  read instead where `path` leads to no number.
    less:     numbers that are taken off; where one is absent, or they are more, so is the row.
    """

    dest: str
    path: tuple[str, ...]
    required: bool = False
    part_of: str | None = None
    or_path: tuple[str, ...] = ()
    less: tuple[tuple[str, ...], ...] = ()


def extract(table: Sequence[Row], usage: object) -> dict[str, int] | None:
    """Counts by dest, or None if `usage` is unusable. Never raises."""
    counts: dict[str, int] = {}
    for row in table:
        value = _value(row, usage)
        if value is not None:
            counts[row.dest] = counts.get(row.dest, 0) + value
        elif row.required:
            return None
    for row in table:
        if row.part_of and counts.get(row.dest, 0) > counts.get(row.part_of, 0):
            return None
    return counts


def _value(row: Row, usage: object) -> int | None:
    value = whole_number(_at(usage, row.path))
    if value is None and row.or_path:
        value = whole_number(_at(usage, row.or_path))
    for path in row.less:
        off = whole_number(_at(usage, path))
        value = None if value is None or off is None else whole_number(value - off)
    return value


def _at(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        # Nearly always a dict, and asking for a Mapping first would cost ten times as much.
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def whole_number(value: object) -> int | None:
    """The value as a count, or None if it is none."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and 0 <= value <= MAX_TOKENS:
        return value
    return None
