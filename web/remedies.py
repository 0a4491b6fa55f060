"""What lets the next call pass, by the code of a denial.

Owns: one sentence for the operator for each code that stands in the ledger.
Refuses to know: what the agent was told (aex_addon/denials.py).
"""

from __future__ import annotations

from ledger.state import Execution

_LOOK = "The message says what the request would have to be."
_CAPS = "Its caps refuse it, or a team's; the message says which option of `limits` allows it."
_BY_CODE = {
    "budget_exceeded": "Top up {account}: `aex agent top-up {account} USD`.",
    "overrun": "Look at the call that was billed above its reserve, then top up {account}.",
    "rate_limited": "It passes by itself; `aex agent limits {account} --rpm N` allows more.",
    "agent_not_serving": "Let it go on: `aex agent state {account} READY --reason TEXT`.",
    "token_revoked": "Give the agent a new token: `aex agent rotate-token {agent}`.",
    "token_expired": "Give the agent a new token: `aex agent rotate-token {agent}`.",
    "token_of_another_agent": "Use the name and the token of the same agent.",
    "token_scope": "This token may only read; `aex agent rotate-token {agent}` makes another.",
    "idempotency_key_reused": "The agent used one key for two requests; it takes a new one.",
    "model_unpriced": 'Price it: [models."NAME"] in aex.toml; `aex models list` shows the known.',
    "provider_key_missing": "Give the gateway the provider's key: api_key_env in aex.toml.",
    "no_such_tool": "`aex plugin list` shows the tools; `aex plugin install` takes one in.",
    "tool_disabled": "Look at it (`aex plugin show NAME`), then `aex plugin enable NAME`.",
    "tool_changed": "It passes by itself: the tool was exchanged while it was asked for.",
    "tool_unreadable": "Install it again: `aex plugin install MANIFEST PACKAGE`.",
    "policy_denied": "Change what the message names, if it should pass; see `aex policy test`.",
    "policy_unavailable": "Mend the plugin that the message names, then `aex models reload`.",
    "policy_busy": "Plugins are slow: [policy] workers and deadline_ms in aex.toml; it may retry.",
    "not_metered": 'Nothing unmetered passes unless unmetered_paths = "pass".',
}


def remedy(code: str, execution: Execution) -> str:
    """The sentence for a denied call."""
    capped = code.endswith(("_not_allowed", "_tokens_above_cap")) or code == "caps_unreadable"
    words = _BY_CODE.get(code, _CAPS if capped else _LOOK)
    return words.format(account=execution.account, agent=execution.agent)
