"""The control of the contract: formats that break a law are found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from providers.openai_chat import OPENAI_CHAT, PATH
from providers.wire import Call, Facts, Grant, Reading, Refused
from providers.wire_format import Meter
from tests.providers.contract import WireFormatContract


@dataclass
class Bad:
    """A meter that does as the real one, but for one thing."""

    real: Meter
    fault: str
    fed: int = 0

    def feed(self, data: bytes) -> bytes:
        self.fed += 1
        if self.fault == "raises" and b'"usage":[]' in data.replace(b" ", b""):
            raise TypeError
        passed = self.real.feed(data)
        return passed[:-1] if self.fault == "drops" else passed

    def finish(self) -> bytes:
        return self.real.finish()

    def reading(self) -> Reading:
        found = self.real.reading()
        if self.fault == "falls":
            return Reading(found.usage, -self.fed, found.complete)
        if self.fault == "counts chunks":
            return Reading(found.usage, self.fed, found.complete)
        if self.fault == "blind":
            return Reading(None, found.output_tokens_max, found.complete)
        return found


class Saboteur:
    """Chat Completions with one law broken."""

    name = "openai_chat"

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(OPENAI_CHAT, name)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        return Bad(OPENAI_CHAT.meter(facts, status, content_type), self.fault)

    def read(self, call: Call) -> Facts:
        try:
            return OPENAI_CHAT.read(call)
        except Refused as refused:
            if self.fault == "raises on read":
                raise KeyError from refused
            raise

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        if self.fault == "ignores caps":
            return call.body
        return OPENAI_CHAT.patch(call, facts, grant)


LAWS = [
    ("drops", "test_the_client_gets_the_providers_bytes"),
    ("raises", "test_no_answer_makes_a_meter_raise"),
    ("falls", "test_the_bound_never_falls_as_bytes_arrive"),
    ("counts chunks", "test_cuts_change_nothing"),
    ("blind", "test_the_usage_is_what_the_provider_said"),
    ("raises on read", "test_no_request_makes_it_raise_but_a_refusal"),
    ("ignores caps", "test_a_written_cap_is_read_back"),
]


@pytest.mark.parametrize(("fault", "law"), LAWS)
def test_a_broken_law_is_found(fault: str, law: str) -> None:
    """Each fault fails the law that it breaks; without a fault the law holds."""
    contract: Any = WireFormatContract()
    contract.default = Call("openai", "POST", PATH, "", {}, b"")
    contract.wire_format = Saboteur(fault)
    with pytest.raises((AssertionError, TypeError, KeyError)):
        getattr(contract, law)()
