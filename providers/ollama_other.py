"""Paths of Ollama's own API that cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
https://docs.ollama.com/api

What is not here is refused by the caller as not metered. So nothing stands here that changes which
models the server has (pull, push, create, copy, delete, blobs), which only an operator should, and
nothing that Ollama's cloud does for a fee (searching and fetching).
"""

from __future__ import annotations

from providers import ollama_errors
from providers.openai_other import FreePath, OpenAIFree
from providers.wire import Denial, Reply

_READ = "reads what exists"

FREE_PATHS = (
    FreePath("GET HEAD", "/api/version", _READ, "version"),
    FreePath("GET HEAD", "/api/tags", _READ, "tags"),
    FreePath("GET", "/api/ps", _READ, "ps"),
    FreePath("POST", "/api/show", _READ, "show"),
)


class OllamaFree(OpenAIFree):
    """The wire format of these paths: as OpenAI's, but for the shape of its errors."""

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Ollama's error object."""
        return ollama_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as a stream of Ollama's would end."""
        return ollama_errors.error_line(denial)


OLLAMA_FREE = OllamaFree("ollama_free", FREE_PATHS)
