"""Chat Completions at Vertex AI: `endpoints/openapi/chat/completions` of a location.

Owns: the path, the names of models there, the prices of a location. Refuses to know: messages,
options, answers: they are those of the Gemini API's own Chat Completions (openai_dialects.py).
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/openai

Models are named with their maker. Only Google's are metered, for the catalogue has no prices of
the others here.
"""

from __future__ import annotations

import re
from dataclasses import replace

from providers import jsonbody
from providers.openai_chat import OpenAIChat
from providers.openai_dialects import GOOGLE
from providers.repriced import at_tier
from providers.vertex_regions import surcharge
from providers.wire import Call, Facts
from providers.wire_format import Meter

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_PATH = re.compile(rf"/v1\w*/projects/{_NAME}/locations/{_NAME}/endpoints/openapi/chat/completions")
_GOOGLES = "google/"
_TEXT_MODEL = re.compile(rf"{_GOOGLES}gemini-")


class VertexChat(OpenAIChat):
    """The wire format; stateless, one instance."""

    def claims(self, call: Call) -> bool:
        """POST to that path."""
        return call.method == "POST" and bool(_PATH.fullmatch(call.route))

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        facts = super().read(call)
        model = facts.model or ""
        if not _TEXT_MODEL.match(model):
            raise jsonbody.not_metered(f"Any model but `{_GOOGLES}gemini-…` at this endpoint")
        model = model.removeprefix(_GOOGLES)
        return replace(facts, model=model, service_tier=surcharge(call.host, call.route, model))

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter. Errors are always JSON."""
        return at_tier(super().meter(facts, status, content_type), facts.service_tier)


VERTEX_CHAT = VertexChat(replace(GOOGLE, name="vertex"))
