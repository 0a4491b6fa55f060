"""The addresses of models at Google: the Gemini API's own, and those of Vertex AI.

Owns: which path names which model and method. Refuses to know: what a method costs.

    /v1beta/models/MODEL:METHOD                                         Gemini API
    /v1beta/tunedModels/MODEL:METHOD
    /v1/projects/P/locations/L/publishers/google/models/MODEL:METHOD    Vertex AI
    /v1/publishers/google/models/MODEL:METHOD                           the same, with an API key

Google adds versions freely (v1, v1beta, v1alpha, v1beta1), so each is taken. Names with escapes are
not taken: servers resolve them differently.
https://ai.google.dev/api#service-endpoint
https://cloud.google.com/vertex-ai/docs/reference/rest
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from providers.wire import Call

NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}"
_MODEL = re.compile(
    rf"/v1\w*/(?:(?:models|(?P<tuned>tunedModels))"
    rf"|(?:projects/{NAME}/locations/{NAME}/)?publishers/google/models"
    rf")/(?P<model>{NAME}):(?P<method>[A-Za-z]+)"
)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one model. A tuned one may be called as its owner likes, so that its name is no
    name of Google's: it keeps `tunedModels/` before it."""

    model: str
    method: str


def parse(call: Call) -> Route | None:
    """The model and method that a POST names, None if it names none."""
    match = _MODEL.fullmatch(call.route) if call.method == "POST" else None
    if match is None:
        return None
    name = match["model"]
    return Route(f"tunedModels/{name}" if match["tuned"] else name, match["method"])
