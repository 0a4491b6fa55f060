"""Every denial says what happened and what to do, in words that stand on their own."""

from __future__ import annotations

from typing import Any

import pytest

from aex_addon import denials
from ledger.outcomes import Denied


def explained(code: str, status: int = 403, **changes: Any) -> Any:
    statuses = changes.pop("statuses", {})
    return denials.explain(Denied("ex_1", "bot", status, code, **changes), statuses)


@pytest.mark.parametrize(
    "code",
    [
        "token_missing",
        "token_unknown",
        "token_revoked",
        "token_expired",
        "token_of_another_agent",
        "token_scope",
    ],
)
def test_tokens(code: str) -> None:
    """Each trouble with a token has a sentence of its own and the same way out."""
    denial = explained(code, 401)
    others = {explained(other, 401).message for other in denials._TOKENS if other != code}
    assert denial.message not in others
    assert "aex agent rotate-token" in denial.remedy
    assert not denial.retryable


def test_a_budget() -> None:
    """The amounts needed and left, and whose budget it is, are named; a retry is not invited."""
    denial = explained(
        "budget_exceeded",
        402,
        account="team",
        needed_nanousd=1_500_000_000,
        remaining_nanousd=20,
        budget_nanousd=2_000_000_000,
    )
    assert "'team'" in denial.message
    assert "$1.50" in denial.message
    assert "$0.00000002 of $2.00 is left" in denial.message
    assert "aex agent top-up team USD" in denial.remedy
    assert (denial.status, denial.retryable, denial.retry_after) == (402, False, None)


def test_a_smaller_output_cap_is_advised_where_one_fits() -> None:
    """Tools, calls of MCP and embeddings have no output cap that could be made smaller."""
    for fits in (True, False):
        denial = explained("budget_exceeded", 402, account="bot", cap_fits=fits)
        assert ("a smaller output cap may fit" in denial.remedy) is fits
        assert "Do not retry; a" in denial.remedy


def test_an_overrun() -> None:
    """The call that was billed above its reserve is named, and the command that ends the stop."""
    denial = explained("overrun", 402, account="bot", message="ex_7")
    assert "its call ex_7 was billed above what was reserved" in denial.message
    assert "aex executions show ex_7" in denial.remedy
    assert "aex agent top-up bot USD" in denial.remedy
    assert (denial.status, denial.retryable) == (402, False)


def test_an_overdrawn_budget_has_nothing_left() -> None:
    """After an overrun what is left is shown as nothing, not as a negative amount."""
    denial = explained("budget_exceeded", 402, account="bot", remaining_nanousd=-5)
    assert "$0.00 of" in denial.message


@pytest.mark.parametrize(
    ("wait_ns", "seconds", "told"),
    [(1, 1, 1), (1_000_000_000, 1, 1), (1_000_000_001, 2, 2), (90 * 10**9, 90, 60)],
)
def test_a_rate(wait_ns: int, seconds: int, told: int) -> None:
    """The wait is rounded up; the header never asks for more than a minute."""
    denial = explained(
        "rate_limited", 429, account="bot", message="5 requests a minute", retry_after_ns=wait_ns
    )
    assert denial.message == "The account 'bot' is limited to 5 requests a minute."
    assert denial.remedy == f"Try again in {seconds} s."
    assert (denial.retryable, denial.retry_after) == (True, told)


def test_an_account_at_rest() -> None:
    """A lifecycle denial names the account, which may be a team, and the reason."""
    denial = explained("agent_not_serving", 423, account="bot", message="PAUSED: too dear")
    assert denial.message == "The account 'bot' is not serving calls (PAUSED: too dear)."
    assert not denial.retryable


def test_a_verdict_reached_before_the_ledger() -> None:
    """A refusal that came with the command keeps its own words, and every denial its id."""
    denial = explained("not_metered", 403, message="It could cost money.")
    assert (denial.status, denial.message) == (403, "It could cost money.")
    assert denial.execution_id == "ex_1"


def test_the_operator_s_own_statuses() -> None:
    """`denial_status` changes the status of a code and nothing else."""
    denial = explained("budget_exceeded", 402, account="bot", statuses={"budget_exceeded": 429})
    assert denial.status == 429
    assert explained("rate_limited", 429, statuses={"budget_exceeded": 400}).status == 429


def test_denials_that_the_ledger_does_not_know() -> None:
    """No token is a 401, a fault before dispatch a 503 to retry, a wrong address a 421, an
    answer that AEX itself ends is not to be retried."""
    assert denials.missing_token().status == 401
    fault = denials.unavailable("the ledger is busy", "ex_1")
    assert (fault.status, fault.retryable, fault.retry_after) == (503, True, 1)
    assert "nothing was sent: the ledger is busy." in fault.message
    assert (denials.misdirected("x").status, denials.misdirected("x").retryable) == (421, False)
    for ended, status in ((denials.outgrown, 402), (denials.unreadable, 502)):
        denial = ended("ex_1")
        assert (denial.status, denial.retryable, denial.execution_id) == (status, False, "ex_1")


@pytest.mark.parametrize("code", sorted(denials._CAPS))
@pytest.mark.parametrize("kind", ["agent", "run", "team"])
def test_a_cap_names_the_command_that_changes_it(code: str, kind: str) -> None:
    """Who refuses, why, and what an operator types to allow it; nothing is worth a retry."""
    told = explained(code, message="sound is not allowed", account="shop", account_kind=kind)
    assert "'shop'" in told.message
    assert "sound is not allowed" in told.message
    command = "team" if kind == "team" else "agent"
    assert f"`aex {command} limits shop --" in told.remedy
    assert (told.status, told.retryable) == (403, False)


@pytest.mark.parametrize(
    ("code", "status", "retryable"),
    [("policy_denied", 403, False), ("policy_unavailable", 403, False), ("policy_busy", 503, True)],
)
def test_the_policy_is_named(code: str, status: int, retryable: bool) -> None:
    """Who refuses is told with its reason, and only a full queue is worth another try."""
    denial = explained(code, status, message="rule night: not now.")
    assert "rule night: not now." in denial.message
    assert "now.." not in denial.message
    assert (denial.status, denial.retryable) == (status, retryable)
    assert (denial.retry_after == 1) is retryable
    assert denial.remedy
