"""The export as Parquet, by pyarrow, which is optional: `aex[parquet]`.

Owns: the types of the columns, and row groups of a fixed size, so that memory is bounded and the
same rows give the same bytes (with the same pyarrow, whose version stands in the file).
Refuses to know: where the bytes go, which rows there are.

Amounts in nano-dollars and counts are int64, times timestamp[ns, UTC], usage JSON text.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import batched
from typing import IO, Any

from ledger.errors import LedgerError
from ledger.export import COLUMNS, Row

_GROUP = 16_384


def check_parquet() -> None:
    """Raises LedgerError, with the command that mends it, where pyarrow is missing."""
    _arrow()


def write_parquet(rows: Iterable[Row], file: IO[bytes]) -> int:
    """Row groups of 16,384 rows each. Raises LedgerError without pyarrow."""
    arrow, parquet = _arrow()
    schema = _schema(arrow)
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in batched(rows, _GROUP):
            columns = [
                arrow.array([row[field.name] for row in group], field.type) for field in schema
            ]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema), _GROUP)
            count += len(group)
    return count


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise LedgerError(
            "an export to Parquet needs the extra: pip install 'aex[parquet]'"
        ) from None
    return pyarrow, pyarrow.parquet


def _schema(arrow: Any) -> Any:
    types = {
        "text": arrow.string(),
        "integer": arrow.int64(),
        "flag": arrow.bool_(),
        "time": arrow.timestamp("ns", tz="UTC"),
        "json": arrow.string(),
    }
    return arrow.schema([(column.name, types[column.kind]) for column in COLUMNS])
