"""Reserve against bill for random requests: what a provider would bill at the most, by an oracle.

Owns: a maker of random calls per format, each with the usage that a real tokenizer makes of it and
an output that uses up the cap; and the comparison with the reserve.
Refuses to know: fixed cases (each format's own test file).

    python -m tests.providers.bounds FOLDER TRIALS SEED [FORMAT …]      JSON: what was counted

A maker is given dice and gives a call and the usage, or a batch of such; a new format adds its own.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import bpe_openai  # type: ignore[import-untyped]

from providers.price import Price, Quote, reserve
from providers.prices import PriceBook
from providers.registry import FORMATS
from providers.subscriptions import SUBSCRIPTIONS
from providers.wire import Call, Usage
from tests.providers import (
    bounds_anthropic,
    bounds_audio,
    bounds_batches,
    bounds_bedrock,
    bounds_cohere,
    bounds_gemini,
    bounds_hosts,
    bounds_images,
    bounds_mistral,
    bounds_ollama,
    bounds_responses,
)
from tests.providers.catalogue import AT

Trial = tuple[Call, Usage]
Maker = Callable[[random.Random], Trial]
Batch = bounds_batches.Batch

# What must stay 0, and in how fine steps the ratio of reserve to bill is counted.
BAD = ("below",)
STEPS = 20

_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz      ",
    ["the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "with", "was", "on", "be"],
    "äöüßéèçñøåæłžšč ",
    "日本語の文章は漢字と仮名でできている。",
    "🎉🚀👨‍👩‍👧‍👦🇨🇭✨",
    '{}[]",:\\/<>=+-*()0123456789\n\t',
    [chr(point) for point in range(0x20, 0x2000, 37)],
)


@cache
def _encoding() -> Any:
    return bpe_openai.get_encoding("o200k_base")


def tokens(text: str) -> int:
    """How many tokens OpenAI's newest public vocabulary makes of a text."""
    return len(_encoding().encode_ordinary(text))


def text(dice: random.Random, most: int = 400) -> str:
    """Words, code, accents, ideographs or pictures in signs; sometimes all of them."""
    letters = dice.choice(_ALPHABETS)
    size = dice.randrange(most)
    joint = " " if isinstance(letters, list) and len(letters) < 20 else ""
    made = joint.join(dice.choice(letters) for _ in range(size))
    return made + (text(dice, most // 2) if most > 1 and dice.random() < 0.2 else "")


def body(dice: random.Random, document: dict[str, Any]) -> bytes:
    """JSON as clients write it: compact or spaced, escaped or not."""
    separators = dice.choice([(",", ":"), (", ", ": ")])
    plain = dice.random() < 0.5
    return json.dumps(document, ensure_ascii=plain, separators=separators).encode()


def schema(dice: random.Random, depth: int = 2) -> dict[str, Any]:
    """A JSON schema of an object, as tools have them."""
    properties: dict[str, Any] = {}
    for _ in range(dice.randrange(1, 5)):
        name = f"field_{dice.randrange(1000)}"
        if depth and dice.random() < 0.3:
            properties[name] = schema(dice, depth - 1)
        else:
            kind = dice.choice(["string", "integer", "number", "boolean"])
            properties[name] = {"type": kind, "description": text(dice, 60)}
    return {"type": "object", "properties": properties, "required": list(properties)}


def chat(dice: random.Random) -> Trial:
    """Chat Completions: messages, names, tools, several choices, a cap or none."""
    model = dice.choice(["gpt-4o-mini", "gpt-4o", "gpt-4.1", "gpt-5-mini", "o3"])
    roles = ["system", "user", "assistant", "user"]
    messages = [{"role": dice.choice(roles), "content": text(dice)} for _ in range(8)]
    messages = messages[: dice.randrange(1, 9)]
    document: dict[str, Any] = {"model": model, "messages": messages}
    counted = 3 + sum(4 + tokens(message["content"]) for message in messages)
    if dice.random() < 0.3:
        tools = [
            {
                "type": "function",
                "function": {
                    "name": f"tool_{number}",
                    "description": text(dice, 100),
                    "parameters": schema(dice),
                },
            }
            for number in range(dice.randrange(1, 5))
        ]
        document["tools"] = tools
        # What the provider makes of a schema is shorter than the schema itself, and framed.
        counted += 12 + sum(8 + tokens(json.dumps(tool["function"])) for tool in tools)
    cap = dice.choice([None, dice.randrange(1, 5000)])
    choices = dice.choice([1, 1, 1, 3])
    if cap is not None:
        document[dice.choice(["max_tokens", "max_completion_tokens"])] = cap
    if choices > 1:
        document["n"] = choices
    call = Call("openai", "POST", "/v1/chat/completions", "", {}, body(dice, document))
    return call, Usage({"input_tokens": counted, "output_tokens": -choices})


def embeddings(dice: random.Random) -> Trial:
    """Embeddings: one text, several, or ready tokens."""
    model = dice.choice(["text-embedding-3-small", "text-embedding-3-large"])
    texts = [text(dice) + "x" for _ in range(dice.randrange(1, 6))]
    given: Any = texts[0] if len(texts) == 1 else texts
    counted = sum(map(tokens, texts))
    if dice.random() < 0.2:
        given = [dice.randrange(100_000) for _ in range(dice.randrange(1, 200))]
        counted = len(given)
    document = {"model": model, "input": given}
    call = Call("openai", "POST", "/v1/embeddings", "", {}, body(dice, document))
    return call, Usage({"input_tokens": counted})


def hosted(dice: random.Random) -> Trial:
    """Chat Completions at a host of open models, with the one that has OpenAI's vocabulary."""
    return at_groq(dice, *chat(dice))


def hosted_responses(dice: random.Random) -> Trial:
    """Responses there, without the tiers that OpenAI has."""
    return at_groq(dice, *bounds_responses.responses(dice, text, body, tokens, schema))


def at_groq(dice: random.Random, call: Call, usage: Usage) -> Trial:
    """The same call to a model with OpenAI's vocabulary at a host of open models."""
    document = {**json.loads(call.body), "model": "openai/gpt-oss-120b"}
    document.pop("service_tier", None)
    # What its chat template puts before a conversation is shorter than this.
    counts = {**usage.counts, "input_tokens": usage.counts["input_tokens"] + 100}
    path = f"/openai{call.path}"
    moved = Call("groq", "POST", path, "", {}, body(dice, document), canonical=call.path)
    return moved, Usage(counts)


def spoken(dice: random.Random) -> Trial:
    """Chat Completions, some of them with sound."""
    return AUDIO.chat(dice) if dice.random() < 0.2 else chat(dice)


AUDIO = bounds_audio.Audio(text, tokens)
_SINGLE: dict[str, Maker] = {
    "openai_chat": spoken,
    "openai_embeddings": embeddings,
    "openai_images": lambda dice: bounds_images.images(dice, text, body, tokens),
    "openai_images_edit": lambda dice: bounds_images.edits(dice, text, body, tokens),
    "gemini_generate": lambda dice: bounds_gemini.generate(dice, text, body, tokens),
    "code_assist": lambda dice: bounds_gemini.enveloped(dice, text, body, tokens),
    "gemini_embed": lambda dice: bounds_gemini.embed(dice, text, body, tokens),
    "anthropic_messages": lambda dice: bounds_anthropic.messages(dice, text, body, tokens, schema),
    "vertex_claude": lambda dice: bounds_anthropic.at_vertex(dice, text, body, tokens, schema),
    "bedrock_converse": lambda dice: bounds_bedrock.converse(dice, text, body, tokens, schema),
    "groq_chat": hosted,
    "groq_responses": hosted_responses,
    "openai_responses": lambda dice: bounds_responses.responses(dice, text, body, tokens, schema),
    "openai_completions": lambda dice: bounds_responses.completions(dice, text, body, tokens),
    "gemini_array": lambda dice: bounds_gemini.as_array(dice, text, body, tokens),
    "bedrock_invoke": lambda dice: bounds_anthropic.at_bedrock(dice, text, body, tokens, schema),
    **bounds_hosts.makers(
        body,
        chat,
        lambda dice: bounds_responses.responses(dice, text, body, tokens, schema),
        embeddings,
    ),
    **AUDIO.makers(),
    **bounds_cohere.Cohere(text, body, schema, tokens).makers(),
    **bounds_ollama.Ollama(text, body, tokens).makers(),
    **bounds_mistral.Mistral(text, body, tokens).makers(),
}

MAKERS: dict[str, Maker | bounds_batches.BatchMaker] = {
    **_SINGLE,
    **bounds_batches.makers(_SINGLE),
}

_BOOK = PriceBook(
    {**bounds_ollama.PRICES, **bounds_cohere.PRICES, **bounds_hosts.prices()}, SUBSCRIPTIONS
)
_FORMATS = {wire_format.name: wire_format for wire_format in FORMATS}


def used_up(trial: Trial, name: str) -> tuple[Usage, Quote, Price]:
    """The usage of a call that takes all it may, and what it was bounded by; an output of -n is n
    answers that use up the cap."""
    call, usage = trial
    facts = _FORMATS[name].read(call)
    price = _BOOK.price(call.provider, facts.model or "", AT)
    quote = price.quote(facts)
    counts = dict(usage.counts)
    if "input_tokens" in counts:
        counts["input_tokens"] = min(counts["input_tokens"], price.input_window or 10**9)
    if counts.get("output_tokens", 0) < 0:
        counts["output_tokens"] = -counts["output_tokens"] * quote.output_tokens_cap
    if counts.get("output_audio_tokens", 0) < 0:
        counts["output_audio_tokens"] = counts["output_tokens"]
    return Usage(counts, usage.model, usage.service_tier), quote, price


def held(trial: Trial | Batch, name: str) -> tuple[int, int]:
    """(reserve, bill) in nano-dollars."""
    if isinstance(trial, Batch):
        return bounds_batches.held(trial, name, _BOOK, AT, lambda *one: used_up(*one)[0])
    usage, quote, price = used_up(trial, name)
    return reserve(quote, quote.output_tokens_cap), price.bill(usage)


def measure(name: str, trials: int, seed: int) -> Counter[str]:
    """How often a reserve was below its bill, and how the ratios are spread."""
    dice, found = random.Random(f"{name} {seed}"), Counter[str]()
    for _ in range(trials):
        reserved, bill = held(MAKERS[name](dice), name)
        found["acknowledged"] += 1
        found["below"] += reserved < bill
        if bill:
            found[f"{name} {reserved * STEPS // bill}"] += 1
    return found


def median(found: Counter[str], name: str) -> float:
    """The middle ratio of reserve to bill, to a twentieth."""
    steps = sorted(
        (int(key.split()[1]), n) for key, n in found.items() if key.startswith(f"{name} ")
    )
    half, seen = sum(n for _, n in steps) / 2, 0
    for step, n in steps:
        seen += n
        if seen >= half:
            return step / STEPS
    raise ValueError(f"nothing of {name} was measured")


def main(trials: int, seed: int, names: Sequence[str] = ()) -> Counter[str]:
    """All formats, or those named, `trials` each."""
    total = Counter[str]()
    for name in names or MAKERS:
        total += measure(name, trials, seed)
    return total


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])) + "\n")
