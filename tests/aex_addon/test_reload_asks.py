"""Wishes for a reload are found once, told once, and nobody else can leave one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aex_addon.home import Home
from aex_addon.reload import Report
from aex_addon.reload_asks import BY_SIGNAL, ask, clear, forget, shape, take, tell, told

REPORT = Report(added=("routes.fast",), restart=("listen",))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.ensure()
    return home


def test_a_wish_is_answered(home: Home) -> None:
    """Whoever asked finds what came of it, and leaves nothing behind."""
    assert take(home) == []
    name = ask(home, "cli:joe")
    assert told(home, name) is None
    (asked,) = take(home)
    assert (asked.name, asked.actor, take(home)) == (name, "cli:joe", [])
    tell(home, asked, REPORT)
    assert told(home, name) == shape(REPORT)
    forget(home, name)
    forget(home, name)
    assert list(home.reloads.iterdir()) == []


def test_wishes_at_the_same_time(home: Home) -> None:
    """All are found by one look."""
    names = {ask(home, "a"), ask(home, "b")}
    found = take(home)
    assert {asked.name for asked in found} == names
    assert {asked.actor for asked in found} == {"a", "b"}


def test_only_the_owner_can_ask(home: Home) -> None:
    """The folder is closed to others, and so is each file."""
    ask(home, "a")
    assert stat.S_IMODE(home.reloads.stat().st_mode) == 0o700
    assert [stat.S_IMODE(each.stat().st_mode) for each in home.reloads.iterdir()] == [0o600]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"actor": ""}', b"\xff"])
def test_a_wish_that_cannot_be_read(home: Home, content: bytes) -> None:
    """It is answered all the same, and nobody is named."""
    name = ask(home, "a")
    (home.reloads / f"{name}.asked").write_bytes(content)
    (asked,) = take(home)
    assert (asked.name, asked.actor) == (name, BY_SIGNAL)


def test_what_an_earlier_run_left(home: Home) -> None:
    """It is gone at the next start."""
    clear(home)
    ask(home, "a")
    clear(home)
    assert take(home) == []


def test_the_shape() -> None:
    """Lists of keys, and whether it is in force."""
    assert shape(REPORT) == {
        "ok": True,
        "problems": [],
        "added": ["routes.fast"],
        "changed": [],
        "removed": [],
        "restart": ["listen"],
    }
    assert shape(Report(("wrong",)))["ok"] is False
