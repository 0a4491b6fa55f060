"""Where a stream may be ended, for each framing, wherever its bytes are cut."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import edges
from providers.edges import ArrayEdge, Edge, LineEdge, SseEdge, edge_of
from providers.eventstream import FrameEdge, frame
from providers.sse import Splitter

STREAMS: dict[str, tuple[Callable[[], Edge], list[bytes]]] = {
    "LF": (SseEdge, [b"data: a\n\n", b": x\n\n", b"event: b\ndata: c\n\n"]),
    "CRLF": (SseEdge, [b"data: a\r\n\r\n", b"event: b\r\ndata: c\r\n\r\n"]),
    "CR": (SseEdge, [b"data: a\r\r", b"event: b\rdata: c\r\r"]),
    "lines": (LineEdge, [b'{"a": 1}\n', b"{}\n"]),
    "frames": (FrameEdge, [frame({}, b"one"), frame({}, b""), frame({}, b"x" * 300)]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_edges_are_between_events(name: str) -> None:
    """Cut at any byte, an edge stands after whole events alone, and knows where the next is."""
    make, events = STREAMS[name]
    whole = b"".join(events)
    ends = [0, *itertools.accumulate(map(len, events))]
    for at in range(len(whole) + 1):
        by_one, at_once = make(), make()
        for byte in whole[:at]:
            by_one.passed(bytes([byte]))
        at_once.passed(whole[:at])
        # After the first CR of a CRLF a line has ended, as far as anyone can tell.
        early = name == "CRLF" and at + 1 in ends and at > 0
        assert by_one.at == at_once.at == (at in ends or early), at
        following = [end - at for end in ends if end > at]
        for edge in (by_one, at_once):
            found = edge.within(whole[at:])
            assert found == (1 if early else following[0] if following else None), at
            assert edge.within(b"") is None
            if following and not early and following[0] > 2:
                assert edge.within(whole[at : at + following[0] - 2]) is None
            assert edge.at == by_one.at


@given(st.lists(st.sampled_from([b"data: a", b"\n", b"\r\n", b"\r", b"\n\n", b": c"]), max_size=12))
def test_an_sse_edge_is_where_the_splitter_ends_an_event(parts: list[bytes]) -> None:
    """Whatever line ends are mixed, both see the same ends."""
    data, edge = b"x" + b"".join(parts), SseEdge()
    edge.passed(data)
    assert edge.at == (b"".join(piece.raw for piece in Splitter().feed(data)) == data)


ELEMENTS = [b'[{"a": "x]\\\\\\"}, {"}', b',\r\n{"b": [1, {}], "c": ""}', b",{}", b"]\n"]


def test_edges_are_between_elements() -> None:
    """Of an array: after an element, before the comma; not before the first, nor after the last."""
    whole = b"".join(ELEMENTS)
    json.loads(whole)
    ends = list(itertools.accumulate(map(len, ELEMENTS[:-1])))
    for at in range(len(whole) + 1):
        by_one, at_once = ArrayEdge(), ArrayEdge()
        for byte in whole[:at]:
            by_one.passed(bytes([byte]))
        at_once.passed(whole[:at])
        for edge in (by_one, at_once):
            assert edge.at == (at in ends), at
            assert edge.events == (at > 0)
            following = [end - at for end in ends if end > at]
            assert edge.within(whole[at:]) == (following[0] if following else None), at
            assert edge.at == (at in ends), at


@given(document=st.recursive(st.text() | st.integers(), st.lists), at=st.data())
def test_a_document_has_no_edges(document: object, at: st.DataObject) -> None:
    """What is no array of a stream is not taken for one, whatever it holds."""
    data, edge = json.dumps({"x": document, "[": "]"}).encode(), ArrayEdge()
    cut = at.draw(st.integers(0, len(data)))
    for piece in (data[:cut], data[cut:]):
        assert edge.within(piece) is None
        edge.passed(piece)
        assert not edge.at
        assert not edge.events


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize("step", [1, 3, 7, 10**7])
def test_events_that_are_not_read(monkeypatch: pytest.MonkeyPatch, end: bytes, step: int) -> None:
    """Bytes of events beyond the limit are counted, of others none, wherever they are cut."""
    monkeypatch.setattr(edges, "MAX_EVENT_BYTES", 50)
    small, large = b"data: a" + end, b"data: " + b"a" * 60 + end
    edge, data, step = SseEdge(), small * 20, min(step, len(small))
    for at in range(0, len(data), step):
        edge.passed(data[at : at + step])
    assert edge.unread == 0
    for byte in large[:40]:
        edge.passed(bytes([byte]))
    assert edge.unread == 0
    edge.passed(large[40:])
    assert edge.unread == len(large)
    edge.passed(small)
    assert edge.unread == len(large)
    edge.passed(large[:60])
    assert edge.unread == len(large) + 60


@pytest.mark.parametrize(
    ("content_type", "made"),
    [
        ("text/event-stream", SseEdge),
        ("Text/Event-Stream; charset=utf-8", SseEdge),
        ("application/x-ndjson", LineEdge),
        ("application/vnd.amazon.eventstream", FrameEdge),
        ("application/json", ArrayEdge),
        ("text/html", type(None)),
        ("", type(None)),
    ],
)
def test_what_has_edges(content_type: str, made: type[object]) -> None:
    """Other bodies have none: they cannot be ended in the middle."""
    assert type(edge_of(content_type)) is made
