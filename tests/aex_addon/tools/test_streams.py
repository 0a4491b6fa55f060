"""Output is whole up to its cap, and one piece more ends the tool."""

from __future__ import annotations

import asyncio

import pytest

from aex_addon.tools.streams import ERRORS_BYTES_MAX, STDERR_BYTES_MAX, Streams


def reader(*pieces: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    for piece in pieces:
        stream.feed_data(piece)
    stream.feed_eof()
    return stream


@pytest.mark.parametrize(("size", "over"), [(1023, False), (1024, False), (1025, True)])
async def test_the_cap_is_exact(size: int, over: bool) -> None:
    """What fills it is an answer; one byte more is not, and is not passed on."""
    heard: list[bytes] = []
    streams = Streams(1024, asyncio.Event(), heard.append)
    await streams.read(reader(bytes(size)))
    assert len(streams.output) == min(size, 1024) == len(b"".join(heard))
    assert (streams.truncated, streams.stop.is_set(), bool(streams.too_much)) == (over,) * 3


async def test_output_after_the_cap_is_dropped() -> None:
    """It is read to its end, but held by nobody."""
    streams = Streams(1024, asyncio.Event())
    stream = reader(bytes(200_000))
    await streams.read(stream)
    assert (len(streams.output), stream.at_eof()) == (1024, True)


async def test_the_end_of_errors_is_kept() -> None:
    """Of a few, all; of many, the last; of a flood, none of it for long."""
    streams = Streams(1024, asyncio.Event())
    await streams.read_errors(reader(b"x" * 10_000 + b"the end"))
    assert len(streams.errors) == ERRORS_BYTES_MAX
    assert streams.errors.endswith(b"xthe end")
    assert not streams.stop.is_set()
    await streams.read_errors(reader(bytes(STDERR_BYTES_MAX + 1)))
    assert (streams.stop.is_set(), streams.truncated) == (True, False)
    assert "to stderr" in streams.too_much


async def test_a_listener_that_fails() -> None:
    """Its error is raised once all is read."""

    def fail(piece: bytes) -> None:
        raise ZeroDivisionError(piece)

    streams = Streams(1024, asyncio.Event(), fail)
    stream = reader(b"x" * 100_000)
    with pytest.raises(ZeroDivisionError):
        await streams.read(stream)
    assert (streams.stop.is_set(), stream.at_eof()) == (True, True)
