"""Forms that hold files: `multipart/form-data`, as SDKs send them.

Owns: finding a form's parts. Refuses to know: what they hold.
https://www.rfc-editor.org/rfc/rfc7578 and https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1

Reads strictly: what two readers may take differently is no form here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_PARTS = 64

_BOUNDARY = re.compile(
    r'multipart/form-data\s*;\s*boundary=(?:"([^\s";,]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE
)
_DISPOSITION = re.compile(
    rb'content-disposition:[ ]*form-data; ?name="([^"\\\r\n]*)"'
    rb'(?:; ?filename="[^"\r\n]*")?(?:; ?filename\*=[^\s";]*)?',
    re.IGNORECASE,
)
_OTHER = re.compile(rb"content-type:[^\r\n]*|content-length:[ ]*\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form: its name, and what it holds."""

    name: str
    data: bytes = field(repr=False)


def parts(content_type: str, body: bytes) -> list[Part] | None:
    """The parts of a form, in order; None for whatever is no plain form."""
    found = _BOUNDARY.fullmatch(content_type.strip())
    if found is None:
        return None
    mark = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    first, *rest = (b"\r\n" + body).split(b"\r\n" + mark)
    if first not in (b"", b"\r\n") or not rest or len(rest) > MAX_PARTS + 1:
        return None
    *pieces, end = rest
    if end not in (b"--", b"--\r\n"):
        return None
    # A reader that takes other line ends would find a mark where this one found none.
    read = [_part(piece) for piece in pieces if mark not in piece]
    known = [part for part in read if part is not None]
    return known if len(known) == len(pieces) else None


def _part(piece: bytes) -> Part | None:
    head, blank, data = piece.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    named = [_DISPOSITION.fullmatch(line) for line in lines]
    names = [match[1] for match in named if match is not None]
    others = [line for line, match in zip(lines, named, strict=True) if match is None]
    if start or not blank or len(names) != 1 or not all(map(_OTHER.fullmatch, others)):
        return None
    return Part(names[0].decode("utf-8", "replace"), data)
