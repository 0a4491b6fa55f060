"""Claude at Vertex AI: `rawPredict` and `streamRawPredict` of `publishers/anthropic`.

Owns: which calls these are, and what is particular to them. Refuses to know: prices, budgets. The
body is Anthropic's (anthropic_hosted.py), and so is the answer (anthropic_meter.py).
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude

    /v1/projects/P/locations/L/publishers/anthropic/models/MODEL:rawPredict

Whether an answer is streamed the body says too, and the body counts. Other makers' models have
other bodies, and no prices in the catalogue: their paths are refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from providers import anthropic_errors, anthropic_hosted, jsonbody
from providers.anthropic_messages import ANTHROPIC_MESSAGES
from providers.anthropic_options import refuse_longer_window
from providers.claude_models import generation
from providers.repriced import at_tier
from providers.rewriting import written
from providers.vertex_regions import surcharge
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_PATH = re.compile(
    rf"/v1\w*/(?:projects/{_NAME}/locations/{_NAME}/)?publishers/anthropic/models"
    r"/(?P<model>[A-Za-z0-9][A-Za-z0-9._@-]{0,127}):(?P<method>rawPredict|streamRawPredict)"
)
# Its `rawPredict` only counts the tokens of a body, free of charge.
COUNTER = "count-tokens"


class VertexClaude:
    """The wire format; stateless, one instance."""

    name = "vertex_claude"

    def claims(self, call: Call) -> bool:
        """POST to one of the two methods of a model of Anthropic's."""
        found = _PATH.fullmatch(call.route) if call.method == "POST" else None
        return found is not None and found["model"] != COUNTER

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        found = _PATH.fullmatch(call.route)
        if found is None:
            raise LookupError(f"{call.path} is no method of a model")
        model, document = found["model"], jsonbody.parse_object(call.body)
        refuse_longer_window(model, document.get("anthropic_beta"))
        facts = anthropic_hosted.read(call, model, document, in_path=("model",))
        if generation(model) < (4, 5) and "cache_write_1h_tokens" not in facts.unbilled:
            # The catalogue has no price of it here for models before that.
            raise jsonbody.not_metered("A prompt cache for an hour with this model")
        dear = facts.service_tier if facts.premium_tier else None
        return replace(
            facts,
            endpoint=f"publishers/anthropic/models/*:{found['method']}",
            service_tier=dear or surcharge(call.host, call.route, model),
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        cap, asked = grant.output_tokens_cap, facts.output_tokens_cap
        is_lower = cap is not None and (asked is None or cap < asked)
        if not is_lower and grant.server_calls_max is None:
            return call.body
        document: dict[str, Any] = anthropic_hosted.with_grant(
            call, facts.model or "", facts.document, grant
        )
        return written(document)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter. Errors are always JSON."""
        return at_tier(ANTHROPIC_MESSAGES.meter(facts, status, content_type), facts.service_tier)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Anthropic's error object, which is what the SDK reads here too."""
        return anthropic_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as Anthropic's error event."""
        return anthropic_errors.error_event(denial)


VERTEX_CLAUDE = VertexClaude()
