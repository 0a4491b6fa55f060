"""How answers look: tables for people, one JSON document for programs.

Owns: columns, colour (only on a terminal, never with NO_COLOR) and the one `--json` option.
Refuses to know: what the values mean. Names and models come from agents, so nothing is printed
that could move a cursor or change a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

Command = Callable[..., Any]


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


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> None:
    """Columns two spaces apart; those named in `right` (by header, blank-separated) end flush."""
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    flush = [header in right.split() for header in headers]
    click.echo(paint(_line(headers, widths, flush), "bold"))
    for row in cells:
        click.echo(_line(row, widths, flush))


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values below each other; a pair without a value is left out."""
    shown = [(name, plain(value)) for name, value in pairs if value not in ("", None)]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{paint(name.ljust(width), 'bold')}  {value}")


def in_words(shape: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """A document's names and values for `facts`."""
    return ((key.replace("_", " "), value) for key, value in shape.items())


def _line(cells: Sequence[str], widths: Sequence[int], flush: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if end else cell.ljust(width)
        for cell, width, end in zip(cells, widths, flush, strict=True)
    )
    return "  ".join(padded).rstrip()
