"""Bodies of InvokeModel by the maker of the model: which keys there are, where the cap stands.

Owns: one row for each kind of body that is a flat text prompt. Refuses to know: prices, answers.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html (one page per maker)

Conversations in the form of Converse (Amazon Nova) and of Anthropic's Messages (Claude) are read
by those formats. What has no row is refused: bodies that are not known, models that make pictures,
sounds or films, and those whose answers do not tell what they used (AI21, Cohere); most of them
can be reached by Converse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from providers import jsonbody
from providers.fields import Row

MAX_MESSAGES = 100_000


@dataclass(frozen=True, slots=True)
class Family:
    """Models whose body is a prompt.

    keys:   all that the body may hold.
    cap:    where the output cap stands, () where the model answers with numbers.
    usage:  where the whole answer tells its usage, if its body does.
    chat:   the prompt is a list of `messages`, with `tools` perhaps.
    """

    pattern: re.Pattern[str]
    keys: frozenset[str]
    cap: tuple[str, ...]
    usage: tuple[Row, ...] = ()
    chat: bool = False


def _family(
    pattern: str,
    keys: str,
    cap: tuple[str, ...],
    usage: Sequence[Row] = (),
    chat: bool = False,
) -> Family:
    named = rf"(?:[a-z-]+\.)?{pattern}"
    return Family(re.compile(named), frozenset(keys.split()), cap, tuple(usage), chat)


def _counts(given: tuple[str, ...], made: tuple[str, ...] | None) -> tuple[Row, ...]:
    first = Row("input_tokens", given, required=True)
    return (first,) if made is None else (first, Row("output_tokens", made, required=True))


# First match wins.
_FAMILIES = (
    _family(
        r"amazon\.titan-text-",
        "inputText textGenerationConfig",
        ("textGenerationConfig", "maxTokenCount"),
    ),
    _family(
        r"amazon\.titan-embed-text-",
        "inputText dimensions normalize embeddingTypes",
        (),
        _counts(("inputTextTokenCount",), None),
    ),
    _family(
        r"meta\.llama[34]-?",
        "prompt temperature top_p max_gen_len",
        ("max_gen_len",),
        _counts(("prompt_token_count",), ("generation_token_count",)),
    ),
    _family(
        r"mistral\.(?:mistral-7b|mixtral|mistral-small-2402|mistral-large-2402)",
        "prompt max_tokens stop temperature top_p top_k",
        ("max_tokens",),
    ),
    _family(
        r"mistral\.",
        "messages max_tokens temperature top_p stop random_seed safe_prompt tools tool_choice",
        ("max_tokens",),
        _counts(("usage", "prompt_tokens"), ("usage", "completion_tokens")),
        chat=True,
    ),
)


def family_of(model: str) -> Family | None:
    """The row of a model; None where its body is not a prompt, or not known."""
    return next((row for row in _FAMILIES if row.pattern.match(model)), None)


def read_cap(family: Family, document: dict[str, Any]) -> int | None:
    """The output cap, None where the body sets none. Raises Refused (400)."""
    if not family.cap:
        return None
    *outer, last = family.cap
    for key in outer:
        document = jsonbody.optional_object(document, key)
    return jsonbody.optional_count(document, last)


def with_cap(path: tuple[str, ...], document: dict[str, Any], cap: int) -> dict[str, Any]:
    """The document with this cap in its place."""
    first, *rest = path
    if not rest:
        return {**document, first: cap}
    inner = jsonbody.optional_object(document, first)
    return {**document, first: with_cap(tuple(rest), inner, cap)}


def read_chat(document: dict[str, Any]) -> tuple[int, int, int]:
    """Messages, parts of content and tools. Raises Refused for parts that are not text."""
    messages = document.get("messages")
    if not isinstance(messages, list) or not 0 < len(messages) <= MAX_MESSAGES:
        raise jsonbody.bad_request("`messages` must be a non-empty list.")
    parts = 0
    for message in messages:
        if not isinstance(message, dict):
            raise jsonbody.bad_request("Each of `messages` must be an object.")
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict) or part.get("type") != "text":
                raise jsonbody.not_metered("Content other than text, but through Converse,")
            parts += 1
        parts += len(jsonbody.optional_list(message, "tool_calls"))
    return len(messages), parts, len(jsonbody.optional_list(document, "tools"))
