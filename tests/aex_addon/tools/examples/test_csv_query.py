"""The example that asks tables answers exactly, as a tool and as a program."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aex_addon.tools import sandbox
from aex_addon.tools.examples import csv_query
from aex_addon.tools.examples.csv_query import query
from aex_addon.tools.manifest import read_manifest
from aex_addon.tools.package import digest
from aex_addon.tools.run import run

PACKAGE = Path(csv_query.__file__)
MANIFEST = PACKAGE.with_suffix(".toml")
TABLE = 'city,year,"cost, $"\nRome,2024,0.1\nOslo,2023,0.2\nRome,2023,10\n"a ""b""",2022,\n'


def rows(**fields: Any) -> list[list[str]]:
    found: list[list[str]] = query({"csv": TABLE} | fields)["rows"]
    return found


def test_the_manifest_is_of_this_file() -> None:
    """Its hash holds, so that the example can be installed as it is shipped."""
    assert read_manifest(MANIFEST).sha256 == digest(PACKAGE)


@pytest.mark.skipif(bool(sandbox.unavailable()), reason=sandbox.unavailable() or "")
async def test_it_runs_as_a_tool(tmp_path: Path) -> None:
    """Over a text that it is sent, and over a file of a folder that it was granted."""
    ours = read_manifest(MANIFEST)
    ran = await run(ours, PACKAGE, json.dumps({"csv": TABLE, "limit": 1}).encode(), private=())
    assert json.loads(ran.output) == {
        "columns": ["city", "year", "cost, $"],
        "matched": 4,
        "rows": [["Rome", "2024", "0.1"]],
    }
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "t.csv").write_text("a\n1\n2\n")
    request = json.dumps({"path": str(data / "t.csv"), "sum": ["a"]}).encode()
    refused = await run(ours, PACKAGE, request, private=())
    assert (refused.status, b"No such file" in refused.output) == ("failed", True)
    granted = ours.model_copy(update={"allowed_fs": (str(data),)})
    ran = await run(granted, PACKAGE, request, private=())
    assert json.loads(ran.output)["rows"] == [["3"]]


def test_selecting_and_ordering() -> None:
    """Numbers by size, before texts; columns in the order of the question."""
    found = rows(select=["cost, $", "city"], order_by="cost, $", descending=True)
    assert found == [["", 'a "b"'], ["10", "Rome"], ["0.2", "Oslo"], ["0.1", "Rome"]]


@pytest.mark.parametrize(
    ("where", "years"),
    [
        ([["city", "=", "Rome"]], ["2024", "2023"]),
        ([["city", "!=", "Rome"], ["year", ">=", 2023]], ["2023"]),
        ([["cost, $", "<", "9"]], ["2024", "2023", "2022"]),
        ([["year", "<=", 2022.0]], ["2022"]),
        ([["year", ">", 2023]], ["2024"]),
        ([["city", "contains", "s"]], ["2023"]),
        ([], ["2024", "2023", "2023", "2022"]),
    ],
)
def test_filtering(where: list[Any], years: list[str]) -> None:
    """All tests must hold, and compare as numbers where both sides are one."""
    assert rows(where=where, select=["year"]) == [[year] for year in years]


def test_sums_are_exact() -> None:
    """Tenths add up; an empty cell is nothing; a group is one row."""
    assert rows(sum=["cost, $"]) == [["10.3"]]
    assert rows(group_by="city", sum=["cost, $"], order_by="city") == [
        ["Oslo", "0.2", "1"],
        ["Rome", "10.1", "2"],
        ['a "b"', "0", "1"],
    ]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ([], "an object with csv or path"),
        ({}, "an object with csv or path"),
        ({"csv": "", "path": ""}, "an object with csv or path"),
        ({"csv": 1}, "csv is the text of a table"),
        ({"csv": ""}, "the first line must name the columns"),
        ({"csv": "a,a"}, "each once"),
        ({"csv": "a,b\n1"}, "row 2 has 1 cells"),
        ({"csv": 'a\n"1'}, "no CSV"),
        ({"csv": "a", "limt": 1}, "unknown: limt"),
        ({"csv": "a", "limit": -1}, "limit is a number"),
        ({"csv": "a", "select": ["b"]}, "there is no column 'b'; there are a"),
        ({"csv": "a", "select": "a"}, "select is a list"),
        ({"csv": "a\n1", "where": [["a", "~", "1"]]}, "there is no test '~'"),
        ({"csv": "a\n1", "where": [["a", "="]]}, "each of where is"),
        ({"csv": "a\nx", "sum": ["a"]}, "'x' in a is no number"),
        ({"csv": "a\n1e9999\n1", "sum": ["a"]}, "more digits than are added exactly"),
        ({"path": "/nowhere"}, "/nowhere: No such file"),
    ],
)
def test_what_is_no_request(request_: Any, told: str) -> None:
    """It is told in a sentence that a model can act on."""
    with pytest.raises(ValueError, match=told):
        query(request_)


def test_mistakes_are_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard output, with an exit code that says so."""
    for text, code in (("{", 1), ('{"csv": "a"}', 0)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        with pytest.raises(SystemExit) as ended:
            csv_query.main()
        assert ended.value.code == code
        assert ("error" in json.loads(capsys.readouterr().out)) == bool(code)
