"""Denials reshaped for agents that read statuses their own way."""

from __future__ import annotations

from providers.quirks import QUIRKS, adjust
from providers.wire import Denial

CODEX = "codex_cli_rs/0.169.0 (Debian 12; x86_64)"


def test_codex_takes_a_budget_denial_once() -> None:
    """What Codex would send six times becomes the one shape that it takes as final."""
    denial = Denial(402, "budget_exceeded", "m", retry_after=9)
    adjusted = adjust(denial, CODEX)
    assert (adjusted.status, adjusted.code) == (429, "insufficient_quota")
    assert (adjusted.message, adjusted.retryable, adjusted.retry_after) == ("m", False, None)
    assert adjust(Denial(403, "model_not_allowed", "m"), CODEX).status == 400


def test_other_agents_and_retryable_denials_are_left_alone() -> None:
    """The same object comes back where no measured exception applies."""
    for quirk in QUIRKS:
        denial = Denial(quirk.status, "c", "m")
        assert adjust(denial, "OpenAI/Python 2.54.0") is denial
        assert adjust(denial, "") is denial
    retryable = Denial(402, "c", "m", retryable=True)
    assert adjust(retryable, CODEX) is retryable
