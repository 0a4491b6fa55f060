"""Tables that tests add rows to, printed once at the end of the run.

Owns: gathering the rows of all workers, and their layout. A test adds a row by
`record_property(TABLE, [title, columns, cells])`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

TABLE = "table"


def tables(reports: Iterable[Any]) -> Iterator[str]:
    """The lines of all tables, from the reports of the tests; rows in order."""
    found: dict[str, tuple[list[str], list[list[str]]]] = {}
    for report in reports:
        if report.when != "call":
            continue
        for name, value in report.user_properties:
            if name == TABLE:
                title, columns, cells = value
                found.setdefault(title, (list(columns), []))[1].append(list(cells))
    for title, (columns, rows) in sorted(found.items()):
        yield ""
        yield title
        lined = [columns, *sorted(rows)]
        widths = [max(len(row[at]) for row in lined) for at in range(len(columns))]
        for row in lined:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
