"""What shows that a provider goes beyond what a call was granted, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bpe_openai import get_encoding

from aex_addon.excess import (
    DELIVERED_BESIDE_MAX,
    DELIVERED_PER_TOKEN_MAX,
    UNREAD_MAX,
    exceeded,
)
from aex_addon.inflight import UNSEEN_TOKENS
from providers.wire import Reading
from tests.aex_addon.test_inflight import (
    CAP,
    CHOICES,
    DEAR,
    INPUT,
    PRICE,
    RESERVED,
    USAGE,
    Meter,
    committed,
    underway,
)

COUNTING = Reading(None, 0, False, USAGE, running=DEAR)
DELIVERED_MAX = CAP * CHOICES * DELIVERED_PER_TOKEN_MAX + DELIVERED_BESIDE_MAX


def said_of(*readings: Reading, stream: bool = True, priced: bool = True) -> list[bool]:
    """What is said after each reading in turn."""
    call, said = underway(stream=stream, priced=priced), []
    for reading in readings:
        call.meter = Meter(reading)
        said.append(exceeded(call))
    return said


@pytest.mark.parametrize(
    ("readings", "said"),
    [
        ([Reading(None, DELIVERED_MAX, False)], [False]),
        ([Reading(None, DELIVERED_MAX + 1, False)], [True]),
        ([Reading(None, DELIVERED_MAX + 1, True)], [False]),
        ([Reading(USAGE, 0, False), Reading(USAGE, 9, False)], [False, False]),
        ([Reading(DEAR, 0, False), Reading(DEAR, 0, False)], [False, False]),
        ([Reading(DEAR, 0, False), Reading(DEAR, 9, False)], [False, True]),
        ([Reading(DEAR, 0, False), Reading(DEAR, 9, True)], [False, False]),
        ([Reading(DEAR, 0, False), Reading(USAGE, 9, False)], [False, False]),
        ([Reading(None, 0, False, DEAR), Reading(None, 9, False, DEAR)], [False, True]),
        (
            [COUNTING, replace(COUNTING, output_tokens_max=9)],
            [False, True],
        ),
    ],
)
def test_what_shows_that_a_provider_goes_too_far(readings: list[Reading], said: list[bool]) -> None:
    """Output that the cap's tokens cannot make, or output after a count above the reserve."""
    assert said_of(*readings) == said


def test_what_was_not_read_shows_nothing() -> None:
    """Bytes of events that are too large to be read are bytes, and perhaps no output."""
    call = underway(reading=Reading(None, DELIVERED_MAX + 1, False))
    assert not exceeded(call, unread=1)
    assert exceeded(call, unread=0)
    call.meter = Meter(Reading(None, UNREAD_MAX + 1, False))
    assert exceeded(call, unread=UNREAD_MAX + 1)


def test_what_is_never_too_far() -> None:
    """What is no stream, has no price, or is not read, is not judged."""
    too_far = Reading(None, DELIVERED_MAX + 1, False)
    assert said_of(too_far, stream=False) == said_of(too_far, priced=False) == [False]
    call = underway(reading=too_far)
    call.lose_sight()
    assert not exceeded(call)


def test_what_else_a_stream_may_deliver() -> None:
    """Sound and pictures are longer than text, and what tools deliver has no bound."""
    call = underway(reading=Reading(None, DELIVERED_MAX + 1, False))
    heard = replace(call.appraisal.facts, modalities=frozenset({"text", "audio"}))
    call.appraisal = replace(call.appraisal, facts=heard)
    assert not exceeded(call)
    call.meter = Meter(Reading(None, 16 * DELIVERED_MAX, False))
    assert exceeded(call)
    call.appraisal = replace(call.appraisal, server_calls=1)
    assert not exceeded(call)


def test_where_the_cap_did_not_hold_the_reserve_does_not_either() -> None:
    """All that was delivered is booked at its bound, though that is above the reserve."""
    call = underway(reading=Reading(None, DELIVERED_MAX + 1, False))
    assert exceeded(call)
    command = committed(call, "broken")
    output = DELIVERED_MAX + 1 + UNSEEN_TOKENS
    assert command.usage == {"input_tokens": INPUT, "output_tokens": output}
    assert command.actual_nanousd == PRICE.usage_bound(INPUT, output) > RESERVED


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base", "voyage3_base"])
def test_the_longest_token(name: str) -> None:
    """The tokens of published vocabularies leave room for what is told five times, and more."""
    longest = max(map(len, get_encoding(name).token_byte_values()))
    assert longest * 5 < DELIVERED_PER_TOKEN_MAX
