"""Mistral's fill-in-the-middle: the `POST /v1/fim/completions` wire format.

Owns: what such a request may cost, and the cap that AEX writes into it.
Refuses to know: prices, budgets. It is answered as a chat is (openai_chat_meter.py).
Request: https://docs.mistral.ai/api/#tag/fim/operation/fim_completion_v1_fim_completions_post

What is before the gap and what is after it are two texts, framed by a few tokens and nothing else.
Usage comes by itself in the last chunk of a stream. Options that are not known here are refused.
"""

from __future__ import annotations

from providers import jsonbody, openai_errors, tokens
from providers.media_type import is_stream
from providers.openai_chat_meter import JsonMeter, StreamMeter
from providers.openai_dialects import MISTRAL
from providers.rewriting import written
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Grant, Reply
from providers.wire_format import Meter

PATH = "/v1/fim/completions"

_OPTIONS = frozenset(
    (
        *("max_tokens", "metadata", "min_tokens", "model", "prompt", "prompt_cache_key"),
        *("random_seed", "stop", "stream", "suffix", "temperature", "top_p"),
    )
)


class MistralFim:
    """The wire format; stateless, one instance."""

    name = "mistral_fim"

    def claims(self, call: Call) -> bool:
        """POST to the one path."""
        return call.method == "POST" and call.route == PATH

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for unmetered."""
        document = jsonbody.parse_object(call.body)
        model = jsonbody.model_name(document)
        jsonbody.refuse_unknown(document, _OPTIONS)
        if not isinstance(document.get("prompt"), str):
            raise jsonbody.bad_request("`prompt` must be text.")
        jsonbody.optional_string(document, "suffix")
        bound = tokens.request_tokens_max(call.body, messages=2)
        return Facts(
            endpoint=PATH,
            kind="metered",
            uses=TEXT,
            model=model,
            stream=jsonbody.optional_bool(document, "stream"),
            input_tokens_max=bound + tokens.normal_form_bytes(document),
            output_tokens_cap=jsonbody.optional_count(document, "max_tokens", least=0),
            # The answer is the text of the gap; nothing here could think unseen.
            hidden_output=False,
            usage_wanted=True,
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body with the cap in it; `call.body` itself where nothing changes."""
        cap, asked = grant.output_tokens_cap, facts.output_tokens_cap
        if cap is None or (asked is not None and asked <= cap):
            return call.body
        document = {**facts.document, "max_tokens": cap}
        return written(document)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A stream meter for an event stream, else a JSON meter. Errors are always JSON."""
        if is_stream(facts, status, content_type):
            return StreamMeter(hide_usage=False, shape=MISTRAL.usage)
        return JsonMeter(MISTRAL.usage)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as OpenAI's error object."""
        return openai_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as OpenAI's error event."""
        return openai_errors.error_event(denial)


MISTRAL_FIM = MistralFim()
