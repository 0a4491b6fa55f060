"""Fail closed: no surprise in a hook lets a call out, none breaks a stream.

Owns: the wrapper around every hook. mitmproxy logs an exception of a `request` hook and sends
the call on its way all the same; here it becomes a refusal instead.
Refuses to know: what the hooks do.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from mitmproxy import http

logger = logging.getLogger("aex")

ADMITTED = "aex.admitted"
PASSED = "aex.passed"

Hook = Callable[[Any, http.HTTPFlow], Awaitable[None] | None]
Refuse = Callable[[http.HTTPFlow], http.Response]


def fail_closed(refuse: Refuse) -> Callable[[Hook], Callable[[Any, http.HTTPFlow], Any]]:
    """Decorates a hook that runs before dispatch: an exception becomes `refuse(flow)`.

    The admission mark is taken off too, so that the last gate stops the flow even if an earlier
    part had let it through.
    """

    def decorate(hook: Hook) -> Callable[[Any, http.HTTPFlow], Any]:
        @functools.wraps(hook)
        async def wrapped(self: Any, flow: http.HTTPFlow) -> None:
            try:
                await _run(hook, self, flow)
            except Exception:
                logger.exception("a call was refused because its %s hook failed", hook.__name__)
                flow.metadata.pop(ADMITTED, None)
                flow.metadata.pop(PASSED, None)
                flow.response = refuse(flow)

        return wrapped

    return decorate


def survive(hook: Hook) -> Callable[[Any, http.HTTPFlow], Any]:
    """Decorates a hook that runs after dispatch: an exception is logged, the client is served.

    Nothing is lost by that: an execution that could not be settled stays open in the ledger, and
    recovery books it at its reserve.
    """

    @functools.wraps(hook)
    async def wrapped(self: Any, flow: http.HTTPFlow) -> None:
        try:
            await _run(hook, self, flow)
        except Exception:
            logger.exception("the %s hook failed; the execution stays open", hook.__name__)

    return wrapped


async def _run(hook: Hook, addon: Any, flow: http.HTTPFlow) -> None:
    result = hook(addon, flow)
    if inspect.isawaitable(result):
        await result


def never_raising(
    tee: Callable[[bytes], bytes], on_failure: Callable[[], object]
) -> Callable[[bytes], bytes]:
    """A stream callable that falls back to the bytes themselves: an exception hangs mitmproxy.

    `on_failure` is called once; it must not raise.
    """
    failed = False

    def guarded(data: bytes) -> bytes:
        nonlocal failed
        if failed:
            return data
        try:
            return tee(data)
        except Exception:
            failed = True
            on_failure()
            logger.exception("metering failed in mid-stream; the bytes pass on unmetered")
            return data

    return guarded


def harmless(watch: Callable[[int], object]) -> Callable[[int], None]:
    """A look at a stream that cannot break it: an exception ends the looking, and is logged."""
    failed = False

    def guarded(came: int) -> None:
        nonlocal failed
        if failed:
            return
        try:
            watch(came)
        except Exception:
            failed = True
            logger.exception("a stream can no longer be watched; it is metered all the same")

    return guarded
