"""Lines of JSON: no byte lost or delayed, however cut, and long lines cost no memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from providers.lines import LineSplitter


def split(chunks: list[bytes], limit: int = 16) -> tuple[bytes, list[bytes], int]:
    """All raw bytes, the data of the lines, and the bytes of lines that were too long."""
    splitter = LineSplitter(limit)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)]
    rest = splitter.flush()
    pieces += [rest] if rest else []
    data = [piece.data for piece in pieces if piece.data is not None]
    oversized = sum(len(piece.raw) for piece in pieces if piece.oversized)
    return b"".join(piece.raw for piece in pieces), data, oversized


def test_lines_come_out_as_they_end() -> None:
    """LF and CRLF end a line, blank lines have no data, and the last one needs no end."""
    whole = b'{"a":1}\n\r\n{"b":2}\r\n{"c":3}'
    assert split([whole]) == (whole, [b'{"a":1}', b'{"b":2}', b'{"c":3}'], 0)


def test_a_line_waits_for_its_end() -> None:
    """Half a line is no line yet."""
    splitter = LineSplitter()
    assert splitter.feed(b'{"a"') == []
    assert [piece.data for piece in splitter.feed(b":1}\n{")] == [b'{"a":1}']


def test_a_long_line_is_not_kept() -> None:
    """It comes out unread, and the next line is read again."""
    long = b"x" * 40 + b"\n"
    assert split([long[:20], long[20:] + b"{}\n"]) == (long + b"{}\n", [b"{}"], 41)


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"b" * 9, b"{}"]), max_size=30), st.data())
def test_cuts_change_nothing(parts: list[bytes], data: st.DataObject) -> None:
    """The same bytes give the same lines, wherever they are cut."""
    whole = b"".join(parts)
    at = data.draw(st.integers(0, len(whole)))
    assert split([whole[:at], whole[at:]]) == split([whole])
    assert split([whole])[0] == whole
