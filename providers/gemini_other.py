"""Paths of the Gemini API and of Vertex AI that are known to cost nothing, and pass untouched.

Owns: the table. Refuses to know: what the bodies hold; they are neither parsed nor kept.
Addresses in the table follow https://ai.google.dev/api/

What is not here is refused by the caller as not metered. So nothing stands here that starts work
(batches, tuning, films, Live sessions and the tokens for them), that stores for a fee (cached
content cost by the hour, so none is made or kept longer; stores that are searched cost by what is
put in), or that deletes what only an operator should.
"""

from __future__ import annotations

import re

from providers import gemini_errors
from providers.openai_other import FreePath, OpenAIFree
from providers.wire import Denial, Reply

_READ = "reads what exists"
_FILES = "files cost nothing to store"
_VERTEX = "/v1/projects/{id}/locations/{id}"

FREE_PATHS = (
    FreePath("GET", "/v1/models", _READ, "models#method:-models.list"),
    FreePath("GET", "/v1/models/{id}", _READ, "models#method:-models.get"),
    FreePath("POST", "/v1/models/{id}:countTokens", "counting is free of charge", "tokens"),
    FreePath("GET", "/v1/models/{id}/operations", _READ, "models"),
    FreePath("GET", "/v1/models/{id}/operations/{id}", _READ, "models"),
    FreePath("GET", "/v1/tunedModels", _READ, "tuning"),
    FreePath("GET", "/v1/tunedModels/{id}", _READ, "tuning"),
    FreePath("GET", "/v1/operations/{id}", _READ, "models"),
    FreePath("GET POST", "/v1/files", _FILES, "files"),
    FreePath("POST PUT", "/upload/v1/files", _FILES, "files#method:-media.upload"),
    FreePath("GET DELETE", "/v1/files/{id}", _FILES, "files#method:-files.get"),
    FreePath("GET", "/v1/files/{id}:download", _FILES, "files"),
    FreePath("GET", "/v1/cachedContents", _READ, "caching#method:-cachedcontents.list"),
    FreePath("GET DELETE", "/v1/cachedContents/{id}", "reads or frees", "caching"),
    FreePath("GET", "/v1/batches", _READ, "batch-api"),
    FreePath("GET", "/v1/batches/{id}", _READ, "batch-api"),
    FreePath("POST", "/v1/batches/{id}:cancel", "ends work", "batch-api"),
    FreePath("GET", "/v1/fileSearchStores", _READ, "file-search/file-search-stores"),
    FreePath("GET", "/v1/fileSearchStores/{id}", _READ, "file-search/file-search-stores"),
    FreePath("GET", "/v1/fileSearchStores/{id}/documents", _READ, "file-search/documents"),
    FreePath("GET", "/v1/fileSearchStores/{id}/documents/{id}", _READ, "file-search/documents"),
    # https://cloud.google.com/vertex-ai/docs/reference/rest
    FreePath("GET", "/v1/publishers/google/models", _READ, ""),
    FreePath("GET", "/v1/publishers/google/models/{id}", _READ, ""),
    FreePath("POST", "/v1/publishers/google/models/{id}:countTokens", "counting is free", ""),
    FreePath("POST", f"{_VERTEX}/publishers/google/models/{{id}}:countTokens", "is free", ""),
    FreePath(
        "POST", f"{_VERTEX}/publishers/anthropic/models/count-tokens:rawPredict", "is free", ""
    ),
    FreePath("GET", f"{_VERTEX}/cachedContents", _READ, ""),
    FreePath("GET DELETE", f"{_VERTEX}/cachedContents/{{id}}", "reads or frees", ""),
)

# One segment of plain characters: no escapes, no dots alone, and no colon, which begins a method.
_SEGMENT = r"(?!\.+(?:/|:|$))[A-Za-z0-9_.@-]{1,256}"


def _compiled(path: FreePath) -> re.Pattern[str]:
    pattern = re.escape(path.pattern).replace(r"\{id\}", _SEGMENT)
    return re.compile(pattern.replace("/v1/", r"/v1\w*/", 1) + r"\Z")


class GeminiFree(OpenAIFree):
    """The wire format of these paths: as OpenAI's, but for the shape of its errors."""

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Google's error object."""
        return gemini_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Google's error event."""
        return gemini_errors.error_event(denial)


GEMINI_FREE = GeminiFree("gemini_free", FREE_PATHS, _compiled)
