"""Forms: one reading, or a refusal."""

from __future__ import annotations

import tracemalloc

import httpx
import pytest

from providers.formbody import PARTS_MAX, Form, Part, parse_form, without_boundary
from providers.wire import Refused
from tests.providers import batches

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
    assert parse_form(b"\r\n" + A + END, f" {TYPE} ").text("a") == "1"
    counted = A.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\n")
    assert parsed(counted).text("a") == "1"


@pytest.mark.parametrize(
    "name", ["filename=\"a\"; filename*=UTF-8''%C3%A4", "filename*=UTF-8''%C3%A4"]
)
def test_a_file_may_be_named_in_two_ways(name: str) -> None:
    """As older clients write names that are not ASCII; text it is by none of them."""
    form = parsed(field("a", f"; {name}"))
    assert form.files("a") == [b"1"]
    with pytest.raises(Refused, match="must be text"):
        form.text("a")


def test_a_file_may_hold_any_bytes() -> None:
    """Also such as look like an end."""
    data = bytes(range(256)) * 3 + b"\r\n--\r\n\r\n--x"
    request = httpx.Request(
        "POST", "http://x/", data={"purpose": "batch"}, files={"file": ("ä.jsonl", data)}
    )
    read = parse_form(request.read(), request.headers["content-type"])
    assert read.parts == (Part("purpose", None, b"batch"), Part("file", "ä.jsonl", data))


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
        A.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n") + END,
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


WHOLE = batches.form(b"{}")
NAMED = b"filename*=utf-8''%C3%A4; x"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", WHOLE),
        ("multipart/mixed; boundary=b0undary", WHOLE),
        ("multipart/form-data; boundary=other", WHOLE),
        (batches.FORM, WHOLE[:-8]),
        (batches.FORM, WHOLE.replace(b'name="file"', b"name=file")),
        (batches.FORM, WHOLE.replace(b"Content-Disposition", b"X-Other")),
        (batches.FORM, WHOLE.replace(b"form-data; name", b"form-data; x; title")),
        (batches.FORM, WHOLE.replace(b'filename="a.jsonl"', NAMED)),
        (f"{batches.FORM}; boundary=other", WHOLE),
        (f"multipart/form-data; boundary=other; boundary={batches.BOUNDARY}", WHOLE),
        (batches.FORM, WHOLE.replace(b'name="file"', b'name="file"; name*=x')),
        (batches.FORM, WHOLE.replace(b'l"\r\n\r\n', b'l"\nX: y\r\n\r\n')),
        (batches.FORM, WHOLE.replace(b'l"\r\n\r\n', b'l"\r\n x\r\n\r\n')),
        (batches.FORM, WHOLE.replace(b"{}", b"{}\n--b0undary\nx")),
        (
            batches.FORM,
            b"".join(WHOLE[: WHOLE.rindex(b"--b0")] for _ in range(40)) + b"--b0undary--",
        ),
    ],
)
def test_a_file_among_other_parts_is_read_as_strictly(kind: str, body: bytes) -> None:
    """Whatever two readers may take differently, or is not whole."""
    assert parse_form(WHOLE, batches.FORM).files("file") == [b"{}"]
    with pytest.raises(Refused):
        parse_form(body, kind)


def test_one_value_is_one_value() -> None:
    """Neither the first nor the last of several, and no member of an object."""
    listed = parsed(field("n[]"), field("n[]").replace(b"1", b"9"))
    assert listed.texts("n") == ["1", "9"]
    for form, name in ((listed, "n"), (parsed(field("n[0]")), "n"), (parsed(field("n[k][]")), "n")):
        assert form.names() == {name}
        for bad in (lambda: form.text(name), lambda: form.count(name)):  # noqa: B023
            with pytest.raises(Refused) as caught:
                bad()
            assert caught.value.denial.status == 400


def test_a_flood_of_boundaries_is_not_taken_apart() -> None:
    """What is refused for having too many parts takes no memory for each of them."""
    body = b"\r\n--xyz" * 200_000
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="more than 256 parts"):
            parse_form(body, TYPE)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(body)
    finally:
        tracemalloc.stop()


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
