"""How a call is booked, for every way in which it can end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from aex_addon.appraisal import Appraisal
from aex_addon.inflight import UNSEEN_TOKENS, Ending, InFlight, Recording
from ledger.commands import Commit, Quote, Release
from ledger.outcomes import Admitted
from providers.encoding import Decoder
from providers.prices import PriceBook
from providers.wire import Facts, Grant, Reading, Usage

AT = datetime(2026, 11, 20, tzinfo=UTC)
CAP, CHOICES, INPUT = 1000, 2, 100
USAGE = Usage({"input_tokens": 10, "output_tokens": 20})
SEEN = Reading(USAGE, 20, True)
UNSEEN = Reading(None, 50, True)
DEAR = Usage({"input_tokens": 10**6, "output_tokens": 1})
PRICE = PriceBook().price("openai", "gpt-4o-mini", AT)
RESERVED = PRICE.usage_bound(INPUT, CAP * CHOICES)
SUCCESSES, REFUSALS = (200, 201, 299), (101, 302, 400, 401, 429, 500, 503)


@dataclass
class Meter:
    """A meter that has read what it is told."""

    at: Reading

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""

    def reading(self) -> Reading:
        return self.at


def underway(
    status: int = 200,
    reading: Reading | None = UNSEEN,
    *,
    stream: bool = True,
    hidden: bool = False,
    priced: bool = True,
    dispatched: bool = True,
) -> InFlight:
    facts = Facts("/v1/chat/completions", "metered", "gpt-4o-mini", stream=stream, choices=CHOICES)
    price = replace(PRICE, hidden_output=hidden) if priced else None
    quote = Quote(0, 0, CAP, CHOICES)
    appraisal = Appraisal(facts, price=price, quote=quote, input_tokens=INPUT)
    admitted = Admitted("ex_1", "bot", RESERVED, CAP)
    meter = Meter(reading) if reading else None
    return InFlight(admitted, appraisal, "openai", dispatched, status=status, meter=meter)


def committed(call: InFlight, ending: Ending) -> Commit:
    command = call.end(ending)
    assert isinstance(command, Commit)
    assert command.execution_id == "ex_1"
    return command


@pytest.mark.parametrize("ending", ["complete", "broken"])
@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("reading", [SEEN, UNSEEN, None])
def test_an_answer_that_is_not_billed(ending: Ending, status: int, reading: Reading | None) -> None:
    """Whatever was read: a status outside 2xx releases the reserve and is the proof."""
    command = underway(status, reading).end(ending)
    assert isinstance(command, Release)
    assert command.status_code == status
    assert str(status) in command.proof


@pytest.mark.parametrize("ending", ["complete", "broken"])
@pytest.mark.parametrize("status", SUCCESSES)
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_usage_that_was_seen(ending: Ending, status: int, hidden: bool, stream: bool) -> None:
    """The provider's own count is booked exactly, however the answer ended."""
    command = committed(underway(status, SEEN, hidden=hidden, stream=stream), ending)
    assert command.actual_nanousd == PRICE.bill(USAGE) > 0
    assert command.usage == USAGE.counts
    assert (command.usage_source, command.certainty) == ("provider", "exact")
    assert (command.status_code, command.reason) == (status, "")


@pytest.mark.parametrize(
    ("ending", "stream", "hidden", "output"),
    [
        ("complete", True, False, 50),
        ("complete", False, False, 50),
        ("broken", True, False, 50 + UNSEEN_TOKENS),
        ("broken", False, False, CAP * CHOICES),
        ("complete", True, True, CAP * CHOICES),
        ("broken", True, True, CAP * CHOICES),
    ],
)
def test_usage_that_was_not_seen(ending: Ending, stream: bool, hidden: bool, output: int) -> None:
    """An upper bound is booked and marked: of what was seen, or of all that was granted."""
    command = committed(underway(stream=stream, hidden=hidden), ending)
    assert command.usage == {"input_tokens": INPUT, "output_tokens": output}
    assert command.actual_nanousd == PRICE.usage_bound(INPUT, output) > 0
    assert (command.usage_source, command.certainty) == ("estimated", "estimated")
    assert command.reason


@pytest.mark.parametrize("seen", [0, 1999, 2000, 10**9])
@pytest.mark.parametrize("ending", ["complete", "broken"])
def test_an_estimate_keeps_within_the_reserve(seen: int, ending: Ending) -> None:
    """However much was seen, an estimate is above nothing and never above the reserve."""
    command = committed(underway(reading=Reading(None, seen, False)), ending)
    assert command.actual_nanousd is not None
    assert 0 < command.actual_nanousd <= RESERVED
    call = underway(reading=Reading(None, seen, False))
    call.admitted = replace(call.admitted, reserved_nanousd=5)
    assert committed(call, ending).actual_nanousd == 5


def blind_from_the_start(call: InFlight) -> None:
    call.meter = None


def lost_on_the_way(call: InFlight) -> None:
    call.lose_sight()


def undecodable(call: InFlight) -> None:
    call.decoder = Decoder("gzip", 1000)
    call.decoder.feed(b"this is no gzip")


@pytest.mark.parametrize("blinded", [blind_from_the_start, lost_on_the_way, undecodable])
@pytest.mark.parametrize("ending", ["complete", "broken"])
def test_an_answer_that_could_not_be_read(blinded: object, ending: Ending) -> None:
    """What passed unread is booked as if all that was granted had been generated."""
    call = underway(reading=Reading(None, 3, False))
    assert callable(blinded)
    blinded(call)
    assert committed(call, ending).actual_nanousd == RESERVED


def test_usage_counts_even_if_the_rest_was_not_read() -> None:
    """The provider's own count is taken also where metering failed after it."""
    call = underway(reading=SEEN)
    call.lose_sight()
    assert committed(call, "broken").certainty == "exact"


def test_more_than_was_reserved() -> None:
    """A bill above the reserve is booked in full, never cut."""
    dear = Usage({"input_tokens": 10**6, "output_tokens": 10**6})
    command = committed(underway(reading=Reading(dear, 0, True)), "complete")
    assert command.actual_nanousd == PRICE.bill(dear)
    assert command.actual_nanousd > RESERVED


@pytest.mark.parametrize("ending", ["complete", "broken"])
def test_no_status_came_back(ending: Ending) -> None:
    """Sent and not answered books the reserve, uncertain; releases it only if no byte left."""
    command = committed(underway(0, None), ending)
    assert (command.actual_nanousd, command.certainty) == (None, "uncertain")
    released = underway(0, None).end(ending, bytes_left=False)
    assert isinstance(released, Release)
    assert "no byte left" in released.proof


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_an_interim_status_is_no_answer(status: int) -> None:
    """Whatever let it through: an answer that is none yet proves nothing."""
    command = committed(underway(status, None), "broken")
    assert (command.actual_nanousd, command.certainty) == (None, "uncertain")


@pytest.mark.parametrize("status", [0, 200, 503])
def test_never_dispatched(status: int) -> None:
    """A call that was refused after its reserve stood is released, whatever answer AEX gave."""
    assert isinstance(underway(status, dispatched=False).end("complete"), Release)


@pytest.mark.parametrize("ending", ["complete", "broken"])
def test_a_free_call(ending: Ending) -> None:
    """What has no price is booked at nothing, exactly."""
    command = committed(underway(priced=False), ending)
    assert (command.actual_nanousd, command.usage_source, command.certainty) == (0, "free", "exact")


def test_a_socket_that_was_opened() -> None:
    """The handshake itself costs nothing; its status is a success for it alone."""
    handshake = underway(101, None, priced=False)
    facts = Facts("/v1/responses", "socket")
    handshake.appraisal = replace(handshake.appraisal, facts=facts)
    command = committed(handshake, "complete")
    assert (command.actual_nanousd, command.status_code, command.usage_source) == (0, 101, "free")


@pytest.mark.parametrize(
    ("granted", "held", "written"), [(CAP, True, None), (CAP, False, CAP), (5, True, 5)]
)
def test_the_cap_to_write(granted: int, held: bool, written: int | None) -> None:
    """A cap is written where it was lowered, or where nothing else holds it."""
    call = underway()
    call.admitted = replace(call.admitted, output_tokens_cap=granted)
    call.appraisal = replace(call.appraisal, cap_held=held)
    assert call.grant() == Grant(written)


def test_what_was_said_of_the_input_replaces_its_bound() -> None:
    """A provider that told its input before it broke off is believed; its output is bounded."""
    known = Usage({"input_tokens": 7, "cache_read_tokens": 3})
    command = committed(underway(reading=Reading(None, 50, False, known)), "broken")
    counts = {"input_tokens": 7, "cache_read_tokens": 3, "output_tokens": 50 + UNSEEN_TOKENS}
    assert command.usage == counts
    assert command.actual_nanousd == PRICE.bill(Usage(counts)) < PRICE.usage_bound(INPUT, 306)
    assert command.certainty == "estimated"


def test_tools_of_the_provider_are_booked_at_the_reserve() -> None:
    """What they cost is only told at the end, so without that the whole reserve is booked."""
    call = underway()
    call.appraisal = replace(call.appraisal, server_calls=2)
    assert committed(call, "broken").actual_nanousd == RESERVED
    charged = replace(call.appraisal.facts, charges={"web_searches": 1})
    call.appraisal = replace(call.appraisal, server_calls=0, facts=charged)
    assert committed(call, "complete").actual_nanousd == RESERVED


@pytest.mark.parametrize(("of_model", "of_call"), [(True, False), (False, True)])
def test_the_call_may_tell_whether_output_is_hidden(of_model: bool, of_call: bool) -> None:
    """What the request says of it goes before what is known of the model."""
    call = underway(hidden=of_model)
    call.appraisal = replace(
        call.appraisal, facts=replace(call.appraisal.facts, hidden_output=of_call)
    )
    output = CAP * CHOICES if of_call else 50
    assert committed(call, "complete").usage == {"input_tokens": INPUT, "output_tokens": output}


def test_more_runs_than_one_are_booked_at_the_reserve() -> None:
    """What a provider told of its input at the start says nothing of later runs."""
    known = Usage({"input_tokens": 7})
    call = underway(reading=Reading(None, 50, False, known))
    facts = replace(call.appraisal.facts, model_runs_max=2)
    call.appraisal = replace(call.appraisal, facts=facts)
    assert committed(call, "broken").actual_nanousd == RESERVED


def test_a_configured_limit_of_tool_calls_is_written() -> None:
    """Only where the request has no limit of its own."""
    call = underway()
    unbounded = replace(call.appraisal.facts, server_calls_max=None)
    call.appraisal = replace(call.appraisal, server_calls=4, facts=unbounded)
    assert call.grant() == Grant(None, 4)
    own = replace(call.appraisal.facts, server_calls_max=4)
    call.appraisal = replace(call.appraisal, facts=own)
    assert call.grant() == Grant(None, None)


def test_the_grant_tells_the_prices_of_the_quote() -> None:
    """An API that chooses among sellers is told what the call was admitted at."""
    call = underway()
    assert call.grant().usd_per_mtok is None
    routed = replace(call.appraisal.facts, many_sellers=True)
    call.appraisal = replace(call.appraisal, facts=routed)
    assert call.grant().usd_per_mtok == PRICE.usd_per_mtok(routed, INPUT)
    call.appraisal = replace(call.appraisal, price=None)
    assert call.grant().usd_per_mtok is None


def test_an_end_that_aex_made_names_its_reason() -> None:
    """Whether usage was seen, was not, or no status came: the row says why it ended."""
    for call in (underway(reading=SEEN), underway(), underway(0, None)):
        call.cut = "ended early: the token was revoked"
        assert committed(call, "broken").reason == call.cut


@pytest.mark.parametrize("stream", [False, True])
def test_an_end_without_the_providers_mark(stream: bool) -> None:
    """An answer that ends well by the transport, and not by its own mark, is one that broke off."""
    cut_short = Reading(None, 50, False)
    command = committed(underway(reading=cut_short, stream=stream), "complete")
    assert command == committed(underway(reading=cut_short, stream=stream), "broken")
    output = 50 + UNSEEN_TOKENS if stream else CAP * CHOICES
    assert command.usage == {"input_tokens": INPUT, "output_tokens": output}


def test_what_is_let_go() -> None:
    """Once booked, nothing of the answer is kept."""
    call = underway(reading=SEEN)
    call.recording = Recording(9)
    call.let_go()
    assert (call.meter, call.decoder, call.recording) == (None, None, None)


def test_input_above_the_reserve_is_booked() -> None:
    """What the provider said so far costs more than the reserve: it is believed."""
    command = committed(underway(reading=Reading(None, 50, False, DEAR)), "broken")
    assert command.actual_nanousd is not None
    assert command.actual_nanousd > PRICE.bill(DEAR) > RESERVED
    for dear in (Reading(None, 50, False, DEAR), Reading(None, 50, False, USAGE, running=DEAR)):
        call = underway(reading=dear)
        call.appraisal = replace(call.appraisal, server_calls=1)
        assert committed(call, "broken").actual_nanousd == PRICE.bill(DEAR)
