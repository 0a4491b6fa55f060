"""What denials have in common: whether to ask again, when, and which execution it was."""

from __future__ import annotations

import pytest

from providers.refusal import reply, seconds_to_wait
from providers.wire import Denial


@pytest.mark.parametrize(
    ("retryable", "retry_after", "seconds"),
    [
        (True, 7, 7),
        (True, 0, 0),
        (True, -3, 0),
        (True, 3600, 60),
        (True, None, None),
        (False, 7, None),
    ],
)
def test_a_time_to_wait(retryable: bool, retry_after: int | None, seconds: int | None) -> None:
    """It is told only where a repeat may help, and never above a minute: SDKs would sleep on."""
    denial = Denial(429, "rate", "Too many.", retryable=retryable, retry_after=retry_after)
    headers = dict(reply(denial, b"{}").headers)
    assert seconds_to_wait(denial) == seconds
    assert headers.get("retry-after") == (None if seconds is None else str(seconds))
    assert headers["x-should-retry"] == ("true" if retryable else "false")


def test_the_execution_is_named_as_sdks_show_it() -> None:
    """Under AEX's own header, and under that of the API; with neither where there is no id."""
    denial = Denial(402, "budget_exceeded", "No money.", execution_id="ex_1")
    named = reply(denial, b"{}", shown_as="request-id", status=424, content_type="text/plain")
    assert named.status == 424
    assert dict(named.headers) == {
        "content-type": "text/plain",
        "x-should-retry": "false",
        "x-aex-execution-id": "ex_1",
        "request-id": "ex_1",
    }
    bare = reply(Denial(402, "budget_exceeded", "No money."), b"{}", shown_as="request-id")
    assert (bare.status, len(bare.headers)) == (402, 2)
