"""Paths of Cohere's API that are known to cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
Addresses in the table follow https://docs.cohere.com/reference/

What is not here is refused by the caller as not metered: jobs, fine-tuning, connectors, classify,
and the older endpoints that Cohere has replaced.
"""

from __future__ import annotations

from providers import cohere_errors
from providers.openai_other import FreePath, OpenAIFree
from providers.wire import Denial, Reply

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


class CohereFree(OpenAIFree):
    """The wire format of these paths: as OpenAI's, but for the shape of its errors."""

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Cohere's error object."""
        return cohere_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as a stream of Cohere's would end."""
        return cohere_errors.error_event(denial)


COHERE_FREE = CohereFree("cohere_free", FREE_PATHS)
