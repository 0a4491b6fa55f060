"""Mistral's document reader: how many pages a request may be billed as."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.mistral_ocr import ANNOTATED, MISTRAL_OCR, PAGES_MAX, PATH, PLAIN
from providers.price import UnknownUnit
from providers.prices import PriceBook
from providers.wire import Call, Denial, Grant, Refused, Usage
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract

DOCUMENT = {"type": "document_url", "document_url": "https://arxiv.org/pdf/2201.04234"}
FORMAT = {"type": "json_schema", "json_schema": {"name": "d", "schema": {"type": "object"}}}


class TestContract(WireFormatContract):
    """OCR keeps the contract."""

    wire_format = MISTRAL_OCR
    default = Call("mistral", "POST", PATH, "", {}, b"")


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "mistral-ocr-2512", "document": DOCUMENT, **fields}).encode()
    return Call("mistral", "POST", PATH, "", {}, body)


def charges(**fields: Any) -> dict[str, int]:
    """What such a call may be billed as."""
    facts = MISTRAL_OCR.read(call(**fields))
    assert (facts.has_output, facts.input_tokens_max, facts.kind) == (False, 0, "metered")
    return dict(facts.charges)


@pytest.mark.parametrize(
    ("pages", "count"),
    [
        (None, PAGES_MAX),
        ([7], 1),
        ([0, 1, 1], 3),
        ("0", 1),
        ("0-5", 6),
        (" 0, 2 - 4 ", 4),
        ("0-999999999", PAGES_MAX),
        ("0-1999,5", PAGES_MAX + 1),
        (["2-4", 9], 4),
    ],
)
def test_named_pages_bound_the_bill(pages: Any, count: int) -> None:
    """Each entry counts; without any, the longest document that is read."""
    assert charges(pages=pages) == {PLAIN: count}


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ({"type": "image_url", "image_url": "data:image/png;base64,iVBORw0KGgo="}, 1),
        ({"type": "image_url", "image_url": {"url": "DATA:image/jpeg;base64,/9j/"}}, 1),
        ({"type": "image_url", "image_url": "data:image/tiff;base64,SUkqAA=="}, PAGES_MAX),
        ({"type": "image_url", "image_url": "https://example.com/a.png"}, PAGES_MAX),
        ({"type": "file", "file_id": "d9d9"}, PAGES_MAX),
        (
            {
                "type": "document_url",
                "document_url": "https://example.com/a.pdf",
                "image_url": "data:image/png;base64,iVBORw0KGgo=",
            },
            PAGES_MAX,
        ),
    ],
)
def test_only_a_picture_in_the_request_is_one_page(document: Any, count: int) -> None:
    """What stands elsewhere, or may have several pages, may have all of them."""
    assert charges(document=document) == {PLAIN: count}


@pytest.mark.parametrize("key", ["bbox_annotation_format", "document_annotation_format"])
def test_annotations_are_another_price(key: str) -> None:
    """Every page counts as annotated; the reserve is the bill of that many pages."""
    assert charges(pages=[0, 1], **{key: FORMAT}) == {ANNOTATED: 2}
    price = PriceBook().price("mistral", "mistral-ocr-2512", AT)
    facts = MISTRAL_OCR.read(call(pages=[0, 1], **{key: FORMAT}))
    assert price.quote(facts).fixed_nanousd == price.bill(Usage({PLAIN: 2, ANNOTATED: 2}))
    assert price.bill(Usage({PLAIN: 2})) < price.bill(Usage({PLAIN: 2, ANNOTATED: 2}))


def test_annotations_without_a_price_are_refused() -> None:
    """Where the catalogue has none of them, and none of pages, nothing bounds the call."""
    first = PriceBook().price("mistral", "mistral-ocr-2503", AT)
    annotated = MISTRAL_OCR.read(call(pages=[0], bbox_annotation_format=FORMAT))
    with pytest.raises(UnknownUnit, match=ANNOTATED):
        first.quote(annotated)
    chat = PriceBook().price("mistral", "mistral-small-latest", AT)
    with pytest.raises(UnknownUnit, match=PLAIN):
        chat.quote(MISTRAL_OCR.read(call(pages=[0])))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": None}, 400),
        ({"document": None}, 400),
        ({"document": "https://example.com"}, 400),
        ({"pages": []}, 400),
        ({"pages": ""}, 400),
        ({"pages": 3}, 400),
        ({"pages": [-1]}, 400),
        ({"pages": [True]}, 400),
        ({"pages": "4-2"}, 400),
        ({"pages": "0--1"}, 400),
        ({"pages": "all"}, 400),
        ({"service_tier": "priority"}, 403),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """What no provider would take, and options that are not known."""
    with pytest.raises(Refused) as caught:
        charges(**fields)
    assert caught.value.denial.status == status


def test_the_body_is_never_changed() -> None:
    """There is no output to cap; denials come in OpenAI's shape."""
    request = call()
    assert MISTRAL_OCR.patch(request, MISTRAL_OCR.read(request), Grant(5)) is request.body
    assert not MISTRAL_OCR.claims(Call("mistral", "GET", PATH, "", {}, b""))
    denial = Denial(402, "budget_exceeded", "No.")
    assert json.loads(MISTRAL_OCR.refuse(denial).body)["error"]["message"] == "No."
    assert MISTRAL_OCR.error_event(denial).startswith(b"data: ")
