"""Makers of random Gemini calls, each with what the API's own rules make of it at the dearest.

Owns: the rules of counting, and tokenizers of the kind that Gemini has. Refuses to know: how
reserves and bills are compared (bounds.py).

Text is counted by vocabularies with byte fallback and no normalisation, as Gemma's published one
has it, trained here on very little, so that they have few long pieces; and by a large one.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import sentencepiece

from providers.gemini_input import PICTURE_TOKENS_MAX, THOUGHTS_TOKENS_MAX
from providers.wire import Call, Usage

Trial = tuple[Call, Usage]
Text = Callable[[random.Random, int], str]

# What the API adds around a turn and a function; measured counts are lower.
TURN, FUNCTION = 8, 16
WINDOW = 1_048_576
CORPUS = ["the ledger holds every call ", "ein Budget ist ein Budget, wörtlich", "f(x) = {1: 2}"]
MODELS = (
    *("gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-3.1-flash-lite"),
    *("gemini-2.5-flash", "gemini-2.5-pro", "gemini-4-argon"),
)
PICTURE = {"inlineData": {"mimeType": "image/png", "data": "A" * 400}}
SOUND = {"inlineData": {"mimeType": "audio/mp3", "data": "A" * 400}}
FILE = {"fileData": {"fileUri": "https://example.com/x"}}


@cache
def tokenizer(kind: str) -> sentencepiece.SentencePieceProcessor:
    """A small vocabulary; `kind` is bpe or unigram."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 30),
        model_writer=model,
        model_type=kind,
        vocab_size=300,
        hard_vocab_limit=False,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def counter(dice: random.Random, large: Callable[[str], int]) -> Callable[[str], int]:
    """How this trial's texts are counted."""
    kind = dice.choice(["bpe", "unigram", ""])
    if not kind:
        return large
    small = tokenizer(kind)
    return lambda said: len(small.encode(said))


def strings(value: Any) -> list[str]:
    """All texts in a JSON value, keys included."""
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in (key, *strings(each))]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


def as_array(dice: random.Random, text: Text, body: Any, large: Callable[[str], int]) -> Trial:
    """The same call, whose answer comes as one array of chunks."""
    call, usage = generate(dice, text, body, large)
    path = call.path.replace(":generateContent", ":streamGenerateContent")
    return replace(call, path=path), usage


def generate(dice: random.Random, text: Text, body: Any, large: Callable[[str], int]) -> Trial:
    """`generateContent`: texts, results, thoughts that come back, media, functions, candidates."""
    model, count = dice.choice(MODELS), counter(dice, large)
    contents, counted = [], 0
    for _ in range(dice.randrange(1, 6)):
        parts = [_part(dice, text(dice, 300)) for _ in range(dice.randrange(1, 4))]
        contents.append({"role": "user", "parts": parts})
        counted += TURN + sum(_tokens(dice, part, model, count) for part in parts)
    document: dict[str, Any] = {"contents": contents}
    if dice.random() < 0.3:
        declared = [
            {
                "name": f"tool_{number}",
                "description": text(dice, 100),
                "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
            }
            for number in range(dice.randrange(1, 5))
        ]
        document["tools"] = [{"functionDeclarations": declared}]
        counted += sum(FUNCTION + count(json.dumps(each, ensure_ascii=False)) for each in declared)
    options: dict[str, Any] = {}
    if dice.random() < 0.7:
        options[dice.choice(["maxOutputTokens", "max_output_tokens"])] = dice.randrange(1, 70_000)
    if (choices := dice.choice([1, 1, 1, 3])) > 1:
        options["candidateCount"] = choices
    if options:
        document[dice.choice(["generationConfig", "generation_config"])] = options
    path = f"/v1beta/models/{model}:generateContent"
    call = Call("google", "POST", path, "", {}, body(dice, document))
    return call, Usage({"input_tokens": min(counted, WINDOW), "output_tokens": -choices})


def enveloped(dice: random.Random, text: Text, body: Any, large: Callable[[str], int]) -> Trial:
    """The same call as Gemini CLI makes it on a log-in, whole or as a stream."""
    call, usage = generate(dice, text, body, large)
    model = call.path.rpartition("/")[2].partition(":")[0]
    # What the host calls a model of its own is counted and billed as the one that it means.
    named = "gemini-3-flash" if model == "gemini-3.8-flash" else model
    document = {"model": named, "project": "p", "request": json.loads(call.body)}
    document[dice.choice(["user_prompt_id", "userPromptId"])] = "u"
    if dice.random() < 0.5:
        document["request"]["session_id"] = "s"
    method, query = dice.choice([("generateContent", ""), ("streamGenerateContent", "alt=sse")])
    path, sent = f"/v1internal:{method}", body(dice, document)
    return Call("code-assist", "POST", path, query, {}, sent), usage


def embed(dice: random.Random, text: Text, body: Any, large: Callable[[str], int]) -> Trial:
    """`batchEmbedContents`: a few texts."""
    count = counter(dice, large)
    texts = [text(dice, 300) + "x" for _ in range(dice.randrange(1, 6))]
    requests = [{"content": {"parts": [{"text": each}]}} for each in texts]
    path = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    call = Call("google", "POST", path, "", {}, body(dice, {"requests": requests}))
    return call, Usage({"input_tokens": sum(map(count, texts))})


def _part(dice: random.Random, said: str) -> dict[str, Any]:
    if dice.random() < 0.1:
        return dice.choice([PICTURE, SOUND, FILE])
    return dice.choice(
        [
            {"text": said},
            {"functionResponse": {"name": "f", "response": {"result": said}}},
            {"functionCall": {"name": "f", "args": {"said": said}}},
            {"text": said, dice.choice(["thoughtSignature", "thought_signature"]): "AAAA"},
        ]
    )


def _tokens(
    dice: random.Random, part: dict[str, Any], model: str, count: Callable[[str], int]
) -> int:
    if part is SOUND or part is FILE or (part is PICTURE and "-2.5-" in model):
        return WINDOW
    if part is PICTURE:
        return dice.randrange(66, PICTURE_TOKENS_MAX + 1)
    shown = {key: value for key, value in part.items() if "ignature" not in key}
    counted = sum(map(count, strings(shown)))
    if shown != part:
        counted += WINDOW if "-4-" in model else dice.randrange(THOUGHTS_TOKENS_MAX + 1)
    return counted
