"""The question put to the ledger, and what its answers come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aex_addon.admission import Admission
from aex_addon.aliases import Choice
from aex_addon.appraisal import Appraisal
from aex_addon.identity import Credential
from aex_addon.likeness import Likeness
from aex_addon.trip import Trip
from ledger.errors import LedgerBusy
from ledger.outcomes import Admitted, Denied, Rejected, Replayed, Underway
from providers.wire import Call, Denial, Facts
from tests.aex_addon.rig import Rig

KEYED = Call("openai", "GET", "/v1/responses", "", {"idempotency-key": "k"}, b"")


class Answering:
    """A ledger that answers as it is told, or raises that."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    async def decide(self, command: Any) -> Any:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def admission(rig: Rig, outcome: Any = None) -> Admission:
    answering: Any = Answering(outcome)
    return Admission(rig.assembly.parts, answering, Likeness())


def trip(rig: Rig, alias: str = "") -> Trip:
    configuration = rig.assembly.parts.configuration
    route = configuration.routes.by_id("openai")
    assert route is not None
    led = replace(KEYED, provider="elsewhere", body=b"rewritten") if alias else KEYED
    choice = Choice(route, led, alias, "m", "tag" if alias else "")
    return Trip(configuration, "proxy", Credential("t"), KEYED, choice)


async def test_an_alias_is_noted_and_changes_no_identity(rig: Rig) -> None:
    """Key and fingerprint are those of what the client asked, wherever that leads by now."""
    asking, appraisal = admission(rig), Appraisal(Facts("x", "free"))
    plain = await asking.command(trip(rig), appraisal)
    led = await asking.command(trip(rig, "fast"), appraisal, retry_of="ex_first")
    assert (led.provider, led.alias, led.route_tag) == ("elsewhere", "fast", "tag")
    assert (led.key_hash, led.fingerprint) == (plain.key_hash, plain.fingerprint)
    assert (plain.alias, plain.retry_of, led.retry_of) == ("", "", "ex_first")


async def test_a_socket_has_no_idempotency_key(rig: Rig) -> None:
    """Its answer is an open connection; every other call's key is its own."""
    asking = admission(rig)
    for kind, keyed in (("socket", False), ("free", True)):
        facts: Any = Facts("/v1/responses", kind)  # type: ignore[arg-type]
        command = await asking.command(trip(rig), Appraisal(facts))
        assert bool(command.key_hash) is keyed


@pytest.mark.parametrize("outcome", [Admitted("ex_1", "bot", 1, 1), Replayed("ex_1")])
async def test_what_lets_a_call_go_on(rig: Rig, outcome: Any) -> None:
    """Two verdicts are handed on as they are."""
    asking = admission(rig, outcome)
    command = await asking.command(trip(rig), Appraisal(Facts("x", "free")))
    assert await asking.decide(command) is outcome


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Denied("ex_1", "bot", 423, "agent_not_serving"), 423),
        (Underway("ex_1"), 409),
        (Rejected("no"), 503),
        (LedgerBusy("busy"), 503),
    ],
)
async def test_what_does_not(rig: Rig, outcome: Any, status: int) -> None:
    """Everything else is a denial, a ledger that does not answer included."""
    asking = admission(rig, outcome)
    command = await asking.command(trip(rig), Appraisal(Facts("x", "free")))
    denial = await asking.decide(command)
    assert isinstance(denial, Denial)
    assert denial.status == status
