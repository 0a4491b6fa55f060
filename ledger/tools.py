"""Tools: which are installed, which of them may be run, and whether a call may have one run.

Owns: the registry's acts, each an event with its actor, the refusal of a call to a tool that is not
enabled, and the token of a tool that calls others. Pure, as admission is. There is one version of
a tool at a time: another version, or another package or manifest, takes the place of the one
before, and nobody has enabled it yet.
Refuses to know: what a manifest says, where packages are kept, how a tool is run.
"""

from __future__ import annotations

import re

from ledger import events
from ledger.admin_commands import InstallTool, IssueToken, LendToken, SetTool
from ledger.administration import issued, why
from ledger.commands import Admit
from ledger.events import Draft, storable
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Denied, Done, Outcome, Rejected
from ledger.state import DISABLED, ENABLED, REMOVED, State, Token, ToolPlugin

MANIFEST_MAX = 65_536

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")
_TYPES = {
    ENABLED: events.TOOL_ENABLED,
    DISABLED: events.TOOL_DISABLED,
    REMOVED: events.TOOL_REMOVED,
}


def install(state: State, command: InstallTool) -> tuple[list[Draft], Outcome]:
    """Takes a tool in, disabled; one that is installed just so stays as it is."""
    problem = _unfit(command)
    if problem:
        return [], Rejected(problem)
    found = _found(state, command.tool)
    if found is not None and (found.sha256, found.digest) == (command.sha256, command.digest):
        return [], Done(command.tool)
    payload = {
        "actor": command.actor,
        "cost_nanousd": command.cost_nanousd,
        "digest": command.digest,
        "manifest": command.manifest,
        "name": command.tool,
        "sha256": command.sha256,
        "version": command.version,
        **why(command.reason),
    }
    return [Draft(events.TOOL_INSTALLED, None, None, payload)], Done(command.tool)


def set_state(state: State, command: SetTool) -> tuple[list[Draft], Outcome]:
    """Enables, disables or removes; what stands so already changes nothing."""
    kind = _TYPES.get(command.state)
    if kind is None:
        return [], Rejected(f"a tool is one of {', '.join(_TYPES)}")
    found = _found(state, command.tool)
    if found is None:
        return [], Rejected(
            f"there is no tool {command.tool!r}; `aex plugin list` shows those there are"
        )
    if command.digest and command.digest != found.digest:
        return [], Rejected(
            f"tool {command.tool} is another one by now (version {found.version}); look at it, "
            "and decide anew"
        )
    if found.state == command.state:
        return [], Done(command.tool)
    payload = {
        "actor": command.actor,
        "digest": found.digest,
        "name": found.name,
        "sha256": found.sha256,
        "version": found.version,
        **why(command.reason),
    }
    return [Draft(kind, None, None, payload)], Done(command.tool)


def lend(state: State, command: LendToken, now: int) -> tuple[list[Draft], Outcome]:
    """A token for what a tool itself calls, on the account of the agent that has it run."""
    asking = state.tokens.get(command.by_token_hash)
    if asking is None or asking.revoked_at or 0 < asking.expires_at <= now:
        return [], Rejected("the token that asks is not a valid one")
    if asking.scope != "execution":
        return [], Rejected("this token may not have tools run")
    if command.token_hash in state.tokens:
        return [], Rejected("this token exists already")
    ends = [each for each in (command.expires_at, asking.expires_at) if each]
    token = IssueToken(
        asking.agent,
        command.token_hash,
        command.token_id,
        "execution",
        "tool",
        min(ends, default=0),
        command.actor,
    )
    return [issued(token, asking.account)], Done(asking.agent, token.expires_at)


def refused(state: State, command: Admit, token: Token) -> Denied | None:
    """Why a call may not have its tool run; None where it may, or asks for none."""
    asked = command.tool
    if asked is None:
        return None

    def deny(status: int, code: str, message: str) -> Denied:
        return Denied(command.execution_id, token.agent, status, code, message)

    found = _found(state, asked.name)
    if found is None:
        return deny(404, "no_such_tool", f"There is no tool {asked.name[:100]!r} here.")
    if found.state != ENABLED:
        message = f"Tool {found.name!r} is not enabled; the operator may: `aex plugin enable"
        return deny(403, "tool_disabled", f"{message} {found.name}`.")
    if found.digest != asked.digest or found.cost_nanousd != command.quote.fixed_nanousd:
        message = f"Tool {found.name!r} has just been installed anew; nothing was run."
        return deny(409, "tool_changed", message)
    return None


def _found(state: State, name: str) -> ToolPlugin | None:
    found = state.tools.get(name)
    return None if found is None or found.state == REMOVED else found


def _unfit(command: InstallTool) -> str:
    """Why this cannot be a tool; "" where it can."""
    if not _NAME.fullmatch(command.tool):
        return "a tool's name is 1 to 64 letters, digits, dots, dashes and underscores"
    version = command.version
    if not (0 < len(version) <= 64 and version.isprintable() and storable(version)):
        return "a tool's version is 1 to 64 printable characters"
    if not (_HASH.fullmatch(command.sha256) and _HASH.fullmatch(command.digest)):
        return "the hashes of a tool are SHA-256, in hex"
    if not (0 < len(command.manifest) <= MANIFEST_MAX and storable(command.manifest)):
        return f"a tool's manifest is text of at most {MANIFEST_MAX} characters"
    if not 0 <= command.cost_nanousd <= MAX_NANOUSD:
        return "the cost of a tool is an amount that the books can hold"
    return ""
