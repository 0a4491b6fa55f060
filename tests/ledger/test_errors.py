"""Laws of the errors: one tree, drawn as it is."""

from __future__ import annotations

import inspect
import re

from ledger import errors
from ledger.errors import LedgerError


def test_the_drawn_tree_is_the_tree() -> None:
    """Every error is in the module's drawing, below the error that it is."""
    found = {}
    above = {0: "LedgerError"}
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"    ([│ ]*)[├└]── (\w+)", line)
        if drawn:
            depth = len(drawn[1]) // 4 + 1
            above[depth] = drawn[2]
            found[drawn[2]] = above[depth - 1]
    classes = inspect.getmembers(errors, inspect.isclass)
    assert found == {
        name: kind.__base__.__name__ for name, kind in classes if kind is not LedgerError
    }
    assert all(issubclass(kind, LedgerError) for _, kind in classes)
