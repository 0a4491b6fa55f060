"""Forms are read as they are sent, or not at all."""

from __future__ import annotations

import httpx
import pytest

from providers.multipart import Part, parts
from tests.providers.batches import BOUNDARY, FORM, form


def test_a_form_of_a_real_client() -> None:
    """What httpx writes is read back, whatever bytes the file holds."""
    data = bytes(range(256)) * 3 + b"\r\n--\r\n\r\n--x"
    request = httpx.Request(
        "POST", "http://x/", data={"purpose": "batch"}, files={"file": ("ä.jsonl", data)}
    )
    read = parts(request.headers["content-type"], request.read())
    assert read == [Part("purpose", b"batch"), Part("file", data)]


def test_quoted_boundaries_and_a_first_line_end() -> None:
    """Both ways to name a boundary, in any case, and an empty preamble."""
    quoted = f' Multipart/Form-Data;BOUNDARY="{BOUNDARY}" '
    assert parts(quoted, b"\r\n" + form(b"{}")) == [Part("purpose", b"batch"), Part("file", b"{}")]


WHOLE = form(b"{}")
NAMED = b"filename*=utf-8''%C3%A4; x"


def test_a_file_may_be_named_in_two_ways() -> None:
    """As older clients write names that are not ASCII."""
    for name in (b"filename*=utf-8''%C3%A4", b"filename=\"a\"; filename*=utf-8''%C3%A4"):
        body = WHOLE.replace(b'filename="a.jsonl"', name)
        assert parts(FORM, body) == [Part("purpose", b"batch"), Part("file", b"{}")]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", WHOLE),
        ("multipart/form-data", WHOLE),
        ("multipart/mixed; boundary=b0undary", WHOLE),
        ("multipart/form-data; boundary=other", WHOLE),
        (FORM, b""),
        (FORM, b"preamble\r\n" + WHOLE),
        (FORM, WHOLE[:-8]),
        (FORM, WHOLE.replace(b"\r\n", b"\n")),
        (FORM, WHOLE.replace(b'name="file"', b"name=file")),
        (FORM, WHOLE.replace(b"Content-Disposition", b"X-Other")),
        (FORM, WHOLE.replace(b"form-data; name", b"form-data; x; title")),
        (FORM, WHOLE.replace(b'l"\r\n\r\n', b'l"\r\nContent-Transfer-Encoding: base64\r\n\r\n')),
        (FORM, WHOLE.replace(b'l"\r\n\r\n', b'l"\r\nContent-Disposition: x; name="a"\r\n\r\n')),
        (FORM, WHOLE.replace(b'filename="a.jsonl"', NAMED)),
        (f"{FORM}; boundary=other", WHOLE),
        (f"multipart/form-data; boundary=other; boundary={BOUNDARY}", WHOLE),
        (FORM, WHOLE.replace(b'name="file"', b'name="file"; name="x"')),
        (FORM, WHOLE.replace(b'name="file"', b'name="file"; name*=x')),
        (FORM, WHOLE.replace(b'l"\r\n\r\n', b'l"\nX: y\r\n\r\n')),
        (FORM, WHOLE.replace(b'l"\r\n\r\n', b'l"\r\n x\r\n\r\n')),
        (FORM, WHOLE.replace(b"{}", b"{}\n--b0undary\nx")),
        (FORM, WHOLE + b"epilogue"),
        (FORM, b"".join(WHOLE[: WHOLE.rindex(b"--b0")] for _ in range(40)) + b"--b0undary--\r\n"),
    ],
)
def test_what_is_no_plain_form_is_none(kind: str, body: bytes) -> None:
    """Whatever two readers may take differently, or is not whole."""
    assert parts(kind, body) is None
