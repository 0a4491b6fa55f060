"""A body ends where it ends, whatever is sent around it."""

from __future__ import annotations

import h11
import pytest
from h11._readers import ChunkedReader, ContentLengthReader
from h11._receivebuffer import ReceiveBuffer

from aex_addon.http1_body import LINE_BYTES_MAX, PlainBody, plain


def buffer(data: bytes) -> ReceiveBuffer:
    made = ReceiveBuffer()
    made += data
    return made


def test_trailers_are_left_out() -> None:
    """They end a body as nothing does."""
    reader, came = plain(ChunkedReader()), buffer(b"2\r\nhi\r\n0\r\nx-checksum: 1\r\n\r\n")
    assert bytes(reader(came).data) == b"hi"
    assert reader(came) == h11.EndOfMessage()
    with pytest.raises(h11.ProtocolError):
        plain(ChunkedReader()).read_eof()


def test_made_once() -> None:
    """However often a body is read."""
    reader = plain(ContentLengthReader(3))
    assert isinstance(reader, PlainBody)
    assert plain(reader) is reader
    assert bytes(reader(buffer(b"abc")).data) == b"abc"


@pytest.mark.parametrize("before", [b"1;", b"1\r\nx\r\n1;", b"0\r\nx: "])
def test_lines_that_never_end(before: bytes) -> None:
    """A size with its extensions, or a trailer: one is waited for up to a limit."""
    reader, came = plain(ChunkedReader()), buffer(before)
    while (event := reader(came)) is not None:
        assert isinstance(event, h11.Data)
    came += b"a" * (LINE_BYTES_MAX - len(came))
    assert reader(came) is None
    came += b"a"
    with pytest.raises(h11.RemoteProtocolError, match="too long"):
        reader(came)
