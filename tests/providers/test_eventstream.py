"""Frames are read as AWS's own library reads them, and no byte is lost, whatever is wrong."""

from __future__ import annotations

import itertools

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from providers.eventstream import Frame, FrameEdge, Splitter, frame

# Messages of AWS's own tests of the framing.
EMPTY = b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xeb}\x98\xc8\xff"
PAYLOAD = b"\x00\x00\x00\x1d\x00\x00\x00\x00\xfdR\x8cZ{'foo':'bar'}\xc3e96"
INT32_HEADER = (
    b"\x00\x00\x00-\x00\x00\x00\x10A\xc4$\xb8\nevent-type\x04\x00\x00\xa0\x0c"
    b"{'foo':'bar'}6\xf4\x80\xa0"
)

NAMES = st.text(st.characters(codec="ascii", exclude_characters="\x00"), min_size=1, max_size=20)
HEADERS = st.dictionaries(NAMES, st.text(max_size=40), max_size=4)


def split(data: bytes, cuts: list[int] = []) -> list[Frame]:  # noqa: B006 - it is not changed
    splitter = Splitter()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [f for a, b in itertools.pairwise(places) for f in splitter.feed(data[a:b])]
    rest = splitter.flush()
    return [*found, rest] if rest else found


@pytest.mark.parametrize(
    ("data", "payload"),
    [(EMPTY, b""), (PAYLOAD, b"{'foo':'bar'}"), (INT32_HEADER, b"{'foo':'bar'}")],
)
def test_published_messages(data: bytes, payload: bytes) -> None:
    """Each is one frame; a header that is no string is passed over."""
    assert split(data) == [Frame(data, {}, payload)]
    if data is not INT32_HEADER:
        assert frame({}, payload) == data


@given(messages=st.lists(st.tuples(HEADERS, st.binary(max_size=80)), max_size=4))
def test_the_library_of_aws_reads_the_same(messages: list[tuple[dict[str, str], bytes]]) -> None:
    """What is made here is read by botocore as it was meant, and split here the same."""
    data = b"".join(frame(headers, payload) for headers, payload in messages)
    theirs = EventStreamBuffer()
    theirs.add_data(data)
    read = [(dict(message.headers), message.payload) for message in theirs]
    ours = [(dict(found.headers), found.payload) for found in split(data)]
    assert ours == read == messages


@given(
    headers=HEADERS,
    payload=st.binary(max_size=60),
    damage=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 255)), max_size=3),
    cuts=st.lists(st.integers(0, 300), max_size=6),
)
def test_nothing_is_lost(
    headers: dict[str, str],
    payload: bytes,
    damage: list[tuple[int, int]],
    cuts: list[int],
) -> None:
    """Damaged anywhere and cut anywhere, all bytes come out in order."""
    data = bytearray(frame(headers, payload) + frame({":event-type": "next"}, b"{}"))
    for place, change in damage:
        data[place % len(data)] ^= change
    found = split(bytes(data), cuts)
    assert b"".join(each.raw for each in found) == bytes(data)
    whole = split(bytes(data))
    assert [each for each in found if each.payload is not None] == [
        each for each in whole if each.payload is not None
    ]


def test_a_wrong_checksum() -> None:
    """Only that frame is unread; those around it are read."""
    bad = bytearray(PAYLOAD)
    bad[-1] ^= 1
    found = split(EMPTY + bytes(bad) + PAYLOAD)
    assert [each.payload for each in found] == [b"", None, b"{'foo':'bar'}"]


@pytest.mark.parametrize("place", [0, 3, 4, 7, 8, 11])
def test_lengths_that_cannot_be_trusted(place: int) -> None:
    """From there on nothing is read, and nothing is held back."""
    bad = bytearray(PAYLOAD)
    bad[place] ^= 1
    splitter = Splitter()
    assert [f.payload for f in splitter.feed(EMPTY + bytes(bad) + PAYLOAD)] == [b"", None]
    assert splitter.feed(b"more") == [Frame(b"more")]


@pytest.mark.parametrize(
    "head",
    [b"\x05name", b"\x01n\x0a", b"\x01n\x07\x00\x09abc", b"\x01n\x04\x00", b"\x01n", b"\x01"],
)
def test_malformed_headers(head: bytes) -> None:
    """A frame with headers that end too soon, or of an unknown type, passes unread."""
    whole = frame({"n": "x" * (len(head) - 4)} if len(head) >= 4 else {}, b"{}")
    made = _with_headers(head)
    assert split(made + whole) == [Frame(made), *split(whole)]


def _with_headers(head: bytes) -> bytes:
    from zlib import crc32

    prelude = (len(head) + 18).to_bytes(4) + len(head).to_bytes(4)
    body = prelude + crc32(prelude).to_bytes(4) + head + b"{}"
    return body + crc32(body).to_bytes(4)


def test_a_frame_that_is_too_large() -> None:
    """It passes as it comes and is never held; the frame after it is read."""
    splitter = Splitter(max_frame_bytes=100)
    large = frame({}, b"x" * 1000)
    found = splitter.feed(large[:50])
    assert b"".join(each.raw for each in found) == large[:50]
    found = splitter.feed(large[50:] + PAYLOAD)
    assert [(each.raw, each.payload) for each in found] == [
        (large[50:], None),
        (PAYLOAD, b"{'foo':'bar'}"),
    ]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_what_an_edge_counts_as_unread(size: int) -> None:
    """Frames above the limit, after which there are edges again; and all after wrong lengths."""
    edge, large = FrameEdge(max_frame_bytes=100), frame({}, b"x" * 1000)
    for at in range(0, len(large), size):
        edge.passed(large[at : at + size])
    assert (edge.unread, edge.at) == (len(large), True)
    edge.passed(PAYLOAD)
    assert (edge.unread, edge.at) == (len(large), True)
    junk = PAYLOAD[:11] + b"\xff" + PAYLOAD[12:]
    for at in range(0, len(junk), size):
        edge.passed(junk[at : at + size])
    assert (edge.unread, edge.at) == (len(large) + len(junk), False)
    assert edge.within(PAYLOAD) is None
    edge.passed(b"")
    assert edge.unread == len(large) + len(junk)
