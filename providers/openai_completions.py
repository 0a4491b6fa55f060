"""OpenAI Completions, the oldest of its APIs: the `POST /v1/completions` wire format.

Owns: what such a request may cost, and the changes AEX makes to it.
Refuses to know: prices, budgets. The answer is counted as a chat's is (openai_chat_meter.py).
Request: https://platform.openai.com/docs/api-reference/completions/create

A prompt is text, or tokens as numbers: each takes more bytes than it is tokens. Several prompts are
each answered `n` times, out of `best_of` that are all billed. Without a cap the answer has 16
tokens. `echo` is refused: whether what it repeats is billed again is not documented.
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody, openai_errors, openai_tiers, tokens
from providers.media_type import is_stream
from providers.openai_chat_meter import JsonMeter, StreamMeter
from providers.rewriting import changed
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v1/completions"
MAX_PROMPTS = 100_000
MAX_CHOICES = 128
DEFAULT_CAP = 16


class OpenAICompletions:
    """The wire format; stateless, one instance."""

    name = "openai_completions"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        if jsonbody.optional_bool(document, "echo"):
            raise jsonbody.not_metered("Repeating the prompt (`echo`)")
        openai_tiers.read_tier(document, openai_tiers.STANDARD)
        prompts = _count_prompts(document.get("prompt"))
        counts = [jsonbody.optional_count(document, key, most=MAX_CHOICES) for key in _CHOICES]
        cap = jsonbody.optional_count(document, "max_tokens", least=0)
        stream_options = jsonbody.optional_object(document, "stream_options")
        return Facts(
            endpoint=PATH,
            kind="metered",
            uses=TEXT,
            model=model,
            stream=jsonbody.optional_bool(document, "stream"),
            input_tokens_max=tokens.request_tokens_max(call.body, messages=prompts),
            output_tokens_cap=DEFAULT_CAP if cap is None else cap,
            choices=prompts * max(count or 1 for count in counts),
            usage_wanted=stream_options.get("include_usage") is True,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        changes: dict[str, Any] = {}
        cap = grant.output_tokens_cap
        if cap is not None and cap < (facts.output_tokens_cap or 0):
            changes["max_tokens"] = cap
        if facts.stream and not facts.usage_wanted:
            old = facts.document.get("stream_options") or {}
            changes["stream_options"] = {**old, "include_usage": True}
        return changed(call.body, facts.document, changes)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter. Errors are always JSON."""
        if is_stream(facts, status, content_type):
            return StreamMeter(hide_usage=facts.stream and not facts.usage_wanted)
        return JsonMeter()

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)


OPENAI_COMPLETIONS = OpenAICompletions()

_CHOICES = ("n", "best_of")


def _count_prompts(prompt: Any) -> int:
    """How many prompts there are: a text or a list of tokens is one. Raises Refused (400)."""
    if prompt is None or isinstance(prompt, str):
        return 1
    if isinstance(prompt, list) and 0 < len(prompt) <= MAX_PROMPTS:
        if all(type(item) is int for item in prompt):
            return 1
        if all(isinstance(item, str | list) for item in prompt):
            return len(prompt)
    raise jsonbody.bad_request("`prompt` must be text, or a list of texts or of tokens.")
