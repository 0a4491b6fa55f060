"""Laws of the text formats: every value comes back, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.export import COLUMNS, Row
from ledger.export_formats import WRITERS, iso, write_csv, write_jsonl
from web import shapes


def row(**values: Any) -> Row:
    """A row in which everything else is plain."""
    plain = {"text": "x", "integer": 7, "flag": True, "time": 10**18, "json": '{"n":1}'}
    return {column.name: plain[column.kind] for column in COLUMNS} | values


def text(form: str, *found: Row) -> str:
    """The export of some rows."""
    file = io.BytesIO()
    assert WRITERS[form](iter(found), file) == len(found)
    return file.getvalue().decode()


def cells(*found: Row) -> list[dict[str, str]]:
    """The records of a CSV, as its readers see them."""
    return list(csv.DictReader(io.StringIO(text("csv", *found), newline="")))


def test_jsonl_is_an_object_a_line() -> None:
    """Each line is one object with the columns in order, times as text, usage as an object."""
    lines = text("jsonl", row(model="a\nb\u2028ü"), row(usage=None, terminal_at=None)).split("\n")
    assert lines[2:] == [""]
    first, second = (json.loads(line) for line in lines[:2])
    assert list(first) == [column.name for column in COLUMNS]
    assert (first["model"], first["usage"]) == ("a\nb\u2028ü", {"n": 1})
    assert first["created_at"] == "2001-09-09T01:46:40.000000000Z"
    assert (second["usage"], second["terminal_at"]) == (None, None)
    assert lines[0].isascii()


def test_csv_is_rfc_4180() -> None:
    """Lines end in CRLF, the first names the columns, and cells are quoted where they must be."""
    whole = text("csv", row(model='say "a,b"\r\nnow'))
    head, _, body = whole.partition("\r\n")
    assert head.split(",") == [column.name for column in COLUMNS]
    assert '"say ""a,b""\r\nnow"' in body
    assert whole.endswith("\r\n")
    assert cells(row(model='say "a,b"\r\nnow'))[0]["model"] == 'say "a,b"\r\nnow'


def test_csv_cells() -> None:
    """Integers and flags stand plain, times as text, null as an empty cell."""
    (found,) = cells(row(status_code=None, usage=None, terminal_at=None, reserved_nanousd=-5))
    assert (found["status_code"], found["usage"], found["terminal_at"]) == ("", "", "")
    assert (found["reserved_nanousd"], found["stream"]) == ("-5", "true")
    assert found["created_at"] == "2001-09-09T01:46:40.000000000Z"
    assert cells(row(stream=False))[0]["stream"] == "false"


@pytest.mark.parametrize(
    "sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "'"]
)
def test_no_cell_is_a_formula(sign: str) -> None:
    """Text that a spreadsheet would run has an apostrophe in front; elsewhere the sign is plain."""
    (found,) = cells(row(model=f"{sign}cmd|'/c calc'!A1", agent=f"a{sign}b"))
    assert found["model"] == f"'{sign}cmd|'/c calc'!A1"
    assert found["agent"] == f"a{sign}b"


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
def test_every_text_comes_back(written: str) -> None:
    """Dropping one leading apostrophe gives the text back, whatever it was."""
    assert cells(row(model=written))[0]["model"].removeprefix("'") == written
    assert json.loads(text("jsonl", row(model=written)))["model"] == written


@pytest.mark.parametrize("write", [write_jsonl, write_csv])
def test_the_same_rows_give_the_same_bytes(write: Any) -> None:
    """An export can be compared with an earlier one byte by byte."""
    one, other = io.BytesIO(), io.BytesIO()
    write([row(), row(model="b")], one)
    write([row(), row(model="b")], other)
    assert one.getvalue() == other.getvalue()


def test_nothing_is_still_a_table() -> None:
    """No rows are an empty JSON Lines file, and a CSV of the header alone."""
    assert text("jsonl") == ""
    assert text("csv").count("\r\n") == 1


@given(st.integers(1, 2**63 - 1))
def test_times_are_written_as_everywhere(time_ns: int) -> None:
    """A time in an export is the one that `aex executions list --json` shows."""
    assert iso(time_ns) == shapes.iso(time_ns)
