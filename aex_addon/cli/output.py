"""How answers look: tables for people, one JSON document for programs.

Owns: columns, colour (only on a terminal, never with NO_COLOR) and the one `--json` option.
Refuses to know: what the values mean. Names and models come from agents, so nothing is printed
that could move a cursor or change a terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

Command = Callable[..., Any]
_GAP = 2
_SHORTEST = 16  # of a name that is cut


def json_option(command: Command) -> Command:
    """Adds `--json`; the command gets `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document.")(command)


def emit(value: Any) -> None:
    """One JSON document; ASCII, so that it survives any terminal and pipe."""
    click.echo(json.dumps(value, indent=2))


def plain(text: object) -> str:
    """The text with each control character as `?`."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


def colour() -> bool:
    """Whether the reader wants and can see colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def paint(text: str, style: str) -> str:
    """The text in a colour, or bold; as it is where colours are not wanted."""
    if not colour():
        return text
    return click.style(text, bold=True) if style == "bold" else click.style(text, fg=style)


def say(text: str) -> None:
    """A line for people beside the answer: on stderr, out of the way of pipes."""
    click.echo(text, err=True)


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], right: str = "", cut: str = ""
) -> None:
    """Columns two spaces apart; those named in `right` (by header, blank-separated) end flush.

    Where a terminal is too narrow, long names in the columns of `cut` lose their middle: agents
    choose them, and one of them would break every line. Pipes get all of it.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    if sys.stdout.isatty():
        columns = [at for at, header in enumerate(headers) if header in cut.split()]
        widths = _fitting(widths, columns, shutil.get_terminal_size().columns)
    flush = [header in right.split() for header in headers]
    click.echo(paint(_line(headers, widths, flush), "bold"))
    for row in cells:
        click.echo(_line([*map(_shortened, row, widths)], widths, flush))


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values below each other; a pair without a value is left out."""
    shown = [(name, plain(value)) for name, value in pairs if value not in ("", None)]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{paint(name.ljust(width), 'bold')}  {value}")


def in_words(shape: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """A document's names and values for `facts`."""
    return ((key.replace("_", " "), value) for key, value in shape.items())


def _fitting(widths: Sequence[int], cut: Sequence[int], room: int) -> list[int]:
    """Widths of a line no longer than `room`, if cutting the widest of those in `cut` can do it."""
    fitting = list(widths)
    for _ in range(sum(widths) + _GAP * (len(widths) - 1) - room):
        widest = max(cut, key=fitting.__getitem__, default=-1)
        if widest < 0 or fitting[widest] <= _SHORTEST:
            break
        fitting[widest] -= 1
    return fitting


def _shortened(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[-end:]}"


def _line(cells: Sequence[str], widths: Sequence[int], flush: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if end else cell.ljust(width)
        for cell, width, end in zip(cells, widths, flush, strict=True)
    )
    return (" " * _GAP).join(padded).rstrip()
