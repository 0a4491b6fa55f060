"""Paths of the OpenAI API that are known to cost nothing, and pass untouched.

Owns: the table, and that of the compatible hosts. Refuses to know: what the bodies hold; they are
neither parsed nor kept.
Addresses in the table follow https://platform.openai.com/docs/api-reference/

What is not here is refused by the caller as not metered. So nothing stands here that starts work
(batches, fine-tuning, runs, evals, videos), renders, transcribes or searches, or that stores for a
fee; and nothing that deletes what only an operator should (models, assistants, vector stores).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from providers import openai_errors
from providers.paths import SEGMENT
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Grant, Reading, Reply
from providers.wire_format import Meter


@dataclass(frozen=True, slots=True)
class FreePath:
    """Methods and a path pattern that cost nothing; why, and the page that describes them."""

    methods: str
    pattern: str
    reason: str
    page: str


_READ = "reads what exists"

FREE_PATHS = (
    FreePath("GET", "/v1/models", _READ, "models/list"),
    FreePath("GET", "/v1/models/{id}", _READ, "models/retrieve"),
    FreePath("POST", "/v1/moderations", "moderation is free of charge", "moderations/create"),
    FreePath("GET", "/v1/files", _READ, "files"),
    FreePath("GET DELETE", "/v1/files/{id}", "files cost nothing to store", "files"),
    FreePath("POST", "/v1/uploads", "an upload becomes a file", "uploads/create"),
    FreePath("POST", "/v1/uploads/{id}/parts", "an upload becomes a file", "uploads/add-part"),
    FreePath("POST", "/v1/uploads/{id}/complete", "an upload becomes a file", "uploads/complete"),
    FreePath("POST", "/v1/uploads/{id}/cancel", "ends an upload", "uploads/cancel"),
    FreePath("GET", "/v1/fine_tuning/jobs", _READ, "fine-tuning/list"),
    FreePath("GET", "/v1/fine_tuning/jobs/{id}", _READ, "fine-tuning/retrieve"),
    FreePath("GET", "/v1/fine_tuning/jobs/{id}/events", _READ, "fine-tuning/list-events"),
    FreePath("GET", "/v1/fine_tuning/jobs/{id}/checkpoints", _READ, "fine-tuning"),
    FreePath("POST", "/v1/fine_tuning/jobs/{id}/cancel", "ends work", "fine-tuning/cancel"),
    FreePath("GET", "/v1/assistants", _READ, "assistants/listAssistants"),
    FreePath("GET", "/v1/assistants/{id}", _READ, "assistants/getAssistant"),
    FreePath("GET", "/v1/threads/{id}", _READ, "threads/getThread"),
    FreePath("GET", "/v1/threads/{id}/messages", _READ, "messages/listMessages"),
    FreePath("GET", "/v1/threads/{id}/messages/{id}", _READ, "messages/getMessage"),
    FreePath("GET", "/v1/threads/{id}/runs", _READ, "runs/listRuns"),
    FreePath("GET", "/v1/threads/{id}/runs/{id}", _READ, "runs/getRun"),
    FreePath("GET", "/v1/vector_stores", _READ, "vector-stores/list"),
    FreePath("GET", "/v1/vector_stores/{id}", _READ, "vector-stores/retrieve"),
    FreePath("GET", "/v1/vector_stores/{id}/files", _READ, "vector-stores-files/listFiles"),
    FreePath("GET", "/v1/vector_stores/{id}/files/{id}", _READ, "vector-stores-files/getFile"),
    FreePath("GET DELETE", "/v1/responses/{id}", "reads or forgets an answer", "responses/get"),
    FreePath("GET", "/v1/responses/{id}/input_items", _READ, "responses/input-items"),
    FreePath("POST", "/v1/responses/{id}/cancel", "ends work", "responses/cancel"),
    FreePath("POST", "/v1/responses/input_tokens", "counts only", "responses/input-tokens"),
    FreePath("GET", "/v1/conversations/{id}", _READ, "conversations/retrieve"),
    FreePath("GET", "/v1/conversations/{id}/items", _READ, "conversations/list-items"),
    FreePath("GET", "/v1/chat/completions", _READ, "chat/list"),
    FreePath("GET DELETE", "/v1/chat/completions/{id}", "reads or forgets an answer", "chat/get"),
    FreePath("POST", "/v1/chat/completions/{id}", "changes metadata", "chat/update"),
    FreePath("GET", "/v1/chat/completions/{id}/messages", _READ, "chat/getMessages"),
    # Not in the API reference; the agents SDK describes it: it uploads traces, which are free.
    FreePath("POST", "/v1/traces/ingest", "traces cost nothing", "../guides/agents"),
    FreePath("GET", "/v1/organization/costs", _READ, "usage/costs"),
    FreePath("GET", "/v1/organization/usage/{id}", _READ, "usage"),
)

# What the compatible hosts give away; each of these only reads, whichever host has it.
COMPATIBLE_PATHS = (
    FreePath("GET", "/v1/models", _READ, "models/list"),
    FreePath("GET", "/v1/models/{id}", _READ, "models/retrieve"),
    FreePath("GET", "/v1/models/{id}/{id}", "the same, of a maker's model", "models/retrieve"),
    FreePath("GET", "/v1/responses/{id}", _READ, "responses/get"),
    FreePath("GET", "/v1/responses/{id}/input_items", _READ, "responses/input-items"),
    # DeepSeek: https://api-docs.deepseek.com/api/get-user-balance
    FreePath("GET", "/v1/user/balance", _READ, ""),
    # Moonshot: https://platform.kimi.ai/docs/api/balance
    FreePath("GET", "/v1/users/me/balance", _READ, ""),
    # OpenRouter: https://openrouter.ai/docs/api-reference/overview
    FreePath("GET", "/v1/models/{id}/{id}/endpoints", _READ, ""),
    FreePath("GET", "/v1/credits", _READ, ""),
    FreePath("GET", "/v1/generation", _READ, ""),
    FreePath("GET", "/v1/key", _READ, ""),
    # xAI: https://docs.x.ai/docs/api-reference
    FreePath("GET", "/v1/api-key", _READ, ""),
    FreePath("GET", "/v1/language-models", _READ, ""),
    FreePath("GET", "/v1/language-models/{id}", _READ, ""),
)

_Table = tuple[tuple[frozenset[str], re.Pattern[str], FreePath], ...]


def _compiled(path: FreePath) -> re.Pattern[str]:
    return re.compile(re.escape(path.pattern).replace(r"\{id\}", SEGMENT) + r"\Z")


class PassingMeter:
    """Passes every byte and reads nothing."""

    def feed(self, data: bytes) -> bytes:
        """The same bytes."""
        return data

    def finish(self) -> bytes:
        """Nothing is ever held back."""
        return b""

    def reading(self) -> Reading:
        """No usage, no output."""
        return Reading(None, 0, False)


class OpenAIFree:
    """The wire format of all free paths of one table; stateless.

    compiled: what a path's pattern means; by default each `{id}` is one plain segment.
    """

    def __init__(
        self,
        name: str,
        paths: tuple[FreePath, ...],
        compiled: Callable[[FreePath], re.Pattern[str]] = _compiled,
    ) -> None:
        self.name = name
        self._table: _Table = tuple(
            (frozenset(path.methods.split()), compiled(path), path) for path in paths
        )

    def claims(self, call: Call) -> bool:
        """True for a method and path in the table."""
        return self._find(call) is not None

    def read(self, call: Call) -> Facts:
        """Facts of a free call; `endpoint` is the pattern. Raises LookupError if not claimed."""
        path = self._find(call)
        if path is None:
            raise LookupError(f"{call.method} {call.path} is not known to be free")
        return Facts(endpoint=path.pattern, kind="free", has_output=False, uses=TEXT)

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter that passes bytes through."""
        return PassingMeter()

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)

    def _find(self, call: Call) -> FreePath | None:
        for methods, pattern, path in self._table:
            if call.method in methods and pattern.match(call.route):
                return path
        return None


OPENAI_FREE = OpenAIFree("openai_free", FREE_PATHS)
COMPATIBLE_FREE = OpenAIFree("compatible_free", COMPATIBLE_PATHS)
