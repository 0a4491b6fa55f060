"""Tables and colours."""

from __future__ import annotations

import sys

import pytest

from aex_addon.cli import output


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are as wide as they must be; those named end flush."""
    output.table(("a", "cost"), [("x", 1), ("long", 22_222)], right="cost")
    assert capsys.readouterr().out == "a      cost\nx         1\nlong  22222\n"


@pytest.mark.parametrize(
    ("width", "name", "model"),
    [
        (80, "a" * 30, "b" * 20),
        (60, "a" * 30, "b" * 20),
        (59, "a" * 14 + "…" + "a" * 14, "b" * 20),
        (40, "a" * 8 + "…" + "a" * 7, "b" * 8 + "…" + "b" * 7),
    ],
)
@pytest.mark.parametrize("terminal", [True, False])
def test_long_names_lose_their_middle_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    name: str,
    model: str,
    terminal: bool,
) -> None:
    """Only as far as needed, the widest first, none below 16; pipes get the whole."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    row = ("a" * 30, "b" * 20, "c" * 6)
    output.table(("name", "model", "id"), [row], cut="name model")
    shown = capsys.readouterr().out.splitlines()[1]
    assert shown.split() == ([name, model, "c" * 6] if terminal else [*row])


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
