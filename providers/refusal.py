"""What a denial has in common as an HTTP answer, whatever API it is shaped for.

Owns: the headers by which SDKs decide on a repeat, and those that name the execution.
Refuses to know: bodies, error types, why a call was denied.
"""

from __future__ import annotations

from providers.wire import Denial, Reply

MAX_RETRY_AFTER_S = 60


def seconds_to_wait(denial: Denial) -> int | None:
    """Seconds until a repeat may help; None where none does, or nobody knows when."""
    if not denial.retryable or denial.retry_after is None:
        return None
    return max(0, min(denial.retry_after, MAX_RETRY_AFTER_S))


def reply(
    denial: Denial,
    body: bytes,
    *,
    status: int | None = None,
    content_type: str = "application/json",
    shown_as: str | None = None,
) -> Reply:
    """The answer. `retry-after` (seconds) only where a repeat may help.

    status: instead of the denial's own. shown_as: the header whose id an SDK's error shows.
    """
    headers = [
        ("content-type", content_type),
        ("x-should-retry", "true" if denial.retryable else "false"),
    ]
    seconds = seconds_to_wait(denial)
    if seconds is not None:
        headers.append(("retry-after", str(seconds)))
    if denial.execution_id is not None:
        headers.append(("x-aex-execution-id", denial.execution_id))
        if shown_as is not None:
            headers.append((shown_as, denial.execution_id))
    return Reply(denial.status if status is None else status, tuple(headers), body)
