"""How far long work has come: a bar on stderr, and only where somebody looks at a terminal.

Owns: when there is a bar, and when one ends and the next begins.
Refuses to know: what the work is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

# Told (what is being done, how much of it is done, how much there is).
Progress = Callable[[str, int, int], None]


@contextmanager
def shown(wanted: bool = True) -> Iterator[Progress | None]:
    """Something to tell the progress to; None where nobody would see it."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    bars = _Bars()
    try:
        yield bars
    finally:
        bars.end()


class _Bars:
    """One bar for each kind of work, below each other."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: Any = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self.end()
            self._what = what
            self._bar = click.progressbar(length=max(total, 1), label=what, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)

    def end(self) -> None:
        """Leaves the cursor on a line of its own."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._what, self._bar = "", None
