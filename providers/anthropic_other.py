"""Paths of Anthropic's host that are known to cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
Addresses in the table follow https://platform.claude.com/docs/en/api/ where they are addresses.

What is not here is refused by the caller as not metered. So nothing stands here that starts work
(managed agents, sessions, dreams) or makes credentials, and nothing that changes an organization.
Batches have a format of their own (anthropic_batches.py). Claude Code calls
some paths beside the model's; they are in no reference, were seen on the wire, and carry telemetry
one way and settings the other.
"""

from __future__ import annotations

from providers import anthropic_errors
from providers.openai_other import FreePath, OpenAIFree
from providers.wire import Denial, Reply

_READ = "reads what exists"
_FILES = "files cost nothing to store"
_TOLD = "telemetry of Claude Code"
_ASKED = "settings of Claude Code"

FREE_PATHS = (
    FreePath("GET", "/v1/models", _READ, "models/list"),
    FreePath("GET", "/v1/models/{id}", _READ, "models/retrieve"),
    FreePath("POST", "/v1/messages/count_tokens", "counts only", "messages/count_tokens"),
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


class AnthropicFree(OpenAIFree):
    """The wire format of these paths: as OpenAI's, but for the shape of its errors."""

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Anthropic's error object."""
        return anthropic_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Anthropic's error event."""
        return anthropic_errors.error_event(denial)


ANTHROPIC_FREE = AnthropicFree("anthropic_free", FREE_PATHS)
