"""Paths of Ollama's own API that cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
https://docs.ollama.com/api

What is not here is refused by the caller as not metered. So nothing stands here that changes which
models the server has (pull, push, create, copy, delete, blobs), which only an operator should, and
nothing that Ollama's cloud does for a fee (searching and fetching).
"""

from __future__ import annotations

from providers import ollama_errors
from providers.openai_other import FreePath, PassingMeter
from providers.wire import Call, Denial, Facts, Grant, Meter, Reply

_READ = "reads what exists"

FREE_PATHS = (
    FreePath("GET HEAD", "/api/version", _READ, "version"),
    FreePath("GET HEAD", "/api/tags", _READ, "tags"),
    FreePath("GET", "/api/ps", _READ, "ps"),
    FreePath("POST", "/api/show", _READ, "show"),
)


class OllamaFree:
    """The wire format of all free paths; stateless, one instance."""

    name = "ollama_free"

    def claims(self, call: Call) -> bool:
        """True for a method and path in the table."""
        return _find(call) is not None

    def read(self, call: Call) -> Facts:
        """Facts of a free call. Raises LookupError if not claimed."""
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
        """The denial as Ollama's error object."""
        return ollama_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as a line."""
        return ollama_errors.error_line(denial)


OLLAMA_FREE = OllamaFree()


def _find(call: Call) -> FreePath | None:
    for path in FREE_PATHS:
        if call.method in path.methods.split() and call.route == path.pattern:
            return path
    return None
