"""The question put to the ledger, and what its answers come to."""

from __future__ import annotations

from typing import Any

import pytest

from aex_addon.admission import Admission
from aex_addon.appraisal import Appraisal
from aex_addon.identity import Credential
from aex_addon.likeness import Likeness
from ledger.commands import Admitted, Denied, Rejected, Replayed, Underway
from ledger.errors import LedgerBusy
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


def test_a_socket_has_no_idempotency_key(rig: Rig) -> None:
    """Its answer is an open connection; every other call's key is its own."""
    asking = admission(rig)
    for kind, keyed in (("socket", False), ("free", True)):
        facts: Any = Facts("/v1/responses", kind)  # type: ignore[arg-type]
        command = asking.command("proxy", Credential("t"), KEYED, Appraisal(facts))
        assert bool(command.key_hash) is keyed


@pytest.mark.parametrize("outcome", [Admitted("ex_1", "bot", 1, 1), Replayed("ex_1")])
async def test_what_lets_a_call_go_on(rig: Rig, outcome: Any) -> None:
    """Two verdicts are handed on as they are."""
    asking = admission(rig, outcome)
    command = asking.command("proxy", Credential("t"), KEYED, Appraisal(Facts("x", "free")))
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
    command = asking.command("proxy", Credential("t"), KEYED, Appraisal(Facts("x", "free")))
    denial = await asking.decide(command)
    assert isinstance(denial, Denial)
    assert denial.status == status
