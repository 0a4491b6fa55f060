"""Endpoints that embed text: their input alone is billed, and their answer is one JSON document.

Owns: what such a call may cost, whatever its body looks like. Refuses to know: any one API.

A text that is too long is cut or refused by those that serve it, so its own length still bounds
it; its model may have any of the vocabularies of tokens.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers import jsonbody, tokens
from providers.jsonanswer import JsonAnswer
from providers.spelling import refuse_other_spellings
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter


@dataclass(eq=False, slots=True)
class Embedding:
    """A wire format; stateless, one instance for each API.

    paths:       those that it claims, by POST.
    texts:       what a body embeds; raises Refused (400, 403).
    told:        the usage that an answer states, or None.
    refuse:      a denial in the API's own shape.
    error_event: the same as a stream would end, though none is streamed.
    """

    name: str
    paths: tuple[str, ...]
    texts: Callable[[str, dict[str, Any]], list[str]]
    told: Callable[[dict[str, Any]], Usage | None]
    refuse: Callable[[Denial], Reply]
    error_event: Callable[[Denial], bytes]

    def claims(self, call: Call) -> bool:
        """POST to one of its paths."""
        return call.method == "POST" and call.route in self.paths

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for what is no text."""
        document = jsonbody.parse_object(call.body)
        refuse_other_spellings(document)
        model = jsonbody.model_name(document)
        return Facts(
            endpoint=call.route,
            kind="metered",
            uses=TEXT,
            model=model,
            input_tokens_max=tokens.any_vocabulary_max(self.texts(call.route, document)),
            has_output=False,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """`call.body` itself: there is no output to cap."""
        return call.body

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the JSON answer."""
        return JsonAnswer(self.told, has_output=False)
