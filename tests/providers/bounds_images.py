"""A maker of random pictures, each with what its published size in tokens costs.

Owns: how pictures are billed. Refuses to know: how reserves and bills are compared (bounds.py).
https://platform.openai.com/docs/guides/image-generation#calculating-costs
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

from providers.wire import Call, Usage
from tests.providers.forms import form

Trial = tuple[Call, Usage]

# Of text, with each picture that is drawn from: https://community.openai.com/t/1281361
UNTOLD = 32


def images(
    dice: random.Random,
    text: Callable[[random.Random], str],
    body: Callable[[random.Random, dict[str, Any]], bytes],
    tokens: Callable[[str], int],
) -> Trial:
    """Pictures: several or one, of a quality and size that may be left open."""
    model = dice.choice(["gpt-image-1", "gpt-image-1-mini"])
    document: dict[str, Any] = {"model": model, "prompt": text(dice)}
    table = {"low": (272, 408, 400), "medium": (1056, 1584, 1568), "high": (4160, 6240, 6208)}
    sizes = ["1024x1024", "1024x1536", "1536x1024"]
    quality, size = dice.choice(list(table)), dice.randrange(3)
    for key, value in (("quality", quality), ("size", sizes[size])):
        document[key] = dice.choice([value, "auto"])
    count, drawn = dice.randrange(1, 5), table[quality][size]
    if dice.random() < 0.3:
        count, partial = 1, dice.randrange(4)
        document |= {"stream": True, "partial_images": partial}
        drawn += 100 * partial
    document["n"] = count
    used = {
        "input_tokens": count * (3 + tokens(document["prompt"])),
        "output_tokens": count * drawn,
    }
    call = Call("openai", "POST", "/v1/images/generations", "", {}, body(dice, document))
    return call, Usage(used)


def edits(
    dice: random.Random,
    text: Callable[[random.Random], str],
    body: Callable[[random.Random, dict[str, Any]], bytes],
    tokens: Callable[[str], int],
) -> Trial:
    """The same, drawn from pictures, each of which is scaled and cut into tiles."""
    drawn, usage = images(dice, text, body, tokens)
    document = json.loads(drawn.body)
    count, fidelity = document["n"], dice.choice([None, "low", "high"])
    sizes = [
        (dice.randrange(1, 4096), dice.randrange(1, 4096)) for _ in range(dice.randrange(1, 5))
    ]
    extra = 6240 if fidelity == "high" else 0
    seen = count * sum(65 + 129 * _tiles(*size) + extra for size in sizes)
    fields = {
        key: str(value).lower() if key == "stream" else str(value)
        for key, value in document.items()
    }
    if fidelity:
        fields["input_fidelity"] = fidelity
    sent, headers = form(fields, [("image[]", ("a.png", b"PNG")) for _ in sizes])
    counts = {**usage.counts, "input_image_tokens": seen}
    counts["input_tokens"] += seen + count * len(sizes) * UNTOLD
    return Call("openai", "POST", "/v1/images/edits", "", headers, sent), Usage(counts)


def _tiles(width: int, height: int) -> int:
    """Scaled into 2048 x 2048, then to a short side of 512; in squares of 512."""
    for most in (2048 / max(width, height), 512 / min(width, height)):
        shrink = min(1.0, most)
        width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    return math.ceil(width / 512) * math.ceil(height / 512)
