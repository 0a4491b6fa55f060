"""`aex` with faults inside: starts the real command line with chosen functions made to raise.

Owns: wrapping the functions, and the switch (a file) that says which one fails at the moment.
Refuses to know: why they exist. A name that is gone ends the start, so that no test passes for
want of its fault.

    python -m tests.end_to_end.sabotage SWITCH POINT[,POINT...] up
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aex_addon.cli.main import main


class Sabotage(Exception):
    """The fault: no part of AEX expects it."""


def locate(point: str) -> tuple[Any, str]:
    """The owner and the name of `module:attribute` or `module:class.attribute`."""
    module, _, path = point.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    return owner, name


def breakable(function: Callable[..., Any], point: str, switch: Path) -> Callable[..., Any]:
    """The function, but raising while the switch names its point."""

    @functools.wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if switch.read_text() == point:
            raise Sabotage(point)
        return function(*arguments, **options)

    return wrapped


if __name__ == "__main__":
    switch_file, points, *rest = sys.argv[1:]
    for each in points.split(","):
        holder, attribute = locate(each)
        original = getattr(holder, attribute)
        setattr(holder, attribute, breakable(original, each, Path(switch_file)))
    sys.argv = ["aex", *rest]
    main()
