"""A secret is got anew when it should be, off the event loop, once at a time, and never in vain."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from aex_addon.keeper import PAUSE_S, Keeper
from aex_addon.known_secrets import Secrets
from aex_addon.sources import CredentialError, Fetched
from providers.sigv4 import AwsKeys


class Scripted:
    """A source that gives one scripted answer after another."""

    name = "a scripted source"

    def __init__(self, *answers: Any, renewable: bool = True) -> None:
        self.renewable = renewable
        self.asked = 0
        self.threads: set[int] = set()
        self._answers: Iterator[Any] = iter(answers)

    def fetch(self) -> Fetched | None:
        self.asked += 1
        self.threads.add(threading.get_ident())
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, threading.Event):
            assert answer.wait(10)
            return self.fetch()
        return answer  # type: ignore[no-any-return]


class Clock:
    """A clock that stands until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def keeper(*answers: Any, renewable: bool = True) -> tuple[Keeper, Scripted, Clock]:
    source, clock = Scripted(*answers, renewable=renewable), Clock()
    return Keeper("openai", source, Secrets(), clock), source, clock


async def finished(kept: Keeper) -> None:
    """Returns when no question is under way any more."""
    if kept._asking is not None:
        await kept._asking


async def test_one_that_lasts() -> None:
    """It is got at the start and never again."""
    kept, source, clock = keeper(Fetched("first"))
    kept.begin()
    clock.now += 10**6
    await kept.ready()
    assert (kept.secret, source.asked) == ("first", 1)


async def test_one_that_is_to_be_renewed() -> None:
    """The old one serves while the next is got, in another thread."""
    kept, source, clock = keeper(Fetched("first", renew_s=60), Fetched("second", renew_s=60))
    kept.begin()
    clock.now += 59
    await kept.ready()
    assert source.asked == 1
    clock.now += 1
    await kept.ready()
    assert kept.secret == "first"
    await finished(kept)
    assert kept.secret == "second"
    assert len(source.threads) == 2


async def test_one_that_has_expired() -> None:
    """It is not used any more, and calls wait for the next."""
    kept, _, clock = keeper(Fetched("first", 80, 100), Fetched("second", 80, 100))
    kept.begin()
    clock.now += 100
    assert kept.secret is None
    await kept.ready()
    assert kept.secret == "second"


async def test_many_calls_ask_once() -> None:
    """All that wait share one question."""
    gate = threading.Event()
    kept, source, clock = keeper(Fetched("first", 1, 1), gate, Fetched("second"))
    kept.begin()
    clock.now += PAUSE_S
    waiting = [asyncio.ensure_future(kept.ready()) for _ in range(20)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*waiting)
    assert (kept.secret, source.asked) == ("second", 3)


async def test_a_client_that_leaves() -> None:
    """Its going does not end the question that others wait for."""
    gate = threading.Event()
    kept, _, clock = keeper(Fetched("first", 1, 1), gate, Fetched("second"))
    kept.begin()
    clock.now += PAUSE_S
    one, other = (asyncio.ensure_future(kept.ready()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    gate.set()
    await other
    assert kept.secret == "second"


async def test_one_that_is_refused() -> None:
    """The next call waits for another; but no source is asked twice within the pause."""
    kept, source, clock = keeper(Fetched("first"), Fetched("second"))
    kept.begin()
    kept.refused()
    await kept.ready()
    assert (kept.secret, source.asked) == ("first", 1)
    clock.now += PAUSE_S
    await kept.ready()
    assert (kept.secret, source.asked) == ("second", 2)
    clock.now += PAUSE_S
    await kept.ready()
    assert source.asked == 2


async def test_a_variable_that_is_refused() -> None:
    """What cannot change is not read again."""
    kept, source, clock = keeper(Fetched("first"), renewable=False)
    kept.begin()
    kept.refused()
    clock.now += PAUSE_S
    await kept.ready()
    assert source.asked == 1


@pytest.mark.parametrize("error", [CredentialError("locked"), ValueError("canary")])
async def test_a_source_that_fails(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The old one serves on while it is good; the trouble is told, and the source asked later."""
    kept, source, clock = keeper(Fetched("first", 60, 1000), error, Fetched("second"))
    kept.begin()
    clock.now += 60
    with caplog.at_level(logging.ERROR):
        await kept.ready()
        await finished(kept)
    assert "no new key for openai" in caplog.text
    assert "canary" not in caplog.text + kept.trouble
    assert (kept.secret, kept.trouble != "") == ("first", True)
    await kept.ready()
    assert source.asked == 2
    clock.now += PAUSE_S
    await kept.ready()
    await finished(kept)
    assert (kept.secret, kept.trouble) == ("second", "")


async def test_a_start_that_fails() -> None:
    """There is no secret, and calls wait for a later look."""
    kept, _, clock = keeper(CredentialError("not yet"), Fetched("first"))
    with pytest.raises(CredentialError):
        kept.begin()
    await kept.ready()
    assert (kept.secret, kept.trouble) == (None, "not yet")
    clock.now += PAUSE_S
    await kept.ready()
    assert (kept.secret, kept.trouble) == ("first", "")


async def test_a_place_that_is_empty() -> None:
    """Nothing is no trouble: it is not looked at again."""
    kept, source, clock = keeper(None)
    kept.begin()
    clock.now += 10**6
    await kept.ready()
    assert (kept.secret, kept.trouble, source.asked) == (None, "", 1)


async def test_what_is_got_is_known_to_the_redaction() -> None:
    """Old ones and new ones, and of AWS's keys both the secret and the token."""
    keys = AwsKeys("AKID-of-all", "secret-of-aws", "token-of-aws")
    kept, _, clock = keeper(Fetched("first-key", 1), Fetched(keys))
    kept.begin()
    clock.now += PAUSE_S
    await kept.ready()
    await finished(kept)
    text = "AKID-of-all first-key secret-of-aws token-of-aws"
    assert kept._secrets.blot(text) == "AKID-of-all [key] [key] [key]"
