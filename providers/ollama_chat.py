"""Ollama's own API: `POST /api/chat` and `POST /api/generate`.

Owns: what such a request may use, the changes AEX makes to it, and how its answer is counted.
Refuses to know: prices, budgets.
https://docs.ollama.com/api/chat, https://docs.ollama.com/api/generate

Input. What the model's Modelfile adds (a system text, a template, turns) is not in the request, and
pictures are as many tokens as the model makes of them; all of it has to fit the context, and Ollama
cuts a longer prompt. So `options.num_ctx` bounds the input where the request sets it, else the
model's window does.

Output. `options.num_predict` is the cap; -1, -2 and 0 cap nothing. Thinking is under the same cap,
and streamed. Answers are streamed unless the request says otherwise. The last line tells what was
used; a prompt that was cached may have no count there, and then nothing is told.
"""

from __future__ import annotations

from typing import Any

from providers import jsonbody, ollama_errors, tokens
from providers.events import EventMeter, Told
from providers.fields import Row, extract
from providers.functions import count_functions
from providers.jsonanswer import JsonAnswer, string_bytes, text_field
from providers.lines import LineSplitter
from providers.rewriting import written
from providers.spelling import refuse_other_spellings
from providers.uses import IMAGE, of_tools
from providers.wire import Call, Denial, Facts, Grant, Reply, Usage
from providers.wire_format import Meter

CHAT, GENERATE = "/api/chat", "/api/generate"
LINE_TOKENS = 16
# Contexts smaller than this are taken as this.
CONTEXT_LEAST = 4

# https://docs.ollama.com/api/usage
USAGE = (
    Row("input_tokens", ("prompt_eval_count",), required=True),
    Row("output_tokens", ("eval_count",), required=True),
)
# An answer without text: the model was brought into memory, or out of it.
_NOTHING_DONE = ("load", "unload")
_PICTURE_OPTIONS = ("width", "height", "steps")


class OllamaChat:
    """The wire format; stateless, one instance."""

    name = "ollama_chat"

    def claims(self, call: Call) -> bool:
        """POST to one of the two paths."""
        return call.method == "POST" and call.route in (CHAT, GENERATE)

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused: 400 for a malformed body, 403 for pictures to draw."""
        document = jsonbody.parse_object(call.body)
        refuse_other_spellings(document)
        model = jsonbody.model_name(document)
        if any(document.get(key) is not None for key in _PICTURE_OPTIONS):
            raise jsonbody.not_metered("Drawing a picture")
        options = jsonbody.optional_object(document, "options")
        context = jsonbody.optional_count(options, "num_ctx")
        messages = jsonbody.optional_list(document, "messages")
        sent = tokens.request_tokens_max(
            call.body, messages=1 + len(messages), tools=count_functions(document)
        )
        sent += tokens.normal_form_bytes(document)
        return Facts(
            endpoint=call.route,
            kind="metered",
            model=model,
            stream=document.get("stream") is None or jsonbody.optional_bool(document, "stream"),
            input_tokens_max=sent if context is None else max(context, CONTEXT_LEAST),
            input_unseen=context is None,
            output_tokens_cap=_cap(options),
            usage_wanted=True,
            uses=of_tools(jsonbody.optional_list(document, "tools"), _media(document, messages)),
            document=document,
        )

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send; `call.body` itself where nothing changes. Caps are never raised."""
        cap, asked = grant.output_tokens_cap, facts.output_tokens_cap
        if cap is None or (asked is not None and asked <= cap):
            return call.body
        options = {**(facts.document.get("options") or {}), "num_predict": cap}
        document = {**facts.document, "options": options}
        return written(document)

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter of lines for a stream, else of one document. Errors are always one document."""
        if facts.stream and status < 400:
            return EventMeter(LineSplitter(), _told)
        return JsonAnswer(usage_of)

    def refuse(self, denial: Denial) -> Reply:
        """The denial as Ollama's error object."""
        return ollama_errors.refuse(denial)

    def error_event(self, denial: Denial) -> bytes:
        """The denial as the line that ends a stream."""
        return ollama_errors.error_line(denial)


OLLAMA_CHAT = OllamaChat()


def usage_of(document: dict[str, Any]) -> Usage | None:
    """What a whole answer, or the last line of a stream, says was used."""
    model = text_field(document, "model")
    if document.get("done_reason") in _NOTHING_DONE and "eval_count" not in document:
        return Usage({"input_tokens": 0, "output_tokens": 0}, model)
    counts = extract(USAGE, document)
    return None if counts is None else Usage(counts, model)


def _cap(options: dict[str, Any]) -> int | None:
    """https://docs.ollama.com/modelfile#valid-parameters-and-values"""
    cap = jsonbody.optional_count(options, "num_predict", least=-2)
    return cap if cap is not None and cap > 0 else None


def _media(document: dict[str, Any], messages: list[Any]) -> tuple[str, ...]:
    holders = [document, *(each for each in messages if isinstance(each, dict))]
    return (IMAGE,) if any(each.get("images") for each in holders) else ()


def _told(line: dict[str, Any]) -> Told:
    delivered = [line.get(key) for key in ("message", "response", "thinking")]
    bound = string_bytes(delivered)
    if line.get("done") is True:
        return Told(bound, ends=True, usage=usage_of(line))
    return Told(LINE_TOKENS + bound)
