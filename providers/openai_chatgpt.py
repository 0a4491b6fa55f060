"""Codex on a ChatGPT plan: OpenAI's Responses at another host, where no field caps the output.

Owns: in what it differs. The path is /backend-api/codex/responses (the row's `nests` say so); the
host refuses max_output_tokens, so the model's longest answer is what is reserved.
Refuses to know: that the plan, and not this call, is what is paid; the list price is booked as if.
Source: https://github.com/openai/codex, codex-rs/core/src/client.rs (what its client sends there).
"""

from __future__ import annotations

from dataclasses import replace

from providers.openai_responses import OpenAIResponses
from providers.openai_responses_dialects import OPENAI
from providers.wire import Call, Facts, Grant


class ChatGPTResponses(OpenAIResponses):
    """The wire format; stateless, one instance."""

    def read(self, call: Call) -> Facts:
        """As the API's. Raises Refused."""
        return replace(super().read(call), cap_writable=False)

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """As the API's, but that no cap is written."""
        return super().patch(call, facts, replace(grant, output_tokens_cap=None))


CHATGPT_RESPONSES = ChatGPTResponses(
    replace(OPENAI, chat=replace(OPENAI.chat, name="chatgpt")),
)
