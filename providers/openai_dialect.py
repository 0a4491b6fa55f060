"""How a host's Chat Completions may differ from OpenAI's, and what of a request it may not hold.

Owns: the shape of a dialect, and the refusal of options that could cost what is not metered.
Refuses to know: any one host (openai_dialects.py), messages, answers.

OpenAI's own options are known, so those that cost are listed and the others pass. A compatible host
adds options of its own, some of which start searches, tools or dearer models; so there the list is
of what passes, and whatever is not on it is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from providers import jsonbody
from providers.openai_usage import OPENAI_USAGE, UsageShape
from providers.spelling import refuse_other_spellings

# Billed for what the usage object does not show, or for tokens that the caps do not hold.
COSTLY = MappingProxyType(
    {
        "web_search_options": "Web search",
        "prediction": "Predicted output",
        "audio": "Audio output",
    }
)
# https://platform.openai.com/docs/api-reference/chat/create, and what open models' servers add.
# They shape the answer, but its tokens stay within the cap and the prompt's within the body.
HARMLESS = frozenset(
    (
        *("model", "messages", "n", "stop", "seed", "user", "metadata", "store", "modalities"),
        *("stream", "stream_options", "service_tier", "max_tokens", "max_completion_tokens"),
        *("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty"),
        *("repetition_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format"),
        *("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"),
        *("reasoning_effort", "verbosity", "safety_identifier", "prompt_cache_key"),
    )
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One host's way of Chat Completions.

    name:            the host's, and the format's as `<name>_chat`.
    caps:            options that cap the output, as the host heeds them; the first is written where
                     a request has none. One that it does not heed bounds nothing.
    with_cap:        what is written beside a cap that AEX sets, unless the request says otherwise.
    asks_usage:      a stream tells its usage only if asked to; else it tells it by itself.
    usage:           how it states usage.
    options:         the options that pass; None: all that are not in `refused`.
    refused:         options that cost, and what they are.
    only:            options that pass with these values alone; a dot leads into an object.
    models_refused:  models whose cost a request does not bound, by name.
    tool_types:      types of tools that the client runs itself; None: all are.
    text_parts:      kinds of content that are text.
    bounds_pictures: OpenAI's bounds on pictures hold; else the model's window is the bound.
    hears:           sound is metered, as OpenAI takes and makes it.
    byte_level:      every vocabulary is one over bytes; see tokens.py.
    preamble_tokens: what chat templates may put before a conversation by themselves.
    searches:        its models search the web by themselves, whatever a request says.
    lax_keys:        it may read a key in another case as the one that is meant.
    many_sellers:    it chooses among sellers of a model, and heeds a limit on their prices.
    premium_tiers:   service tiers that need a price of their own.
    """

    name: str
    caps: tuple[str, ...] = ("max_completion_tokens", "max_tokens")
    with_cap: Mapping[str, Any] = field(default_factory=dict)
    asks_usage: bool = True
    usage: UsageShape = OPENAI_USAGE
    options: frozenset[str] | None = None
    refused: Mapping[str, str] = COSTLY
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    models_refused: re.Pattern[str] | None = None
    tool_types: tuple[str, ...] | None = ("function", "custom")
    text_parts: tuple[str, ...] = ("text", "refusal")
    bounds_pictures: bool = False
    hears: bool = False
    byte_level: bool = False
    preamble_tokens: int = 0
    searches: bool = False
    lax_keys: bool = False
    many_sellers: bool = False
    premium_tiers: tuple[str, ...] = ()

    def refuse_unmetered(self, document: dict[str, Any], model: str) -> None:
        """Raises Refused (403) for a model or an option whose cost has no bound here."""
        self.refuse_model(model)
        if self.lax_keys:
            refuse_other_spellings(document)
        for key, value in document.items():
            if value is None:
                continue
            if key in self.refused:
                raise jsonbody.not_metered(f"{self.refused[key]} (`{key}`)")
            if self.options is not None and key not in self.options:
                shown = f" (`{key}`)" if _NAME.fullmatch(key) else ""
                raise jsonbody.not_metered(f"An option that AEX does not know at this host{shown}")
        self.refuse_values(document)
        known = ("text", "audio") if self.hears else ("text",)
        if any(kind not in known for kind in jsonbody.optional_list(document, "modalities")):
            raise jsonbody.not_metered("Output other than text (`modalities`)")

    def refuse_model(self, model: str) -> None:
        """Raises Refused (403) for a model whose cost a request does not bound."""
        if self.models_refused and self.models_refused.search(model):
            raise jsonbody.not_metered("A model that searches, runs tools or makes media by itself")

    def refuse_values(self, document: dict[str, Any]) -> None:
        """Raises Refused (403) for an option that passes with other values alone."""
        for path, allowed in self.only.items():
            value = _at(document, path)
            if value is not None and value not in allowed:
                raise jsonbody.not_metered(f"This value of `{path}`")


def _at(document: dict[str, Any], path: str) -> Any:
    """The value there, None if nothing is."""
    value: Any = document
    for key in path.split("."):
        if not isinstance(value, dict):
            # An object was expected; the host may make of this what it likes.
            return value
        value = value.get(key)
    return value
