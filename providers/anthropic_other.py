"""Paths of Anthropic's host that are known to cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
Addresses in the table follow https://platform.claude.com/docs/en/api/ where they are addresses.

What is not here is refused by the caller as not metered. So nothing stands here that starts work
(batches, managed agents, sessions, dreams) or makes credentials, nothing that changes an
organization, and nothing that deletes a batch, for its results tell what it cost. Claude Code calls
some paths beside the model's; they are in no reference, were seen on the wire, and carry telemetry
one way and settings the other.
"""

from __future__ import annotations

import re

from providers import anthropic_errors
from providers.openai_other import FreePath, PassingMeter
from providers.wire import Call, Denial, Facts, Grant, Meter, Reply

_READ = "reads what exists"
_FILES = "files cost nothing to store"
_TOLD = "telemetry of Claude Code"
_ASKED = "settings of Claude Code"

FREE_PATHS = (
    FreePath("GET", "/v1/models", _READ, "models/list"),
    FreePath("GET", "/v1/models/{id}", _READ, "models/retrieve"),
    FreePath("POST", "/v1/messages/count_tokens", "counts only", "messages/count_tokens"),
    FreePath("GET", "/v1/messages/batches", _READ, "messages/batches/list"),
    FreePath("GET", "/v1/messages/batches/{id}", _READ, "messages/batches/retrieve"),
    FreePath("POST", "/v1/messages/batches/{id}/cancel", "ends work", "messages/batches/cancel"),
    FreePath("GET", "/v1/messages/batches/{id}/results", _READ, "messages/batches/results"),
    FreePath("GET POST", "/v1/files", _FILES, "files"),
    FreePath("GET DELETE", "/v1/files/{id}", _FILES, "files"),
    FreePath("GET", "/v1/files/{id}/content", _READ, "files/download"),
    FreePath("GET", "/v1/skills", _READ, "skills/list"),
    FreePath("GET", "/v1/skills/{id}", _READ, "skills/retrieve"),
    FreePath("GET", "/v1/skills/{id}/versions", _READ, "skills/versions/list"),
    FreePath("GET", "/v1/skills/{id}/versions/{id}", _READ, "skills/versions/retrieve"),
    FreePath("GET", "/v1/organizations/me", _READ, "admin/organizations"),
    FreePath("GET", "/v1/mcp_servers", _ASKED, ""),
    FreePath("GET", "/v1/code/triggers", _ASKED, ""),
    FreePath("POST", "/api/event_logging/batch", _TOLD, ""),
    FreePath("POST", "/api/event_logging/v2/batch", _TOLD, ""),
    FreePath("POST", "/api/claude_code/metrics", _TOLD, ""),
    FreePath("POST", "/api/claude_cli_feedback", _TOLD, ""),
    FreePath("GET POST", "/api/eval/{id}", _ASKED, ""),
    FreePath("GET", "/api/claude_cli/bootstrap", _ASKED, ""),
    FreePath("GET", "/api/claude_code/settings", _ASKED, ""),
    FreePath("GET", "/api/claude_code/policy_limits", _ASKED, ""),
    FreePath("GET", "/api/claude_code/organizations/metrics_enabled", _ASKED, ""),
    FreePath("GET", "/api/claude_code_grove", _ASKED, ""),
    FreePath("GET", "/api/claude_cli_profile", _ASKED, ""),
    FreePath("GET", "/api/claude_code_penguin_mode", _ASKED, ""),
    FreePath("GET", "/api/model_selector/{id}", _ASKED, ""),
    FreePath("GET", "/api/oauth/profile", _ASKED, ""),
    FreePath("GET", "/api/oauth/usage", _ASKED, ""),
    FreePath("GET", "/api/oauth/account/settings", _ASKED, ""),
    FreePath("GET", "/api/oauth/claude_cli/roles", _ASKED, ""),
    FreePath("GET", "/api/web/domain_info", "whether a page may be fetched", ""),
    FreePath("GET HEAD", "/api/hello", "whether the host answers", ""),
    FreePath("GET", "/api/directory/server-urls", "addresses of known MCP servers", ""),
    FreePath("GET", "/mcp-registry/v0/servers", "the list of known MCP servers", ""),
    FreePath("GET", "/mcp-registry/v0/servers/{id}", "one of them", ""),
)

# One segment of plain characters: no escapes and no dots alone, which servers resolve differently.
_SEGMENT = r"(?!\.+(?:/|$))[A-Za-z0-9_.:@-]{1,256}"


def _compiled(path: FreePath) -> re.Pattern[str]:
    return re.compile(re.escape(path.pattern).replace(r"\{id\}", _SEGMENT) + r"\Z")


_TABLE = tuple((frozenset(path.methods.split()), _compiled(path), path) for path in FREE_PATHS)


class AnthropicFree:
    """The wire format of all free paths; stateless, one instance."""

    name = "anthropic_free"

    def claims(self, call: Call) -> bool:
        """True for a method and path in the table."""
        return _find(call) is not None

    def read(self, call: Call) -> Facts:
        """Facts of a free call; `endpoint` is the pattern. Raises LookupError if not claimed."""
        path = _find(call)
        if path is None:
            raise LookupError(f"{call.method} {call.path} is not known to be free")
        return Facts(endpoint=path.pattern, kind="free", has_output=False)

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter that passes bytes through."""
        return PassingMeter()

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Anthropic's error object."""
        return anthropic_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Anthropic's error event."""
        return anthropic_errors.error_event(denial)


ANTHROPIC_FREE = AnthropicFree()


def _find(call: Call) -> FreePath | None:
    for methods, pattern, path in _TABLE:
        if call.method in methods and pattern.match(call.route):
            return path
    return None
