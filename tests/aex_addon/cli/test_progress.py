"""The bar: on a terminal only, and out of the way of what is printed."""

from __future__ import annotations

import io
import sys

import pytest

from aex_addon.cli.progress import shown


class Terminal(io.StringIO):
    """A screen that keeps what is drawn."""

    def isatty(self) -> bool:
        """It says that it is one."""
        return True


def look(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Somebody who sits before stderr from here on."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def test_each_work_has_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars stand below each other, each up to its end, and the cursor is left on a new line."""
    screen = look(monkeypatch)
    with shown() as progress:
        assert progress is not None
        progress("copying", 5, 10)
        progress("copying", 10, 10)
        progress("auditing", 3, 3)
    copying, auditing = screen.getvalue().replace("\x1b[?25h", "").rstrip("\n").split("\n")
    assert "copying" in copying
    assert copying.count("100%") == 1
    assert "auditing" in auditing
    assert "100%" in auditing
    assert "copying" not in auditing


def test_work_that_fails_ends_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error begins on a line of its own, and the cursor is seen again."""
    screen = look(monkeypatch)

    def work() -> None:
        with shown() as progress:
            assert progress is not None
            progress("copying", 5, 10)
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        work()
    assert "\n" in screen.getvalue()
    assert screen.getvalue().rfind("\x1b[?25h") >= screen.getvalue().rfind("\x1b[?25l")


def test_work_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rows to do are no division by zero."""
    look(monkeypatch)
    with shown() as progress:
        assert progress is not None
        progress("exporting", 0, 0)


def test_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal, or where a program reads, nothing is drawn."""
    screen = look(monkeypatch)
    with shown(False) as progress:
        assert progress is None
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with shown() as progress:
        assert progress is None
    assert screen.getvalue() == ""
