"""Denials reshaped for agents that read statuses their own way."""

from __future__ import annotations

import pytest

from providers.quirks import adjust
from providers.wire import Denial

CODEX = "codex_cli_rs/0.169.0 (Debian 12; x86_64)"


def test_codex_takes_a_budget_denial_once() -> None:
    """What Codex would send six times becomes the one shape that it takes as final."""
    denial = Denial(402, "budget_exceeded", "m", retry_after=9)
    adjusted = adjust(denial, CODEX)
    assert (adjusted.status, adjusted.code) == (429, "insufficient_quota")
    assert (adjusted.message, adjusted.retryable, adjusted.retry_after) == ("m", False, None)


@pytest.mark.parametrize(
    "status", [401, 403, 404, 405, 409, 413, 415, 421, 422, 423, 424, 500, 501, 502, 503, 504]
)
def test_codex_is_told_every_other_final_denial_as_a_400(status: int) -> None:
    """It repeats all of them, and what was sent after dispatch may have been billed each time."""
    adjusted = adjust(Denial(status, "a_code", "m", "r", execution_id="ex"), CODEX)
    assert adjusted == Denial(400, "a_code", "m", "r", execution_id="ex")


@pytest.mark.parametrize("status", [400, 426, 429])
def test_what_codex_understands_stays(status: int) -> None:
    """The same object comes back for what it takes once, or leaves WebSockets for."""
    denial = Denial(status, "c", "m")
    assert adjust(denial, CODEX) is denial


@pytest.mark.parametrize("status", [401, 402, 403, 413, 423, 502])
def test_other_agents_and_retryable_denials_are_left_alone(status: int) -> None:
    """The same object comes back where no measured exception applies."""
    denial = Denial(status, "c", "m")
    assert adjust(denial, "OpenAI/Python 2.54.0") is denial
    assert adjust(denial, "") is denial
    retryable = Denial(status, "c", "m", retryable=True)
    assert adjust(retryable, CODEX) is retryable
