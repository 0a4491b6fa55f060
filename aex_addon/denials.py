"""The words of a denial: which budget, how much is needed and left, and what to do about it.

Owns: one sentence that a language model can act on and one for its operator, per denial code.
Refuses to know: the provider's error shape (providers), why the ledger decided so (admission).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ledger.money import show_usd
from ledger.outcomes import Denied
from providers.wire import Denial

_RETRY_AFTER_MAX_S = 60

_TOKENS = {
    "token_missing": "This call carries no AEX agent token.",
    "token_unknown": "The AEX agent token of this call is not a valid one.",
    "token_revoked": "The AEX agent token of this call was revoked.",
    "token_expired": "The AEX agent token of this call has expired.",
    "token_of_another_agent": "The AEX token of this call belongs to another agent than named.",
    "token_scope": "The AEX token of this call may read, but not call a provider.",
}
# What changes the cap that a denial is about.
_CAPS = {
    "model_not_allowed": "--allow-model GLOB",
    "tool_not_allowed": "--allow-tool GLOB",
    "tools_not_allowed": "--tools",
    "function_calling_not_allowed": "--function-calling",
    "streaming_not_allowed": "--streaming",
    "vision_not_allowed": "--vision",
    "audio_not_allowed": "--audio",
    "documents_not_allowed": "--documents",
    "passthrough_not_allowed": "--passthrough",
    "input_tokens_above_cap": "--max-input-tokens N",
    "output_tokens_above_cap": "--max-output-tokens N",
    "total_tokens_above_cap": "--max-total-tokens N",
    "caps_unreadable": "--uncap all",
    "egress_denied": "--uncap egress_deny",
    "egress_not_allowed": "--allow-host HOST",
}
_POLICY = {
    "policy_denied": (
        "The operator's policy refuses this call: {}.",
        "Do not retry it as it is; the operator sees why by `aex policy test`.",
    ),
    "policy_unavailable": (
        "The operator's policy could not decide on this call, so nothing was sent: {}.",
        "Do not retry; the operator sees what is wrong by `aex doctor` and `aex policy list`.",
    ),
    "policy_busy": (
        "The operator's policy did not get to this call, so nothing was sent: {}.",
        "Try again shortly.",
    ),
}
_PROXY_REMEDY = (
    "Use http://AGENT:TOKEN@HOST:PORT as HTTPS_PROXY, or the same pair in Proxy-Authorization; the "
    "API key is the agent's own here."
)
_TOKEN_REMEDY = (
    "Use http://AGENT:TOKEN@HOST:PORT as HTTPS_PROXY, or the token as the API key; "
    "`aex agent rotate-token AGENT` makes a new one."
)
_SOURCE_REMEDY = "Name who pays for this source in [capture] of aex.toml, then restart the gateway."


def missing_token(key_slot: bool = True, source: str = "") -> Denial:
    """No credential at all: the ledger need not be asked.

    key_slot: False where an AEX token does not count if it stands in place of the API key.
    source:   of a captured connection, which stands for nobody.
    """
    if source:
        return Denial(
            401, "token_missing", f"No agent pays for what comes from {source}.", _SOURCE_REMEDY
        )
    remedy = _TOKEN_REMEDY if key_slot else _PROXY_REMEDY
    return Denial(401, "token_missing", _TOKENS["token_missing"], remedy)


def signed_body(execution_id: str) -> Denial:
    """A body that would have to be changed, and whose signature AEX cannot renew."""
    return Denial(
        403,
        "signed_body",
        "This call is signed with the agent's own keys, and AEX would have to change its body, "
        "so nothing was sent.",
        "Set an output cap in the request that the budget carries.",
        execution_id=execution_id,
    )


def unavailable(message: str, execution_id: str | None = None) -> Denial:
    """A fault before dispatch: nothing was sent, trying again is right."""
    return Denial(
        503,
        "gateway_unavailable",
        f"AEX could not admit this call, so nothing was sent: {message}.",
        "Try again shortly; `aex status` shows what is wrong.",
        retryable=True,
        retry_after=1,
        execution_id=execution_id,
    )


def after_another(denial: Denial) -> Denial:
    """The denial of a call's next try, where the last one may have been billed."""
    message = f"{denial.message} The model asked before it did not answer, and may have billed."
    return replace(denial, message=message, retryable=False, retry_after=None)


def underway(execution_id: str) -> Denial:
    """The same idempotency key's call has not been answered yet."""
    return Denial(
        409,
        "idempotency_in_flight",
        "A call with this idempotency key is still under way.",
        "Try again shortly; it is answered once.",
        retryable=True,
        retry_after=1,
        execution_id=execution_id,
    )


def misdirected(message: str) -> Denial:
    """SNI, CONNECT target and Host do not agree, or AEX itself is addressed as a proxy's goal."""
    return Denial(421, "misdirected_request", f"This request is addressed askew: {message}.")


def outgrown(execution_id: str) -> Denial:
    """The provider did not keep to what the call was granted; its stream ends with this."""
    return Denial(
        402,
        "reserve_exceeded",
        "AEX ended this answer: the provider went on beyond what was reserved for it.",
        "Do not retry; `aex executions show` tells what was booked.",
        execution_id=execution_id,
    )


def unreadable(execution_id: str) -> Denial:
    """The provider's stream is in an encoding that cannot be taken off."""
    return Denial(
        502,
        "answer_unreadable",
        "AEX ended this answer: it cannot be unpacked, or is too large once it is.",
        "Do not retry; `aex executions show` tells what was booked.",
        execution_id=execution_id,
    )


def explain(denied: Denied, statuses: Mapping[str, int]) -> Denial:
    """The denial in words. `statuses` are the operator's own, by code."""
    denial = _explain(denied)
    return replace(denial, status=statuses.get(denial.code, denial.status))


def _explain(denied: Denied) -> Denial:
    base = Denial(denied.status, denied.code, denied.message, execution_id=denied.execution_id)
    if denied.code in _TOKENS:
        return replace(base, message=_TOKENS[denied.code], remedy=_TOKEN_REMEDY)
    if denied.code == "idempotency_key_reused":
        return replace(
            base,
            message="This idempotency key was used for a different request.",
            remedy="Use a new key for a new request.",
        )
    if denied.code == "budget_exceeded":
        return replace(base, message=_budget(denied), remedy=_raise_budget(denied))
    if denied.code == "overrun":
        return replace(
            base,
            message=f"Agent {denied.account!r} is stopped: its call {denied.message} was billed "
            "above what was reserved for it.",
            remedy=f"Do not retry; ask the operator, who looks at it (`aex executions show "
            f"{denied.message}`) and tops up: `aex agent top-up {denied.account} USD`.",
        )
    if denied.code == "rate_limited":
        seconds = -(-denied.retry_after_ns // 1_000_000_000)
        return replace(
            base,
            message=f"The account {denied.account!r} is limited to {denied.message}.",
            remedy=f"Try again in {seconds} s.",
            retryable=True,
            retry_after=min(seconds, _RETRY_AFTER_MAX_S),
        )
    if denied.code == "agent_not_serving":
        return replace(
            base,
            message=f"The account {denied.account!r} is not serving calls ({denied.message}).",
            remedy="Do not retry; ask the operator, who lets it go on: `aex agent state`, or for "
            "a team `aex team state`.",
        )
    if denied.code in _POLICY:
        message, remedy = _POLICY[denied.code]
        busy = denied.code == "policy_busy"
        return replace(
            base,
            message=message.format(denied.message.rstrip(".")),
            remedy=remedy,
            retryable=busy,
            retry_after=1 if busy else None,
        )
    if denied.code in _CAPS:
        command = "team" if denied.account_kind == "team" else "agent"
        return replace(
            base,
            message=f"The caps of {denied.account!r} refuse this call: {denied.message}.",
            remedy=f"Do not retry it as it is; the operator may allow it: "
            f"`aex {command} limits {denied.account} {_CAPS[denied.code]}`.",
        )
    return base


def _budget(denied: Denied) -> str:
    left = max(denied.remaining_nanousd, 0)
    return (
        f"The budget of {denied.account!r} cannot carry this call: it may cost up to "
        f"{show_usd(denied.needed_nanousd)}, and {show_usd(left)} of "
        f"{show_usd(denied.budget_nanousd)} is left."
    )


def _raise_budget(denied: Denied) -> str:
    resets = ""
    if denied.resets_at:
        at = datetime.fromtimestamp(denied.resets_at // 10**9, UTC)
        resets = f"It resets at {at:%Y-%m-%d %H:%M} UTC. "
    smaller = "a smaller output cap may fit, or " if denied.cap_fits else ""
    return (
        f"{resets}Do not retry; {smaller}ask the operator to raise it: "
        f"`aex agent top-up {denied.account} USD`."
    )
