"""The example that counts words counts them, as a tool and as a program."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aex_addon.tools import sandbox
from aex_addon.tools.examples import wordcount
from aex_addon.tools.manifest import read_manifest
from aex_addon.tools.package import digest
from aex_addon.tools.run import run

PACKAGE = Path(wordcount.__file__)
MANIFEST = PACKAGE.with_suffix(".toml")


def test_the_manifest_is_of_this_file() -> None:
    """Its hash holds, so that the example can be installed as it is shipped."""
    assert read_manifest(MANIFEST).sha256 == digest(PACKAGE)


@pytest.mark.skipif(bool(sandbox.unavailable()), reason=sandbox.unavailable() or "")
async def test_it_runs_as_a_tool() -> None:
    """With its manifest, in its sandbox."""
    request = json.dumps({"text": "one two\ntwo", "top": 1}).encode()
    ran = await run(read_manifest(MANIFEST), PACKAGE, request, private=())
    assert (ran.status, ran.errors) == ("ok", "")
    assert json.loads(ran.output) == {
        "bytes": 11,
        "characters": 11,
        "different_words": 2,
        "lines": 2,
        "top": [{"count": 2, "word": "two"}],
        "words": 3,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Don't don’t 'quoted'", ["don't", "don’t", "quoted"]),
        ("e\u0301té ÉTÉ", ["été", "été"]),
        ("a-b c_d 3.5", ["a", "b", "c", "d", "3", "5"]),
        ("слово שלום", ["слово", "שלום"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """In any script, in any case, whichever way an accent is written."""
    assert list(wordcount.words(text)) == words


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ([], "expected"),
        ({"text": 1}, "expected"),
        ({"text": "", "top": True}, "top is a number"),
        ({"text": "", "top": 1001}, "top is a number"),
        ({"text": "", "tpo": 1}, "unknown: tpo"),
    ],
)
def test_what_is_no_request(request_: Any, told: str) -> None:
    """It is told in a sentence that a model can act on."""
    with pytest.raises(ValueError, match=told):
        wordcount.count(request_)


def test_mistakes_are_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard output, with an exit code that says so."""
    for text, code in (("{", 1), ('{"text": "a"}', 0)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        with pytest.raises(SystemExit) as ended:
            wordcount.main()
        assert ended.value.code == code
        assert ("error" in json.loads(capsys.readouterr().out)) == bool(code)
