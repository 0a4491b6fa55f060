"""OpenAI's pictures: what each may cost, what is refused, how they are counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai_images import MAX_EVENT_BYTES, OPENAI_IMAGES, PATH, PICTURE_TOKENS
from providers.prices import PriceBook
from providers.wire import Call, Denial, Facts, Grant, Refused, Usage
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "gpt-image-1", "prompt": "A dot.", **fields}).encode()
    return Call("openai", "POST", PATH, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return OPENAI_IMAGES.read(call(**fields))


class TestContract(WireFormatContract):
    """OpenAI Images keeps the contract."""

    wire_format = OPENAI_IMAGES
    default = Call("openai", "POST", PATH, "", {}, b"")


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"quality": "low", "size": "1024x1024"}, 272),
        ({"quality": "low"}, 408),
        ({"quality": "medium", "size": "1536x1024"}, 1568),
        ({"quality": "high", "size": "1024x1536"}, 6240),
        ({"quality": "auto", "size": "1024x1024"}, 4160),
        ({"quality": None, "size": None}, 6240),
        ({"quality": "low", "size": "1024x1024", "partial_images": 3, "stream": True}, 572),
    ],
)
def test_a_picture_has_its_published_tokens(fields: dict[str, Any], tokens: int) -> None:
    """What is left open may become the dearest; partial pictures are extra."""
    facts = read(**fields)
    assert (facts.output_tokens_cap, facts.cap_writable, facts.choices) == (tokens, False, 1)


def test_the_table_is_dearest_at_the_highest_quality() -> None:
    """So `auto` is bounded by it, at every size."""
    for size, tokens in PICTURE_TOKENS["high"].items():
        assert tokens == max(table[size] for table in PICTURE_TOKENS.values())


def test_several_pictures_multiply_all_of_it() -> None:
    """Input too: each is billed as if it had been asked for alone."""
    one, four = read(), read(n=4)
    assert four.choices == 4
    assert four.input_tokens_max >= 4 * one.input_tokens_max
    price = PriceBook().price("openai", "gpt-image-1", AT)
    quote = price.quote(four)
    bill = price.bill(Usage({"input_tokens": 4 * 10, "output_tokens": 4 * 6240}))
    assert quote.output_rate_picousd == 0
    assert quote.fixed_nanousd >= bill


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": None}, 400),
        ({"prompt": None}, 400),
        ({"n": 0}, 400),
        ({"n": 11}, 400),
        ({"partial_images": 4}, 400),
        ({"stream": "yes"}, 400),
        ({"model": "dall-e-3"}, 403),
        ({"model": "gpt-image-2.5-flare"}, 403),
        ({"quality": "max"}, 403),
        ({"quality": "hd"}, 403),
        ({"size": "1536x864"}, 403),
        ({"output_format": "gif"}, 403),
        ({"output_format": "svg", "svg": {"model": "gpt-5"}}, 403),
        ({"frame_count": 16}, 403),
        ({"something_new": True}, 403),
        ({"stream": True, "n": 2}, 403),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int) -> None:
    """Malformed bodies, and pictures whose tokens nobody has published."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert caught.value.denial.status == status


def test_a_large_picture_is_still_read() -> None:
    """An event holds a whole picture, far larger than events of text."""
    meter = OPENAI_IMAGES.meter(read(stream=True), 200, "text/event-stream")
    usage = {"input_tokens": 3, "output_tokens": 272}
    event = {"type": "image_generation.completed", "b64_json": "A" * 3_000_000, "usage": usage}
    meter.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    assert meter.reading().usage == Usage({"input_tokens": 3, "output_tokens": 272})
    assert MAX_EVENT_BYTES > 3_000_000


def test_it_claims_its_one_path_and_changes_nothing() -> None:
    """Only POST, and only the exact path; denials in OpenAI's shape."""
    request = call()
    assert OPENAI_IMAGES.claims(request)
    assert OPENAI_IMAGES.patch(request, OPENAI_IMAGES.read(request), Grant(5)) is request.body
    for path in ("/v1/images/edits", "/v1/images/variations"):
        assert not OPENAI_IMAGES.claims(Call("openai", "POST", path, "", {}, b""))
    denial = Denial(402, "budget_exceeded", "m")
    assert json.loads(OPENAI_IMAGES.refuse(denial).body)["error"]["message"] == "m"
    assert OPENAI_IMAGES.error_event(denial).startswith(b"data: ")
