"""Laws of the Parquet export: typed columns, bounded row groups, and a way out without pyarrow."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from ledger import export_parquet
from ledger.errors import LedgerError
from ledger.export import COLUMNS, Row, rows
from ledger.export_parquet import check_parquet, write_parquet
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.making import REFUSED, admit, commit, create


def written(found: Any) -> bytes:
    """The bytes of an export."""
    file = io.BytesIO()
    write_parquet(found, file)
    return file.getvalue()


@pytest.fixture
def found(store: Store, reader: Reader) -> list[Row]:
    """A call that was paid, one that is open, one that was denied."""
    store.execute(
        [create(), admit("e1"), commit("e1", 7), admit("e2"), admit("e3", refusal=REFUSED)]
    )
    return list(rows(reader))


def test_what_is_read_is_what_was_written(found: list[Row]) -> None:
    """Every value comes back, times to the nanosecond."""
    table = parquet.read_table(io.BytesIO(written(found)))
    assert table.column_names == [column.name for column in COLUMNS]
    for column in COLUMNS:
        values = table[column.name]
        if column.kind == "time":
            values = values.cast(pyarrow.int64())
        assert values.to_pylist() == [row[column.name] for row in found], column
    assert table["created_at"][0].cast(pyarrow.int64()).as_py() == found[0]["created_at"]


def test_columns_have_types(found: list[Row]) -> None:
    """Amounts are integers, times are timestamps, dollars are text that loses nothing."""
    schema = parquet.read_schema(io.BytesIO(written(found)))
    assert schema.field("actual_nanousd").type == pyarrow.int64()
    assert schema.field("actual_usd").type == pyarrow.string()
    assert schema.field("created_at").type == pyarrow.timestamp("ns", tz="UTC")
    assert schema.field("stream").type == pyarrow.bool_()


def test_rows_are_written_in_groups(found: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are taken as they are written, a group at a time, and none is lost between groups."""
    monkeypatch.setattr(export_parquet, "_GROUP", 4)
    file = io.BytesIO()
    positions: list[int] = []

    def stream() -> Iterator[Row]:
        for _ in range(3):
            positions.append(file.tell())
            yield from found

    assert write_parquet(stream(), file) == 9
    assert positions[-1] > positions[0]
    data = parquet.ParquetFile(io.BytesIO(file.getvalue()))
    groups = [data.metadata.row_group(index).num_rows for index in range(data.num_row_groups)]
    assert groups == [4, 4, 1]


def test_the_same_rows_give_the_same_bytes(found: list[Row]) -> None:
    """An export can be compared with an earlier one byte by byte."""
    assert written(found) == written(iter(found))


def test_no_rows_are_still_a_table() -> None:
    """An export of nothing has its columns."""
    table = parquet.read_table(io.BytesIO(written([])))
    assert (table.num_rows, table.num_columns) == (0, len(COLUMNS))


def test_without_pyarrow_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the optional package is missing, the command that installs it is told."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for call in (check_parquet, lambda: write_parquet([], io.BytesIO())):
        with pytest.raises(LedgerError, match=r"pip install 'aex\[parquet\]'"):
            call()
