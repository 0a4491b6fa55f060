"""No surprise in a hook lets a call out, none breaks a stream."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from aex_addon.guard import ADMITTED, PASSED, fail_closed, harmless, never_raising, survive


def refusal(flow: http.HTTPFlow) -> http.Response:
    return http.Response.make(503, b"refused")


class Addon:
    """Hooks that do what `act` does."""

    def __init__(self, act: Any) -> None:
        self.act = act

    @fail_closed(refusal)
    def plain(self, flow: http.HTTPFlow) -> None:
        self.act(flow)

    @fail_closed(refusal)
    async def waiting(self, flow: http.HTTPFlow) -> None:
        self.act(flow)

    @survive
    async def after(self, flow: http.HTTPFlow) -> None:
        self.act(flow)


def fail(flow: http.HTTPFlow) -> None:
    flow.metadata[ADMITTED] = flow.metadata[PASSED] = True
    raise RuntimeError("surprise")


@pytest.mark.parametrize("hook", ["plain", "waiting"])
async def test_an_exception_becomes_a_refusal(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever raises before dispatch refuses the call and takes its marks off."""
    flow = tflow.tflow()
    await getattr(Addon(fail), hook)(flow)
    assert flow.response is not None
    assert flow.response.status_code == 503
    assert not {ADMITTED, PASSED} & flow.metadata.keys()
    assert "surprise" in caplog.text


@pytest.mark.parametrize("hook", ["plain", "waiting", "after"])
async def test_what_does_not_raise_is_left_alone(hook: str) -> None:
    """A hook that works has its effect and no other."""
    flow = tflow.tflow()
    await getattr(Addon(lambda flow: flow.metadata.update({ADMITTED: True})), hook)(flow)
    assert flow.response is None
    assert flow.metadata == {ADMITTED: True}


async def test_after_dispatch_the_client_is_served(caplog: pytest.LogCaptureFixture) -> None:
    """An exception after dispatch is logged and touches neither answer nor marks."""
    flow = tflow.tflow(resp=True)
    answer = flow.response
    await Addon(fail).after(flow)
    assert flow.response is answer
    assert flow.metadata[ADMITTED]
    assert "stays open" in caplog.text


@pytest.mark.parametrize("hook", ["plain", "waiting", "after"])
async def test_cancellation_is_no_surprise(hook: str) -> None:
    """A cancelled hook stays cancelled."""

    def cancel(flow: http.HTTPFlow) -> None:
        raise asyncio.CancelledError

    flow = tflow.tflow()
    with pytest.raises(asyncio.CancelledError):
        await getattr(Addon(cancel), hook)(flow)
    assert flow.response is None


def test_a_tee_that_raises_once_passes_bytes_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """After a failure every byte goes on untouched, and the failure is told once."""
    caplog.set_level(logging.ERROR)
    seen: list[bytes] = []
    told: list[bool] = []

    def tee(data: bytes) -> bytes:
        seen.append(data)
        if data == b"two":
            raise ValueError("meter")
        return data.upper()

    guarded = never_raising(tee, lambda: told.append(True))
    assert [guarded(data) for data in (b"one", b"two", b"three", b"")] == [
        b"ONE",
        b"two",
        b"three",
        b"",
    ]
    assert seen == [b"one", b"two"]
    assert told == [True]
    assert caplog.text.count("unmetered") == 1


def test_a_look_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of whoever watches a stream ends the watching, and is logged once."""
    looked: list[int] = []

    def fail(came: int) -> None:
        looked.append(came)
        raise ZeroDivisionError

    watch = harmless(fail)
    watch(1)
    watch(2)
    assert looked == [1]
    assert len(caplog.records) == 1
