"""Strict reading of a `multipart/form-data` body, as jsonbody.py reads JSON.

Owns: the one shape of a form that every parser reads alike, and precise refusals of all others.
Refuses to know: any provider's fields. A message names the field and never repeats its value.
Grammar: https://www.rfc-editor.org/rfc/rfc7578, https://www.rfc-editor.org/rfc/rfc2046#section-5.1

What is refused (400), and why: a field given twice (one parser takes the first, another the last),
the boundary anywhere but at the beginning of its own line, text around the parts, transfer
encodings, unknown headers of a part, a member of an object (`n[0]`) where one value is read. A
budget checked against one reading of them is no budget.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from providers import jsonbody

PARTS_MAX = 256
_HEADERS_MAX = 4096
_TYPE = re.compile(
    r'multipart/form-data\s*;\s*boundary=(?:"([0-9A-Za-z\'()+_,./:=? -]{1,70})"'
    r"|([0-9A-Za-z'+_.-]{1,70}))\s*",
    re.IGNORECASE,
)
_DISPOSITION = re.compile(
    r'form-data; *name="([^"\\\r\n]{1,256})"(?:; *filename="([^"\r\n]*)")?'
    r"(?:; *filename\*=([^;\s]*))?",
    re.IGNORECASE,
)
_PLAIN_ENCODINGS = (b"binary", b"8bit", b"7bit")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form. filename: None for a field that is no file."""

    name: str
    filename: str | None
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """A form, its parts in order."""

    parts: tuple[Part, ...]

    def names(self) -> set[str]:
        """The names that are given, lists without their brackets (`include[]`)."""
        return {part.name.partition("[")[0] for part in self.parts}

    def text(self, name: str) -> str | None:
        """A field that is one text, None if it is not given. Raises Refused (400) for others."""
        found = self.texts(name)
        if len(found) > 1:
            raise jsonbody.bad_request(f"`{name}` must be one value.")
        return found[0] if found else None

    def texts(self, name: str) -> list[str]:
        """A field, or each item of a list of them. Raises Refused (400) for files."""
        return [_text(part) for part in self._all(name)]

    def files(self, name: str) -> list[bytes]:
        """A file, or each of a list of them. Raises Refused (400) for text."""
        found = self._all(name)
        if any(part.filename is None for part in found):
            raise jsonbody.bad_request(f"`{name}` must be a file.")
        return [part.data for part in found]

    def count(self, name: str, least: int = 1, most: int = jsonbody.MAX_COUNT) -> int | None:
        """A whole number, None if it is not given. Raises Refused (400)."""
        text = self.text(name)
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise jsonbody.bad_request(f"`{name}` must be an integer between {least} and {most}.")
        return int(text)

    def flag(self, name: str) -> bool:
        """A field that is `true` or `false`, false if it is not given. Raises Refused (400)."""
        text = (self.text(name) or "false").lower()
        if text not in ("true", "false"):
            raise jsonbody.bad_request(f"`{name}` must be true or false.")
        return text == "true"

    def _all(self, name: str) -> list[Part]:
        found = [part for part in self.parts if part.name.partition("[")[0] == name]
        if any(part.name not in (name, f"{name}[]") for part in found):
            raise jsonbody.bad_request(f"`{name}` must not be an object.")
        return found


def parse_form(body: bytes, content_type: str) -> Form:
    """The form that `body` is. Raises Refused (400) for anything else, nothing else ever."""
    line = _boundary_line(content_type)
    if line is None:
        raise jsonbody.bad_request("The body must be a form (`multipart/form-data; boundary=…`).")
    if body.count(line) > PARTS_MAX + 1:
        raise jsonbody.bad_request(f"The form has more than {PARTS_MAX} parts.")
    # One line end is put before the first boundary, so that all of them stand after one.
    pieces = (b"\r\n" + body).split(b"\r\n" + line)
    head, *parts, tail = pieces if len(pieces) > 1 else (b"?", b"")
    is_whole = head in (b"", b"\r\n") and tail in (b"--", b"--\r\n")
    if not is_whole or body.count(line) != len(pieces) - 1:
        raise jsonbody.bad_request("The form is cut, or its boundary stands where it may not.")
    form = Form(tuple(map(_part, parts)))
    _refuse_twice(form)
    return form


def without_boundary(body: bytes, content_type: str) -> bytes:
    """What two sendings of one form have in common, for clients choose its boundary anew each time.

    A body that is no form is itself.
    """
    line = _boundary_line(content_type)
    return body if line is None else body.replace(line, b"--")


def _boundary_line(content_type: str) -> bytes | None:
    """What stands before each part and after the last one; None where it is no form."""
    found = _TYPE.fullmatch(content_type.strip())
    return None if found is None else b"--" + (found[1] or found[2]).encode("ascii")


def _part(piece: bytes) -> Part:
    head, blank, data = piece.partition(b"\r\n\r\n")
    if not blank or not head.startswith(b"\r\n") or len(head) > _HEADERS_MAX:
        raise jsonbody.bad_request("A part of the form has no proper headers.")
    headers: dict[bytes, bytes] = {}
    for line in head[2:].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon or name.lower() in headers or b"\n" in line or b"\r" in line:
            raise jsonbody.bad_request("A part of the form has a header twice, or a broken one.")
        headers[name.lower()] = value.strip(b" \t")
    disposition = headers.pop(b"content-disposition", b"")
    headers.pop(b"content-type", None)
    # Some clients count the bytes of each part; where the count is true, it changes no reading.
    counted = headers.pop(b"content-length", b"%d" % len(data))
    encoding = headers.pop(b"content-transfer-encoding", b"binary").lower()
    if headers or encoding not in _PLAIN_ENCODINGS or counted != b"%d" % len(data):
        raise jsonbody.bad_request("A part of the form has a header that forms do not have.")
    try:
        found = _DISPOSITION.fullmatch(disposition.decode("utf-8"))
    except UnicodeDecodeError:
        found = None
    if found is None:
        raise jsonbody.bad_request("A part of the form has no proper `Content-Disposition`.")
    # Whoever reads the one kind of name takes the part for a file, so it is one.
    return Part(found[1], found[3] if found[2] is None else found[2], data)


def _refuse_twice(form: Form) -> None:
    single = [part.name for part in form.parts if not part.name.endswith("[]")]
    listed = {part.name.removesuffix("[]") for part in form.parts if part.name.endswith("[]")}
    if len(set(single)) < len(single) or not listed.isdisjoint(single):
        raise jsonbody.bad_request("The form gives a field twice; parsers disagree on these.")


def _text(part: Part) -> str:
    if part.filename is not None:
        raise jsonbody.bad_request(f"`{part.name}` must be text, not a file.")
    try:
        return part.data.decode("utf-8")
    except UnicodeDecodeError:
        raise jsonbody.bad_request(f"`{part.name}` is not valid UTF-8.") from None
