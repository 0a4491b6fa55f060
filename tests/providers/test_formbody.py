"""Forms: one reading, or a refusal."""

from __future__ import annotations

import httpx
import pytest

from providers.formbody import PARTS_MAX, Form, parse_form, without_boundary
from providers.wire import Refused

TYPE = "multipart/form-data; boundary=xyz"
A = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
END = b"--xyz--\r\n"


def field(name: str, rest: str = "") -> bytes:
    """A part that holds `1`."""
    return A.replace(b'name="a"', f'name="{name}"{rest}'.encode())


def parsed(*parts: bytes) -> Form:
    """The form of these parts."""
    return parse_form(b"".join(parts) + END, TYPE)


def test_what_clients_send() -> None:
    """Fields, lists, files with any bytes and any name, as httpx writes them."""
    file = ('na"me ü.wav', b"\r\n--x\x00\xff", "audio/wav")
    request = httpx.Request(
        "POST",
        "http://a.example/",
        data={"model": "m", "include[]": ["x", "y"], "n": "3", "stream": "True"},
        files=[("file", file), ("image[]", ("b", b"B")), ("image[]", ("c", b"C"))],
    )
    form = parse_form(request.read(), request.headers["content-type"])
    assert (form.text("model"), form.text("other")) == ("m", None)
    assert form.texts("include") == ["x", "y"]
    assert form.files("file") == [b"\r\n--x\x00\xff"]
    assert form.files("image") == [b"B", b"C"]
    assert (form.count("n"), form.count("m"), form.flag("stream"), form.flag("s")) == (
        *(3, None),
        *(True, False),
    )
    assert form.names() == {"model", "include", "n", "stream", "file", "image"}


def test_boundaries_may_be_quoted_and_parts_have_other_headers() -> None:
    """The type of a part and an encoding that changes nothing are passed over."""
    body = A.replace(b"\r\n\r\n", b"\r\ncontent-type: text/plain\r\n\r\n")
    body = body.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: binary\r\n\r\n")
    assert parse_form(body + END[:-2], 'Multipart/Form-Data; boundary="xyz"').text("a") == "1"
    named = field("a", "; filename=\"a\"; filename*=UTF-8''%C3%A4")
    assert parsed(named).files("a") == [b"1"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        A,
        A + b"--xyz",
        A + END + b"more",
        b"before\r\n" + A + END,
        A + A + END,
        field("a[]") + field("a") + END,
        A.replace(b"\r\n", b"\n") + END,
        A.replace(b"1", b"x--xyz") + END,
        A.replace(b"1", b"\n--xyz") + END,
        A.replace(b"form-data", b"attachment") + END,
        A.replace(b'"a"', b'"a"; name="b"') + END,
        A.replace(b'"a"', b'"\xff"') + END,
        A.replace(b"\r\n\r\n", b"\r\nX-Other: 1\r\n\r\n") + END,
        A.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n") + END,
        A.replace(b"\r\n\r\n", b'\r\nContent-Disposition: form-data; name="b"\r\n\r\n') + END,
        A.replace(b"\r\n\r\n", b"\r\nbroken\r\n\r\n") + END,
        A.replace(b"\r\n\r\n", b"\r\nContent-Type: " + b"x" * 5000 + b"\r\n\r\n") + END,
        b"".join(field(f"f{n}") for n in range(PARTS_MAX + 1)) + END,
    ],
)
def test_what_parsers_disagree_on_is_refused(body: bytes) -> None:
    """With a 400, whatever it is."""
    with pytest.raises(Refused) as caught:
        parse_form(body, TYPE)
    assert caught.value.denial.status == 400


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/form-data", TYPE + "; boundary=abc"]
)
def test_a_type_without_its_one_boundary(content_type: str) -> None:
    """There is no form without it."""
    with pytest.raises(Refused, match="must be a form"):
        parse_form(A + END, content_type)


def test_a_field_of_another_kind() -> None:
    """Text is no file, a file no text, a word no number."""
    form = parsed(
        *(field("word").replace(b"1", b"one"), field("far").replace(b"1", b"11")),
        *(field("file", '; filename="x"'), field("odd").replace(b"1", b"\xff")),
    )
    for bad in (
        lambda: form.text("file"),
        lambda: form.text("odd"),
        lambda: form.files("word"),
        lambda: form.count("word"),
        lambda: form.count("far", most=10),
        lambda: form.flag("word"),
    ):
        with pytest.raises(Refused) as caught:
            bad()
        assert caught.value.denial.status == 400
        assert "one" not in caught.value.denial.message


def test_one_form_sent_twice_is_the_same() -> None:
    """Whatever its boundary; another form is not, and what is no form is itself."""

    def sent(boundary: str, text: str = "1") -> bytes:
        marked = {"content-type": f"multipart/form-data; boundary={boundary}"}
        request = httpx.Request(
            "POST", "http://a.example/", files={"a": (None, text)}, headers=marked
        )
        return without_boundary(request.read(), marked["content-type"])

    assert sent("xyz") == sent("abcdef")
    assert sent("xyz") != sent("xyz", "2")
    assert without_boundary(b"--xyz", "application/json") == b"--xyz"
