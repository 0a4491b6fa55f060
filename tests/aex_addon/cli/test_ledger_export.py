"""`aex ledger export`."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.aex_addon.cli.conftest import Aex


def export(aex: Aex, *words: object) -> list[Any]:
    """The rows of an export to standard output."""
    shown = aex("ledger", "export", "--format", "jsonl", *words)
    return [json.loads(line) for line in shown.stdout.splitlines()]


def test_rows_on_standard_output(aex: Aex, calls: list[str]) -> None:
    """Without a file the rows go to standard output, oldest first, and nothing else does."""
    paid, denied = export(aex)
    assert (paid["execution_id"], paid["actual_usd"]) == ("ex_1", "0.0000012")
    assert (denied["execution_id"], denied["state"]) == ("ex_2", "DENIED")
    raw = aex("ledger", "export", "--format", "csv").stdout_bytes
    assert [row["agent"] for row in csv.DictReader(io.StringIO(raw.decode()))] == ["shop", "shop"]
    table = parquet.read_table(
        io.BytesIO(aex("ledger", "export", "--format", "parquet").stdout_bytes)
    )
    assert table["execution_id"].to_pylist() == ["ex_1", "ex_2"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_rows_in_a_file(aex: Aex, tmp_path: Path, calls: list[str], form: str) -> None:
    """A file gets the same bytes each time, is private, and --json tells what is in it."""
    file, again = tmp_path / "out", tmp_path / "again"
    told = aex.json("ledger", "export", "--format", form, "-o", file)
    assert told == {"file": str(file), "format": form, "rows": 2, "bytes": file.stat().st_size}
    assert file.stat().st_mode & 0o777 == 0o600
    result = aex("ledger", "export", "--format", form, "-o", again)
    assert (result.stdout, result.stderr) == ("", f"2 rows in {again}\n")
    assert file.read_bytes() == again.read_bytes()
    assert aex("ledger", "export", "--format", form).stdout_bytes == file.read_bytes()


def test_filters(aex: Aex, calls: list[str]) -> None:
    """Agent and times narrow the export, durations count back from now."""
    first = export(aex)[0]["created_at"]
    assert len(export(aex, "--agent", "shop", "--since", "1h")) == 2
    assert [row["execution_id"] for row in export(aex, "--until", first)] == []
    assert len(export(aex, "--since", first)) == 2
    assert export(aex, "--until", "1h") == []
    assert export(aex, "--since", "2001-01-01", "--until", "2001-02-01") == []
    aex("agent", "create", "idle", 1, 1)
    assert export(aex, "--agent", "idle") == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--format", "xml"), 2, "is not one of"),
        ((), 2, "--format"),
        (("--format", "csv", "--json"), 2, "-o FILE"),
        (("--format", "csv", "--since", "1h", "--until", "2h"), 2, "not before"),
        (("--format", "csv", "--since", "soon"), 2, "2026-07-01"),
        (("--format", "csv", "--agent", "nobody"), 1, "no agent 'nobody'"),
        (("--format", "csv", "-o", "/nowhere/x.csv"), 1, "aex: there is no folder /nowhere;"),
    ],
)
def test_what_cannot_be_meant(
    aex: Aex, calls: list[str], words: tuple[str, ...], code: int, told: str
) -> None:
    """Wrong usage and unknown agents are told before anything is written."""
    result = aex("ledger", "export", *words, code=code)
    assert told in result.stderr
    assert result.stdout == ""


def test_files_are_overwritten_only_if_asked(aex: Aex, tmp_path: Path, calls: list[str]) -> None:
    """A file of that name stays, unless --force says otherwise."""
    file = tmp_path / "out"
    file.write_text("dear")
    aex("ledger", "export", "--format", "csv", "-o", file, code=1)
    assert file.read_text() == "dear"
    aex("ledger", "export", "--format", "csv", "-o", file, "--force")
    assert file.read_text().startswith("execution_id,")


def test_without_pyarrow(
    aex: Aex, tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parquet without its extra is a line with the command, and leaves no file."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = aex("ledger", "export", "--format", "parquet", "-o", tmp_path / "out", code=1)
    assert (
        result.stderr == "aex: an export to Parquet needs the extra: pip install 'aex[parquet]'\n"
    )
    assert not (tmp_path / "out").exists()


def test_the_bar_reaches_its_end(
    aex: Aex, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the bar counts rows, on stderr, while the rows go to standard output."""
    told: list[tuple[str, int, int]] = []

    class Shown:
        """A bar that only listens."""

        def __enter__(self) -> Any:
            return lambda *words: told.append(words)

        def __exit__(self, *_error: object) -> None:
            """Nothing to end."""

    monkeypatch.setattr("aex_addon.cli.ledger_export.shown", lambda _wanted: Shown())
    assert len(export(aex)) == 2
    assert told == [("exporting", 2, 2)]
