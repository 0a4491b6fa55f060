"""Gemini CLI on a Google log-in: `generateContent` in an envelope, at Code Assist.

    request   {"model": …, "project": …, "user_prompt_id": …, "request": {…, "session_id": …}}
    answer    {"response": {…}, "traceId": …}, whole or as each event of a stream

Owns: the envelopes, and the paths there that cost nothing. Refuses to know: what stands inside of
them (gemini_generate.py, gemini_meter.py); that the plan, and not this call, is what is paid: the
list price is booked as if.
Source: https://github.com/google-gemini/gemini-cli, packages/core/src/code_assist/server.ts and
converter.ts (what its client sends there, of version 0.61).

Fails closed as the API's own format does: fields of the envelope that are not known are refused,
and so are credits, which are money beside the plan and have no price in any catalogue. The CLI asks
for streams as events, and for nothing else; neither is anything else metered.

Errors have no envelope. The CLI shows their body once for each 4xx but 429. An event of an error
says nothing to it: an answer without the reason of its end is asked for anew, up to three times,
and it is that call which is denied with the reason.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from providers import gemini_errors, gemini_generate, jsonbody
from providers.gemini_generate import ONCE, STREAM
from providers.gemini_meter import Tally
from providers.gemini_other import GeminiFree
from providers.gemini_route import NAME, Route
from providers.openai_other import FreePath
from providers.protojson import Message, fields, folded
from providers.rewriting import written
from providers.wire import Call, Denial, Facts, Grant, Refused, Reply
from providers.wire_format import Meter

_PATH = re.compile(rf"/v1internal:({ONCE}|{STREAM})")
_MODEL = re.compile(NAME)
_ENVELOPE = fields("model", "project", "userPromptId", "request", "enabledCreditTypes")
_SESSION = folded("sessionId")

_PLAN, _WORDS = "tells of the log-in and its plan", "telemetry and settings cost nothing"
FREE_PATHS = (
    FreePath("POST", "/v1internal:countTokens", "counting is free of charge", ""),
    FreePath("POST", "/v1internal:loadCodeAssist", _PLAN, ""),
    FreePath("POST", "/v1internal:onboardUser", "ends the first log-in", ""),
    FreePath("POST", "/v1internal:retrieveUserQuota", _PLAN, ""),
    FreePath("POST", "/v1internal:listExperiments", _PLAN, ""),
    FreePath("POST", "/v1internal:fetchAdminControls", _PLAN, ""),
    FreePath("POST", "/v1internal:setCodeAssistGlobalUserSetting", _WORDS, ""),
    FreePath("POST", "/v1internal:recordCodeAssistMetrics", _WORDS, ""),
)

# What the host calls a model that the catalogue knows under another name: the CLI's own table
# (packages/core/src/config/models.ts, getBackendModelMappings).
MODELS = (("gemini-3-flash", "gemini-3.5-flash"),)


class EnvelopeTally(Tally):
    """What all chunks of an answer say together, each in its envelope."""

    def read(self, chunk: dict[str, Any]) -> bool:
        """Takes a chunk in; False where nothing in it is known."""
        response = chunk.get("response")
        return isinstance(response, dict) and super().read(response)


class CodeAssist:
    """The wire format; stateless, one instance."""

    name = "code_assist"

    def claims(self, call: Call) -> bool:
        """POST to one of the two methods."""
        return call.method == "POST" and _PATH.fullmatch(call.route) is not None

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed one, 403 for unmetered."""
        found = _PATH.fullmatch(call.route)
        if found is None:
            raise LookupError(f"{call.path} is not a method of Code Assist")
        method, document = found[1], jsonbody.parse_object(call.body)
        if method == STREAM and gemini_generate.alt(call) != "sse":
            raise jsonbody.not_metered("A stream without `alt=sse`")
        envelope = Message(document, "")
        for key in envelope.beyond(_ENVELOPE):
            raise jsonbody.not_metered(f"The field {key[:64]!r}")
        _refuse_credits(envelope)
        for name in ("project", "userPromptId"):
            envelope.text(name)
        model = envelope.text("model") or ""
        if not _MODEL.fullmatch(model):
            raise jsonbody.bad_request("`model` must be the plain name of a model.")
        facts = gemini_generate.facts_of(call, Route(model, method), _inner(envelope))
        return replace(facts, endpoint=call.route, document=document)

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        envelope = Message(facts.document, "")
        request = gemini_generate.capped(envelope.get("request"), facts, grant)
        if request is None:
            return call.body
        return written({**facts.document, envelope.spelling("request"): request})

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the shape that the answer says it has. Errors are always JSON."""
        return gemini_generate.meter_of(facts, status, content_type, tally=EnvelopeTally)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Google's error object."""
        return gemini_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as the last event of a stream."""
        return gemini_errors.error_event(denial)


CODE_ASSIST = CodeAssist()
CODE_ASSIST_FREE = GeminiFree(
    "code_assist_free", FREE_PATHS, lambda path: re.compile(re.escape(path.pattern) + r"\Z")
)


def _inner(envelope: Message) -> dict[str, Any]:
    """The request inside, without the name of the CLI's session; an empty one if there is none."""
    envelope.message("request")
    request: dict[str, Any] = envelope.get("request") or {}
    return {key: value for key, value in request.items() if folded(key) != _SESSION}


def _refuse_credits(envelope: Message) -> None:
    if not envelope.items("enabledCreditTypes"):
        return
    raise Refused(
        Denial(
            403,
            "not_metered",
            "AI credits are paid beside the plan, at a price that is not known here.",
            'Set "billing": {"overageStrategy": "never"} in the settings of Gemini CLI.',
        )
    )
