"""Answers about batches: bytes pass, objects are read at their end, results when all are there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers import bulk_meters as module
from providers.bulk import News
from providers.bulk_meters import ObjectMeter, ResultsMeter, listed, plain_id
from providers.wire import Usage


def line(document: dict[str, Any]) -> Any:
    """What a line of these tests says."""
    said = document.get("said")
    return Usage({"input_tokens": said}) if isinstance(said, int) else None if said else ...


def fed(meter: ResultsMeter, *chunks: bytes) -> list[Usage]:
    for chunk in chunks:
        assert meter.feed(chunk) == chunk
    assert meter.finish() == b""
    return meter.taken()


def test_results_are_whole_when_all_are_there() -> None:
    """With or without a last line end, cut anywhere; blank lines are none."""
    for end in (b"", b"\n", b"\n\n\r\n"):
        meter = ResultsMeter(line, 3, 3)
        assert not meter.whole()
        taken = fed(meter, b'{"said":1}\n{"sa', b'id":"no"}\r\n\n{"said":2}' + end)
        assert [each.counts["input_tokens"] for each in taken] == [1, 2]
        assert meter.whole()
        assert meter.taken() == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"said":1}\n{"said":2}\n',
        b'{"said":1}\n{"said":2}\n{"said":',
        b'{"said":1}\n{"said":2}\n{"said":3}\n{"said":4}',
        b'{"said":1}\n[]\n{"said":2}',
        b'{"said":1}\n{}\n{"said":2}',
        b'{"said":1}\n\xff\n{"said":2}',
    ],
)
def test_what_is_not_all_is_not_whole(data: bytes) -> None:
    """Too few or too many, broken off, or not to be read."""
    meter = ResultsMeter(line, 3, 3)
    fed(meter, data)
    assert not meter.whole()
    assert meter.reading().complete


def test_before_its_end_nothing_is_whole() -> None:
    """A client that goes away leaves results that look whole, and are not known to be."""
    meter = ResultsMeter(line, 1, 3)
    meter.feed(b'{"said":1}\n')
    assert not meter.whole()


def test_an_endless_line_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It passes, and what it says is lost."""
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 100)
    meter = ResultsMeter(line, 1, 3)
    fed(meter, b'{"said":1,"x":"' + b"x" * 200, b'"}\n')
    assert not meter.whole()


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        (["a", "b"], True),
        (["a", "a"], False),
        ([None, None], True),
        ([7, 7], True),
    ],
)
def test_a_call_has_one_result(names: list[Any], whole: bool) -> None:
    """One that is answered twice would be billed twice; its results are none."""
    meter = ResultsMeter(line, 1, 3)
    fed(meter, *(json.dumps({"said": 1, "custom_id": each}).encode() + b"\n" for each in names))
    assert meter.whole() is whole


def told(document: dict[str, Any]) -> list[News]:
    return [News(plain_id(each)) for each in listed(document)]


def test_an_object_is_read_at_its_end() -> None:
    """One or a list of them; before its end, or if it is none, it tells nothing."""
    for data, names in (
        (b'{"id":"a"}', ["a"]),
        (b'{"data":[{"id":"a"},{"id":"b/c"},7]}', ["a", ""]),
        (b"[]", []),
        (b'{"id":"a"', []),
        (b"", []),
    ):
        meter = ObjectMeter(told)
        assert meter.feed(data) == data
        assert meter.news() == ()
        assert meter.finish() == b""
        assert [news.id for news in meter.news()] == names


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", 7, None, "x" * 300, "ä", "a\n"])
def test_an_id_is_plain(name: object) -> None:
    """Whatever else a provider says is no id that could stand in a path and in the books."""
    assert plain_id({"id": name}) == ""


def edited(data: bytes, _document: dict[str, Any]) -> bytes:
    return data.upper()


def test_an_object_may_be_edited() -> None:
    """It is held back until it is whole; what is no object goes on as it is."""
    for data, client in ((b'{"id":"a"}', b'{"ID":"A"}'), (b"plain", b"plain"), (b'{"a"', b'{"a"')):
        meter = ObjectMeter(told, edited)
        assert meter.feed(data[:3]) + meter.feed(data[3:]) == b""
        assert meter.finish() == client


def test_too_much_to_edit_passes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, and nothing twice."""
    monkeypatch.setattr(module, "MAX_OBJECT_BYTES", 8)
    meter = ObjectMeter(told, edited)
    chunks = [b'{"id"', b':"abc"', b"}"]
    assert b"".join([*map(meter.feed, chunks), meter.finish()]) == b"".join(chunks)
    assert meter.news() == ()
