"""The formats of an export that are text: JSON Lines and CSV.

Owns: how a row becomes a line, the same bytes for the same rows.
Refuses to know: where the bytes go, which rows there are.

JSON Lines: one object a line, ASCII; times in ISO 8601 to the nanosecond, usage an object, null
for what has not happened. CSV: RFC 4180 with a header, UTF-8, an empty cell for null.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and names and
models come from agents. In CSV such a text gets an apostrophe in front; so does one that begins
with an apostrophe, a tab or a line break. Dropping one leading apostrophe gives the text back.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any

from ledger.export import COLUMNS, Row
from ledger.export_parquet import write_parquet

_SECOND = 1_000_000_000
# The wide forms are folded into the plain ones by some spreadsheets.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'", "\t", "\r", "\n")

# Writes all rows to a binary file; the number of rows.
Writer = Callable[[Iterable[Row], IO[bytes]], int]


def iso(time_ns: int) -> str:
    """UTC, to the nanosecond."""
    seconds, fraction = divmod(time_ns, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def write_jsonl(rows: Iterable[Row], file: IO[bytes]) -> int:
    """One JSON object a line."""
    return _write((_json_line(row) for row in rows), file)


def write_csv(rows: Iterable[Row], file: IO[bytes]) -> int:
    """A header, then one record a row."""
    file.write(_record([column.name for column in COLUMNS]))
    return _write((_record([_cell(row[c.name], c.kind) for c in COLUMNS]) for row in rows), file)


def _write(lines: Iterator[bytes], file: IO[bytes]) -> int:
    count = 0
    for line in lines:
        file.write(line)
        count += 1
    return count


def _json_line(row: Row) -> bytes:
    shown = dict(row)
    for column in COLUMNS:
        value = row[column.name]
        if value is None:
            continue
        if column.kind == "time":
            shown[column.name] = iso(value)
        elif column.kind == "json":
            shown[column.name] = json.loads(value)
    return json.dumps(shown, separators=(",", ":")).encode() + b"\n"


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "flag":
        return "true" if value else "false"
    if kind == "time":
        return iso(value)
    text = str(value)
    return "'" + text if kind != "integer" and text.startswith(_FORMULA) else text


def _record(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()


WRITERS: dict[str, Writer] = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet}
