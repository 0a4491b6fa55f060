"""Bodies of HTTP/1.1, without two things that mitmproxy does not stand.

Owns: trailers after a chunked body, which nobody needs, and on which mitmproxy stops working; lines
between chunks that never end.
Refuses to know: which side sends a body. https://www.rfc-editor.org/rfc/rfc9112#section-7.1
"""

from __future__ import annotations

from typing import Any

from h11 import RemoteProtocolError

LINE_BYTES_MAX = 64 * 1024


class PlainBody:
    """A body reader that tells of the data and of the end, and of nothing that comes with it."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __call__(self, buffer: Any) -> Any:
        """The next event in the buffer, None if more must come."""
        event = self._reader(buffer)
        # Of data nothing is left when more must come.
        if event is None and len(buffer) > LINE_BYTES_MAX:
            raise RemoteProtocolError("a line between the chunks of a body is too long")
        return _bare(event)

    def read_eof(self) -> Any:
        """What it means that nothing more comes."""
        return _bare(self._reader.read_eof())


def _bare(event: Any) -> Any:
    return type(event)() if getattr(event, "headers", None) else event


def plain(reader: Any) -> Any:
    """The reader as one of these, made once."""
    return reader if isinstance(reader, PlainBody) else PlainBody(reader)
