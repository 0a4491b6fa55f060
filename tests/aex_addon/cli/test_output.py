"""Tables and colours."""

from __future__ import annotations

import sys

import pytest

from aex_addon.cli import output


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are as wide as they must be; those named end flush."""
    output.table(("a", "cost"), [("x", 1), ("long", 22_222)], right="cost")
    assert capsys.readouterr().out == "a      cost\nx         1\nlong  22222\n"


def test_facts_leave_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    """A fact without a value has no line; zero is a value."""
    output.facts([("agent", "x"), ("end", None), ("reason", ""), ("n", 0)])
    assert capsys.readouterr().out == "agent  x\nn      0\n"


def test_control_characters_are_shown_as_marks() -> None:
    """Nothing printed can move a cursor; other languages stay."""
    assert output.plain("a\x1b[2J\n\u202e\x9bé漢") == "a?[2J???é漢"


@pytest.mark.parametrize(
    ("terminal", "environ", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_only_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environ: dict[str, str], coloured: bool
) -> None:
    """Colours need a terminal, and no NO_COLOR."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert (output.paint("x", "red") != "x") is coloured
    assert (output.paint("x", "bold") != "x") is coloured


def test_keys_become_words(capsys: pytest.CaptureFixture[str]) -> None:
    """A document is shown with the words that its keys are made of."""
    output.facts(output.in_words({"head_hash": "ab", "events": 3}))
    assert capsys.readouterr().out == "head hash  ab\nevents     3\n"


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """A lone surrogate or another script survives any terminal."""
    output.emit({"a": "é\ud800"})
    assert capsys.readouterr().out.isascii()
