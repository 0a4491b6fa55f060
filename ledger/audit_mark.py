"""Where an audit that found nothing ended: the whole state of the books, to go on from later.

Owns: the form in which a state is kept, derived from the fields of state.py, so that new ones
are kept too. A mark of other fields, or of another program, is none.
Refuses to know: where the bytes are kept, who vouches for them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from ledger.state import State, columns


@dataclass(frozen=True, slots=True)
class Mark:
    """The books after event `seq`, whose hash is `head`, as a fold of the log gave them."""

    seq: int
    head: bytes
    time_ns: int
    state: State
    born: Mapping[str | None, int]


def pack(mark: Mark, program: str) -> bytes:
    """The mark as bytes; `program` says which code folded the log."""
    state = {name: _out(getattr(mark.state, name)) for name in _kept()}
    said = {
        "form": _form(program),
        "seq": mark.seq,
        "head": mark.head.hex(),
        "time_ns": mark.time_ns,
        "born": list(mark.born.items()),
        "state": state,
    }
    return zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 1)


def unpack(data: bytes, program: str) -> Mark | None:
    """The mark in these bytes, whose origin the caller has checked; None if it does not fit."""
    try:
        said = json.loads(zlib.decompress(data))
        if said["form"] != _form(program):
            return None
        state = State()
        for name, hint in _kept().items():
            setattr(state, name, _in(hint, said["state"][name]))
        born = dict(said["born"])
        return Mark(said["seq"], bytes.fromhex(said["head"]), said["time_ns"], state, born)
    except (zlib.error, ValueError, TypeError, LookupError):
        return None


@cache
def _kept() -> dict[str, Any]:
    """Each field that is part of the books, with its type."""
    hints = get_type_hints(State)
    return {one.name: hints[one.name] for one in fields(State) if "touched" not in one.name}


def _form(program: str) -> list[Any]:
    """What two marks must share to be of one kind: the program, the fields, their columns."""
    shapes: list[Any] = [program]
    for name, hint in _kept().items():
        rows = [
            columns(one)
            for one in get_args(hint)
            if isinstance(one, type) and issubclass(one, tuple)
        ]
        shapes.append([name, *(list(row) for row in rows)])
    return shapes


def _out(value: Any) -> Any:
    if isinstance(value, dict):
        return [[key, _row_out(row)] for key, row in value.items()]
    if isinstance(value, list):
        return [_row_out(row) for row in value]
    return sorted(value) if isinstance(value, set) else value


def _row_out(row: Any) -> Any:
    return list(row) if isinstance(row, tuple) else row


def _in(hint: Any, value: Any) -> Any:
    kind, inner = get_origin(hint), get_args(hint)
    if kind is dict:
        keyed = get_origin(inner[0]) is tuple
        make = _maker(inner[1])
        return {tuple(key) if keyed else key: make(row) for key, row in value}
    if kind is list:
        return [_maker(inner[0])(row) for row in value]
    return set(value) if kind is set else value


def _maker(row: Any) -> Any:
    if isinstance(row, type) and issubclass(row, tuple):
        return lambda values: row(*values)
    return lambda value: value
