"""Mistral's document reader: the `POST /v1/ocr` wire format, billed by pages, not by tokens.

Owns: how many pages a request may be billed as. Refuses to know: prices, budgets, documents.
Request: https://docs.mistral.ai/api/#tag/ocr/operation/ocr_v1_ocr_post

Pages. The ones that `pages` names; without it, all that a document may have: a thousand
(https://docs.mistral.ai/capabilities/document_ai/basic_ocr#faq). A picture that comes with the
request, of a kind that has one page, is one; at an address anything may be.
A request for annotations has every page billed as an annotated one, which is dearer and includes
the plain one; the answer tells one number of pages for both.
"""

from __future__ import annotations

import re
from typing import Any

from providers import jsonbody, openai_errors
from providers.fields import Row, extract
from providers.jsonanswer import JsonAnswer, text_field
from providers.uses import DOCUMENT, IMAGE, Uses
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter

PATH = "/v1/ocr"
PAGES_MAX = 1000

_ANNOTATIONS = ("bbox_annotation_format", "document_annotation_format")
_OPTIONS = frozenset(
    (
        *("confidence_scores_granularity", "document", "document_annotation_prompt"),
        *("extract_footer", "extract_header", "id", "image_limit", "image_min_size"),
        *("include_blocks", "include_image_base64", "model", "pages", "table_format"),
        *_ANNOTATIONS,
    )
)
_ONE_PAGE = re.compile(r"data:image/(png|jpe?g|bmp);base64,", re.IGNORECASE)
_RANGE = re.compile(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?\Z")

PLAIN, ANNOTATED = "input_document_pages", "input_annotated_document_pages"
_PAGES = ("pages_processed",)
# https://docs.mistral.ai/api/#tag/ocr/operation/ocr_v1_ocr_post (`usage_info`)
USAGE = (Row(PLAIN, _PAGES, required=True),)
USAGE_ANNOTATED = (*USAGE, Row(ANNOTATED, _PAGES, required=True))


class MistralOcr:
    """The wire format; stateless, one instance."""

    name = "mistral_ocr"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        jsonbody.refuse_unknown(document, _OPTIONS)
        annotated = any(document.get(key) is not None for key in _ANNOTATIONS)
        return Facts(
            endpoint=PATH,
            kind="metered",
            model=model,
            has_output=False,
            uses=Uses(media=frozenset({DOCUMENT, IMAGE})),
            charges={ANNOTATED if annotated else PLAIN: _pages_max(document)},
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is no output to cap."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the JSON answer."""
        table = USAGE_ANNOTATED if ANNOTATED in facts.charges else USAGE

        def usage(answer: dict[str, Any]) -> Usage | None:
            counts = extract(table, answer.get("usage_info"))
            return None if counts is None else Usage(counts, text_field(answer, "model"))

        return JsonAnswer(usage, has_output=False)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event; pages are never streamed."""
        return openai_errors.error_event(denial)


MISTRAL_OCR = MistralOcr()


def _pages_max(document: dict[str, Any]) -> int:
    source = document.get("document")
    if not isinstance(source, dict):
        raise jsonbody.bad_request("`document` must be an object.")
    named = document.get("pages")
    if named is not None:
        return _named_pages(named)
    if source.keys() != {"type", "image_url"} or source["type"] != "image_url":
        return PAGES_MAX
    image = source["image_url"]
    url = image.get("url") if isinstance(image, dict) else image
    return 1 if isinstance(url, str) and _ONE_PAGE.match(url) else PAGES_MAX


def _named_pages(pages: Any) -> int:
    """Of a list, or of text such as `0,2-4`: each entry counts, and none is more than all."""
    entries: Any = pages.split(",") if isinstance(pages, str) else pages
    if not isinstance(entries, list) or not entries:
        raise jsonbody.bad_request("`pages` must be a list of page numbers, or text like `0,2-4`.")
    return sum(map(_entry_pages, entries))


def _entry_pages(entry: Any) -> int:
    if type(entry) is int and entry >= 0:
        return 1
    found = _RANGE.match(entry) if isinstance(entry, str) else None
    ends = [int(number) for number in found.groups() if number] if found else []
    if not ends or ends[-1] < ends[0]:
        raise jsonbody.bad_request("`pages` must hold page numbers from 0, or ranges of them.")
    return min(ends[-1] - ends[0] + 1, PAGES_MAX)
