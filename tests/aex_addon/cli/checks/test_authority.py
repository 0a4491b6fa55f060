"""The CA is there, fits the table of providers, and is in the bundle that agents are given."""

from __future__ import annotations

from aex_addon.cli.checks.authority import look
from aex_addon.home import Home
from certs import ca
from tests.aex_addon.cli.conftest import Aex
from tests.certs.authority import NOW

NOW_NS = int(NOW.timestamp()) * 1_000_000_000


def levels(home: Home, *more: str) -> dict[str, str]:
    hosts = ca.load(home.ca_dir).hosts
    return {one.about: one.level for one in look(home, [*hosts, *more], NOW_NS)}


def test_none_yet(home: Home) -> None:
    """Without a CA the way to one is told."""
    (found,) = look(home, ["api.openai.com"], NOW_NS)
    assert (found.level, found.remedy) == ("fail", "run: aex init")


def test_a_new_one(aex: Aex, home: Home) -> None:
    """`aex init` makes one that fits."""
    aex("init")
    assert levels(home) == {"certificates": "ok", "bundle": "ok"}


def test_another_table(aex: Aex, home: Home) -> None:
    """A host that it may not speak for means a new one, which agents must be told of."""
    aex("init")
    assert levels(home, "models.example") == {"certificates": "warn", "bundle": "ok"}


def test_a_bundle_without_it(aex: Aex, home: Home) -> None:
    """A bundle of an earlier CA, or none, fails agents."""
    aex("init")
    home.bundle.write_bytes(b"")
    assert levels(home)["bundle"] == "fail"
    home.bundle.unlink()
    assert levels(home)["bundle"] == "fail"


def test_a_key_that_is_open(aex: Aex, home: Home) -> None:
    """The CA is not used while others may read its key."""
    aex("init")
    (home.ca_dir / ca.KEY_FILE).chmod(0o644)
    (found,) = look(home, [], NOW_NS)
    assert (found.about, found.level) == ("certificates", "fail")
