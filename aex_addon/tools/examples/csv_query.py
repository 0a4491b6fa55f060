"""Selects, filters, orders and sums rows of a table in CSV.

Owns: the query. Refuses to know: AEX; it runs with Python's own library alone.

Reads one JSON object from standard input, writes {"columns": […], "matched": N, "rows": [[…], …]}:

    csv       the table, its first line the names; or `path`, a file in a folder that the manifest
              grants (allowed_fs)
    select    names of columns, all of them if left out
    where     [[column, test, value], …], all of which must hold; tests are = != < <= > >= contains
    group_by  a column: one row for each of its values, with the sums of `sum`
    sum       names of columns to add up, exactly
    order_by  a column of the answer; `descending` turns it round
    limit     rows at most, 100 if left out

Cells compare as numbers where both sides are one, else as text.
"""

from __future__ import annotations

import csv
import io
import json
import operator
import sys
from collections.abc import Callable, Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from pathlib import Path
from typing import Any

ROWS_MAX = 10_000
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])
FIELDS = frozenset(
    ("csv", "path", "select", "where", "group_by", "sum", "order_by", "descending", "limit")
)
Row = dict[str, str]
Key = tuple[int, Decimal, str]
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def query(request: Any) -> dict[str, Any]:
    """The answer. Raises ValueError with a sentence if it is no request."""
    if not isinstance(request, dict) or ("csv" in request) == ("path" in request):
        raise ValueError("expected an object with csv or path")
    if unknown := request.keys() - FIELDS:
        raise ValueError(
            f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(FIELDS))}"
        )
    columns, rows = _table(request)
    tests = _listed(request, "where")
    rows = [row for row in rows if all(_holds(row, columns, test) for test in tests)]
    matched = len(rows)
    sums = _names(request, "sum", columns)
    if (by := request.get("group_by")) is not None:
        columns, rows = _grouped(rows, _name(by, columns), sums)
    elif sums:
        columns, rows = list(sums), [_summed(rows, sums)]
    if (by := request.get("order_by")) is not None:
        column = _name(by, columns)
        rows.sort(key=lambda row: _key(row[column]), reverse=request.get("descending") is True)
    limit = request.get("limit", 100)
    if type(limit) is not int or not 0 <= limit <= ROWS_MAX:
        raise ValueError(f"limit is a number from 0 to {ROWS_MAX}")
    shown = _names(request, "select", columns) or columns
    answer = [[row[column] for column in shown] for row in rows[:limit]]
    return {"columns": shown, "matched": matched, "rows": answer}


def _table(request: dict[str, Any]) -> tuple[list[str], list[Row]]:
    text = request.get("csv")
    if text is None:
        try:
            text = Path(str(request["path"])).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise ValueError(f"{request['path']}: {error.strerror}") from None
    if not isinstance(text, str):
        raise ValueError("csv is the text of a table")
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise ValueError(f"no CSV: {error}") from None
    columns = lines[0] if lines else []
    if not columns or len(set(columns)) < len(columns):
        raise ValueError("the first line must name the columns, each once")
    rows = [line for line in lines[1:] if line]
    for number, line in enumerate(rows, 2):
        if len(line) != len(columns):
            raise ValueError(f"row {number} has {len(line)} cells, the first has {len(columns)}")
    return columns, [dict(zip(columns, line, strict=True)) for line in rows]


def _listed(request: dict[str, Any], field: str) -> list[Any]:
    value = request.get(field, [])
    if not isinstance(value, list):
        raise ValueError(f"{field} is a list")
    return value


def _name(value: Any, columns: list[str]) -> str:
    if value not in columns:
        raise ValueError(f"there is no column {value!r}; there are {', '.join(columns)}")
    return str(value)


def _names(request: dict[str, Any], field: str, columns: list[str]) -> list[str]:
    return [_name(each, columns) for each in _listed(request, field)]


def _holds(row: Row, columns: list[str], test: Any) -> bool:
    if not isinstance(test, list) or len(test) != 3 or not isinstance(test[2], str | int | float):
        raise ValueError("each of where is [column, test, value]")
    cell, value = row[_name(test[0], columns)], str(test[2])
    if test[1] == "contains":
        return value in cell
    if test[1] not in _TESTS:
        raise ValueError(f"there is no test {test[1]!r}; there are {' '.join(_TESTS)} contains")
    left, right = _number(cell), _number(value)
    if left is None or right is None:
        return _TESTS[test[1]](cell, value)
    return _TESTS[test[1]](left, right)


def _number(cell: str) -> Decimal | None:
    try:
        number = Decimal(cell.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _key(cell: str) -> Key:
    """Numbers first, by size; then texts."""
    number = _number(cell)
    return (0, number, "") if number is not None else (1, Decimal(0), cell)


def _grouped(rows: Iterable[Row], by: str, sums: list[str]) -> tuple[list[str], list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row)
    return [by, *sums, "count"], [
        {by: value, **_summed(found, sums), "count": str(len(found))}
        for value, found in groups.items()
    ]


def _summed(rows: Iterable[Row], sums: list[str]) -> Row:
    totals = dict.fromkeys(sums, Decimal(0))
    for row in rows:
        for column in sums:
            number = _number(row[column] or "0")
            if number is None:
                raise ValueError(f"{row[column]!r} in {column} is no number")
            try:
                totals[column] = _EXACT.add(totals[column], number)
            except ArithmeticError:
                raise ValueError(f"{column} has more digits than are added exactly") from None
    return {column: f"{total:f}" for column, total in totals.items()}


def main() -> None:
    """Answers the request on standard input; what is wrong with it is an answer too, and exit 1."""
    try:
        answer, code = query(json.load(sys.stdin)), 0
    except ValueError as error:
        answer, code = {"error": str(error)}, 1
    json.dump(answer, sys.stdout)
    sys.exit(code)


if __name__ == "__main__":
    main()
