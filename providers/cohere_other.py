"""Paths of Cohere's API that are known to cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
Addresses in the table follow https://docs.cohere.com/reference/

What is not here is refused by the caller as not metered: jobs, fine-tuning, connectors, classify,
and the older endpoints that Cohere has replaced.
"""

from __future__ import annotations

import re

from providers import cohere_errors
from providers.openai_other import FreePath, PassingMeter
from providers.paths import SEGMENT
from providers.wire import Call, Denial, Facts, Grant, Meter, Reply

_READ = "reads what exists"

FREE_PATHS = (
    FreePath("GET", "/v1/models", _READ, "list-models"),
    FreePath("GET", "/v1/models/{id}", _READ, "get-model"),
    FreePath("POST", "/v1/tokenize", "counts only", "tokenize"),
    FreePath("POST", "/v1/detokenize", "counts only", "detokenize"),
    FreePath("POST", "/v1/check-api-key", "tells whether a key is good", "checkapikey"),
    FreePath("GET", "/v1/datasets", _READ, "list-datasets"),
    FreePath("GET", "/v1/datasets/usage", _READ, "get-dataset-usage"),
    FreePath("GET", "/v1/datasets/{id}", _READ, "get-dataset"),
    FreePath("GET", "/v1/embed-jobs", _READ, "list-embed-jobs"),
    FreePath("GET", "/v1/embed-jobs/{id}", _READ, "get-embed-job"),
    FreePath("POST", "/v1/embed-jobs/{id}/cancel", "ends work", "cancel-embed-job"),
)


def _compiled(path: FreePath) -> re.Pattern[str]:
    return re.compile(re.escape(path.pattern).replace(r"\{id\}", SEGMENT) + r"\Z")


_TABLE = tuple((frozenset(path.methods.split()), _compiled(path), path) for path in FREE_PATHS)


class CohereFree:
    """The wire format of all free paths; stateless, one instance."""

    name = "cohere_free"

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
        """The denial as Cohere's error object."""
        return cohere_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as a stream of Cohere's would end."""
        return cohere_errors.error_event(denial)


COHERE_FREE = CohereFree()


def _find(call: Call) -> FreePath | None:
    for methods, pattern, path in _TABLE:
        if call.method in methods and pattern.match(call.route):
            return path
    return None
