"""The contract that every wire format keeps, run over all of them."""

from __future__ import annotations

import pytest

from providers.registry import FORMATS
from providers.subscriptions import Refusing
from providers.wire import Call, Denial, Facts
from providers.wire_format import WireFormat

DENIAL = Denial(402, "budget_exceeded", "No money left.", execution_id="ex_1")


@pytest.mark.parametrize("wire_format", FORMATS, ids=lambda each: each.name)
def test_formats_deny_pass_and_claim_by_the_contract(wire_format: WireFormat) -> None:
    """A foreign path is not claimed, a denial holds its sentence and id, and bytes pass a meter."""
    foreign = wire_format.claims(Call("openai", "POST", "/v1/nowhere", "", {}, b"{}"))
    assert foreign == isinstance(wire_format, Refusing)
    reply = wire_format.refuse(DENIAL)
    assert reply.status == 402
    assert b"No money left." in reply.body
    assert ("x-should-retry", "false") in reply.headers
    assert ("x-aex-execution-id", "ex_1") in reply.headers
    assert b"No money left." in wire_format.error_event(DENIAL)
    meter = wire_format.meter(Facts("x", "metered", usage_wanted=True), 200, "application/json")
    assert meter.feed(b"\xff{") + meter.finish() == b"\xff{"
    assert meter.reading().usage is None
