"""`aex checkpoint`: prints what was signed, which is the whole log."""

from __future__ import annotations

import pytest

from aex_addon.home import Home
from aex_addon.outside import Outside
from ledger.checkpoint import verify
from tests.aex_addon.cli.conftest import Aex


def test_it_prints_the_note(aex: Aex, home: Home, calls: list[str]) -> None:
    """Standard output is the note and nothing else, and so can be redirected to a file."""
    note = aex("checkpoint").stdout
    shape = aex.json("checkpoint")
    assert (shape["note"], shape["new"]) == (note, False)
    found = verify(note, shape["verifier_keys"], shape["origin"])
    assert (found.size, found.root.hex()) == (shape["size"], shape["root"])
    assert found.size == aex.json("status")["ledger"]["events"]
    assert Outside(home).latest() == note


def test_it_grows_with_the_log(aex: Aex, shop: str) -> None:
    """A new event makes a new one."""
    first = aex.json("checkpoint")
    aex("agent", "top-up", "shop", "1")
    second = aex.json("checkpoint")
    assert (first["new"], second["new"], second["size"] - first["size"]) == (True, True, 1)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_without_a_ledger(aex: Aex, home: Home, form: tuple[str, ...]) -> None:
    """There is nothing to sign, and nothing is made."""
    assert "there is no ledger" in aex("checkpoint", *form, code=1).stderr
    assert not home.keys.exists()
