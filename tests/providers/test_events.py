"""The loop over events: what it passes, what it counts, what it remembers."""

from __future__ import annotations

from typing import Any

import pytest

from providers.events import EventMeter, Told
from providers.lines import LineSplitter
from providers.sse import Splitter
from providers.wire import Reading, Usage


def tell(event: dict[str, Any]) -> Told:
    """An event of the tests' own API."""
    if "end" in event:
        count = event["end"]
        return Told(ends=True, usage=None if count is None else Usage({"output_tokens": count}))
    return Told(len(str(event.get("text", ""))))


def lines(*chunks: bytes) -> Reading:
    """The reading after these chunks of lines."""
    meter = EventMeter(LineSplitter(), tell)
    for chunk in chunks:
        assert meter.feed(chunk) == chunk
    assert meter.finish() == b""
    return meter.reading()


def test_output_adds_up_and_the_end_is_remembered() -> None:
    """Each event adds what it delivers; the end mark says what was used."""
    assert lines(b'{"text":"abc"}\n{"te', b'xt":"de"}\n') == Reading(None, 5, False)
    usage = Usage({"output_tokens": 2})
    assert lines(b'{"text":"abc"}\n{"end":2}\n') == Reading(usage, 3, True)


@pytest.mark.parametrize(("last", "usage"), [(b"7", Usage({"output_tokens": 7})), (b"null", None)])
def test_the_last_end_counts(last: bytes, usage: Usage | None) -> None:
    """A later end replaces an earlier one, also where it cannot be read."""
    assert lines(b'{"end":2}\n{"end":' + last + b"}\n").usage == usage


def test_an_end_without_a_line_end_is_read() -> None:
    """A provider that forgets the last line end has still said what it counted."""
    assert lines(b'{"end":2}').complete


def test_what_cannot_be_read_counts_as_output() -> None:
    """Bytes that are no event may be output all the same."""
    assert lines(b"abc\n", b"[1]\n").output_tokens_max == 6


def test_long_events_count_as_output() -> None:
    """They are not kept, so their bytes bound them."""
    meter = EventMeter(LineSplitter(8), tell)
    meter.feed(b"x" * 20)
    assert meter.reading().output_tokens_max == 20


def test_events_of_a_stream_are_read_too() -> None:
    """The other framing, with its own end mark and comments, which tell nothing."""
    meter = EventMeter(Splitter(), tell)
    meter.feed(b': hi\n\ndata: {"text":"abc"}\n\ndata: {"end":1}\n\ndata: [DONE]\n\n')
    assert meter.reading() == Reading(Usage({"output_tokens": 1}), 3, True)
