"""aex_addon/answers.py: waiting for a twin, answering again, keeping answers."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from mitmproxy import http
from mitmproxy.test import tflow

from aex_addon.answers import Answers
from aex_addon.appraisal import Appraisal
from aex_addon.books import Books
from aex_addon.idempotency import StoredAnswer, Vault, kept_headers
from aex_addon.inflight import InFlight, Recording
from aex_addon.settings import Settings
from ledger.commands import Admit, Commit, Quote, Release
from ledger.outcomes import Admitted, Outcome, Replayed, Underway
from providers.wire import Facts

VAULT = Vault(bytes(32))
COMMIT = Commit("ex_1", 5, 200, None, "provider", "exact")
ADMIT = Admit(
    *("ex_2", "hash", None, "gw", "proxy", "openai", "m", "/v1", False, "f"),
    *(Quote(), 1, True),
)


class Ledger:
    """Books that answer from a list; `sealed` is what is stored."""

    def __init__(self, outcomes: list[Outcome], sealed: bytes | None = None) -> None:
        self.outcomes = outcomes
        self.sealed = sealed
        self.asked = asyncio.Event()

    async def admit(self, command: Admit) -> Outcome:
        del command
        self.asked.set()
        return self.outcomes.pop(0)

    async def call(self, ask: Any) -> bytes | None:
        del ask
        return self.sealed


def answers(ledger: Ledger, join_seconds: int = 25) -> Answers:
    settings = Settings(idempotency_join_seconds=join_seconds)
    return Answers(lambda: settings, cast(Books, ledger), VAULT)


def test_a_twin_is_waited_for() -> None:
    """When a call ends, whoever waits asks again and is answered."""

    async def main() -> Outcome:
        ledger = Ledger([Underway("ex_1"), Replayed("ex_1")])
        made = answers(ledger)
        waiting = asyncio.ensure_future(made.decide(ADMIT))
        await ledger.asked.wait()
        made.one_ended()
        return await waiting

    assert asyncio.run(main()) == Replayed("ex_1")


def test_patience_ends() -> None:
    """Without patience the ledger's word stands: the twin is under way."""

    async def main() -> Outcome:
        return await answers(Ledger([Underway("ex_1")]), join_seconds=0).decide(ADMIT)

    assert asyncio.run(main()) == Underway("ex_1")


def test_a_stored_answer_is_given_again() -> None:
    """Its status, its headers (bytes of any encoding), its bytes, and whose answer it is."""
    came = http.Headers([(b"content-type", b"text/event-stream"), (b"x-note", b"caf\xe9")])
    answer = StoredAnswer(200, kept_headers(came), b"data: x\n\n")
    sealed = VAULT.seal("ex_1", answer, 1).data
    flow = tflow.tflow()

    async def main() -> object:
        return await answers(Ledger([], sealed)).replay(flow, "ex_1")

    assert asyncio.run(main()) is None
    assert flow.response is not None
    assert flow.response.raw_content == answer.body
    assert flow.response.headers["content-type"] == "text/event-stream"
    assert (b"x-note", b"caf\xe9") in flow.response.headers.fields
    assert flow.response.headers["x-aex-execution-id"] == "ex_1"


def test_an_answer_that_was_moved_is_not_given() -> None:
    """What was sealed for another execution ends in a 503, not in another's answer."""
    sealed = VAULT.seal("ex_other", StoredAnswer(200, (), b"secret"), 1).data
    flow = tflow.tflow()

    async def main() -> Any:
        return await answers(Ledger([], sealed)).replay(flow, "ex_1")

    denial = asyncio.run(main())
    assert denial.status == 503
    assert flow.response is None


def kept(inflight: InFlight, ending: Any, command: Commit | Release = COMMIT) -> object:
    async def main() -> Commit | Release:
        return answers(Ledger([])).sealed(inflight, command, ending)

    return getattr(asyncio.run(main()), "sealed", None)


def recorded(size_max: int, data: bytes, status: int = 200) -> InFlight:
    inflight = InFlight(
        Admitted("ex_1", "bot", 1, 1), Appraisal(Facts("/v1", "metered")), "openai", status=status
    )
    inflight.recording = Recording(size_max)
    inflight.recording.keep(data)
    return inflight


def test_only_a_whole_answer_is_kept() -> None:
    """One that broke off, was too large, was released or came without a key is not."""
    assert kept(recorded(10, b"answer"), "complete") is not None
    assert kept(recorded(10, b"answer"), "broken") is None
    assert kept(recorded(3, b"answer"), "complete") is None
    assert kept(recorded(10, b"answer"), "complete", Release("ex_1", 500, "p")) is None
    without = recorded(10, b"answer")
    without.recording = None
    assert kept(without, "complete") is None
