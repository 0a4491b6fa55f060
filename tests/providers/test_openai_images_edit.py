"""OpenAI's edits: what the pictures that are sent may cost, beside what is drawn."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai_images_edit import OPENAI_IMAGES_EDIT, PATH
from providers.prices import PriceBook
from providers.wire import Call, Denial, Facts, Grant, Refused, Usage
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract
from tests.providers.forms import form

ONE = [("image", ("a.png", b"\x89PNG"))]
SMALL = {"model": "gpt-image-1", "prompt": "A dot.", "quality": "low", "size": "1024x1024"}
LINKED: dict[str, Any] = {**SMALL, "images": [{"file_id": "file-1"}]}


def call(files: list[Any], **fields: Any) -> Call:
    """A call with a small valid form, changed by the fields given."""
    body, headers = form({**SMALL, **fields}, files)
    return Call("openai", "POST", PATH, "", headers, body)


def read(files: list[Any] = ONE, **fields: Any) -> Facts:
    """The facts of such a call."""
    return OPENAI_IMAGES_EDIT.read(call(files, **fields))


def read_json(**fields: Any) -> Facts:
    """The facts of a call with a small valid document, changed by the fields given."""
    body = json.dumps({**LINKED, **fields}).encode()
    headers = {"content-type": "application/json"}
    return OPENAI_IMAGES_EDIT.read(Call("openai", "POST", PATH, "", headers, body))


class TestContract(WireFormatContract):
    """OpenAI's edits keep the contract."""

    wire_format = OPENAI_IMAGES_EDIT
    default = Call("openai", "POST", PATH, "", {}, b"")


def many(count: int, name: str = "image[]") -> list[Any]:
    """So many pictures."""
    return [(name, (f"{n}.png", b"\x89PNG")) for n in range(count)]


@pytest.mark.parametrize(
    ("files", "fields", "sources"),
    [
        (ONE, {}, 2129),
        (many(3), {}, 3 * 2129),
        ([*many(2), *many(1, "mask")], {"input_fidelity": "low"}, 3 * 2129),
        (ONE, {"input_fidelity": "high"}, 2129 + 6240),
        (many(2), {"n": "2", "input_fidelity": "high"}, 2 * (2129 + 6240)),
    ],
)
def test_pictures_have_their_published_tokens(
    files: list[Any], fields: dict[str, str], sources: int
) -> None:
    """However large their files; each that is drawn reads all of them."""
    facts = read(files, **fields)
    drawn = int(fields.get("n", 1))
    assert facts.input_tokens_max == drawn * (sources + 6 + 64)
    assert (facts.output_tokens_cap, facts.choices, facts.cap_writable) == (272, drawn, False)


def test_pictures_cost_more_than_text() -> None:
    """What an answer does not tell apart is billed as pictures: $10 and $40 per million."""
    meter = OPENAI_IMAGES_EDIT.meter(read(), 200, "application/json")
    meter.feed(b'{"usage":{"input_tokens":9,"output_tokens":2}}')
    usage = meter.reading().usage
    assert usage == Usage({"input_image_tokens": 9, "input_tokens": 9, "output_tokens": 2})
    price = PriceBook().price("openai", "gpt-image-1", AT)
    assert price.bill(usage) == 9 * 10_000 + 2 * 40_000


def test_json_is_the_same() -> None:
    """Addresses and files of the provider count as what they are: pictures."""
    assert read_json().input_tokens_max == read().input_tokens_max
    masked = read_json(mask={"file_id": "file-2"}, n=2, input_fidelity="high")
    assert masked.input_tokens_max == 2 * (2 * (2129 + 6240) + 6 + 64)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"files": []}, 400),
        ({"files": many(18)}, 400),
        ({"files": [("image", (None, b"text"))]}, 400),
        ({"n": "none"}, 400),
        ({"model": "gpt-image-1.5"}, 403),
        ({"model": "dall-e-2"}, 403),
        ({"input_fidelity": "absurd"}, 403),
        ({"output_format": "svg"}, 403),
        ({"files": [*ONE, ("markup", ("m.png", b"x"))]}, 400),
        ({"complexity": "high"}, 403),
        ({"n": "2", "stream": "true"}, 403),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """Malformed forms, other models, and what is not known."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


@pytest.mark.parametrize("images", [None, [], {}, [{}] * 18])
def test_json_without_pictures(images: Any) -> None:
    """There is nothing to draw from, or too much."""
    with pytest.raises(Refused) as caught:
        read_json(images=images)
    assert caught.value.denial.status == 400


def test_it_claims_its_one_path_and_changes_nothing() -> None:
    """Only POST; denials in OpenAI's shape."""
    request = call(ONE)
    assert OPENAI_IMAGES_EDIT.claims(request)
    assert OPENAI_IMAGES_EDIT.patch(request, read(), Grant(5)) is request.body
    for path in ("/v1/images/generations", "/v1/images/variations"):
        assert not OPENAI_IMAGES_EDIT.claims(Call("openai", "POST", path, "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(OPENAI_IMAGES_EDIT.refuse(denial).body)["error"]["message"] == "m"
    assert OPENAI_IMAGES_EDIT.error_event(denial).startswith(b"data: ")
