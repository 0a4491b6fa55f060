"""Export: the executions as rows for programs that know nothing of AEX.

Owns: which columns there are, their kinds and their order. All columns of an execution, and
beside each amount in nano-dollars (`x_nanousd`) the same in dollars (`x_usd`), exact, as text.
Refuses to know: files and their formats (export_formats.py, export_parquet.py).

What has not happened yet is None: times and the status that are 0 in the books, and a usage that
nobody reported. The order is that of creation, so the same ledger gives the same rows.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from ledger.money import show_usd
from ledger.read import Reader
from ledger.state import Execution, columns

Kind = Literal["text", "integer", "flag", "time", "json"]
Row = dict[str, Any]

# What these hold is not what their type in the books says.
_KINDS: dict[str, Kind] = {"stream": "flag", "usage": "json"}
_NOT_YET = frozenset(("status_code",))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export. The values of kind `time` are nanoseconds since the epoch."""

    name: str
    kind: Kind


def _columns() -> tuple[Column, ...]:
    found: list[Column] = []
    for name, hint in get_type_hints(Execution).items():
        kind: Kind = "integer" if hint is int else "text"
        if name.endswith("_at"):
            kind = "time"
        found.append(Column(name, _KINDS.get(name, kind)))
        if name.endswith("_nanousd"):
            found.append(Column(_usd_name(name), "text"))
    return tuple(found)


def _usd_name(name: str) -> str:
    return name.removesuffix("_nanousd") + "_usd"


COLUMNS = _columns()
_NAMES = columns(Execution)
_AMOUNTS = tuple((name, _usd_name(name)) for name in _NAMES if name.endswith("_nanousd"))
_FLAGS = tuple(column.name for column in COLUMNS if column.kind == "flag")
_ABSENT = tuple(
    column.name for column in COLUMNS if column.kind in ("time", "json") or column.name in _NOT_YET
)
_ORDER = tuple(column.name for column in COLUMNS)


def rows(
    reader: Reader, agent: str | None = None, since: int | None = None, until: int | None = None
) -> Generator[Row]:
    """Executions created from `since` on and before `until` (ns), oldest first, one by one.

    All of one moment, and in constant memory. The keys are those of COLUMNS, in order.
    """
    with reader.snapshot():
        for execution in reader.executions_between(since, until, agent):
            yield _row(execution)


def _row(execution: Execution) -> Row:
    row: Row = dict(zip(_NAMES, execution, strict=True))
    for amount, usd in _AMOUNTS:
        row[usd] = show_usd(row[amount]).replace("$", "").replace(",", "")
    for name in _FLAGS:
        row[name] = bool(row[name])
    for name in _ABSENT:
        row[name] = row[name] or None
    return {name: row[name] for name in _ORDER}
