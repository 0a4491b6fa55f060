"""The contract that every wire format keeps, run over all of them."""

from __future__ import annotations

import pytest

from providers.registry import FORMATS
from providers.subscriptions import Refusing
from providers.wire import Call, Denial, Facts, Refused, WireFormat

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


def test_the_canonical_route_of_a_call() -> None:
    """It is the path itself, unless the host has it nested elsewhere."""
    assert Call("openai", "POST", "/v1/x", "", {}, b"").route == "/v1/x"
    assert Call("groq", "POST", "/openai/v1/x", "", {}, b"", "/v1/x").route == "/v1/x"
    assert Call("groq", "POST", "/v1/x", "", {}, b"", "").route == ""


def test_calls_to_the_same_thing_have_one_scope() -> None:
    """Two of a host's paths for one thing share it; two models in the path do not."""
    bare, versioned = (
        Call("deepseek", "POST", path, "", {}, b"", "/v1/x") for path in ("/x", "/v1/x")
    )
    assert bare.scope == versioned.scope == ("/v1/x", "")
    assert Call("azure", "POST", "/d/a/x", "", {}, b"", "/v1/x", "a").scope == ("/v1/x", "a")
    assert Call("groq", "POST", "/y", "", {}, b"", "").scope == ("/y", "")


def test_refused_carries_its_denial() -> None:
    """The exception is the way of a denial out of `read`."""
    assert Refused(DENIAL).denial is DENIAL
    assert str(Refused(DENIAL)) == DENIAL.message


def test_documents_are_never_shown() -> None:
    """A parsed body stays out of the text that logs would hold."""
    assert "secret" not in repr(Facts("x", "metered", document={"prompt": "secret"}))
