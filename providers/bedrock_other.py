"""Paths of the Bedrock runtime that are known to cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
Addresses in the table follow https://docs.aws.amazon.com/bedrock/latest/APIReference/

What is not here is refused by the caller as not metered: work that runs on its own and is billed
later (`StartAsyncInvoke`), guardrails, speech in both directions, and whatever is new.
"""

from __future__ import annotations

from providers import bedrock_errors
from providers.bedrock_route import target
from providers.openai_other import FreePath, OpenAIFree
from providers.wire import Call, Denial, Reply

FREE_PATHS = (
    FreePath("GET", "/async-invoke", "reads what exists", "API_runtime_ListAsyncInvokes.html"),
    FreePath("GET", "/async-invoke/{id}", "reads what exists", "API_runtime_GetAsyncInvoke.html"),
)
COUNTS = FreePath("POST", "/model/{id}/count-tokens", "counts only", "API_runtime_CountTokens.html")


class BedrockFree(OpenAIFree):
    """The wire format of these paths: as OpenAI's, but for models' names and the errors."""

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Bedrock's error."""
        return bedrock_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Bedrock's exception frame."""
        return bedrock_errors.error_event(denial)

    def _find(self, call: Call) -> FreePath | None:
        found = target(call)
        if found is not None and found.action == "count-tokens" and call.method == COUNTS.methods:
            return COUNTS
        return super()._find(call)


BEDROCK_FREE = BedrockFree("bedrock_free", FREE_PATHS)
