"""Makers of random calls of Mistral's own endpoints, each with what is billed at the most.

Owns: how a gap and a document are billed. Its vocabulary is not at hand; OpenAI's stands in for it.
Refuses to know: how reserves and bills are compared (bounds.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.wire import Call, Usage

Trial = tuple[Call, Usage]
# What stands before, between and behind the two texts.
FRAME = 4


@dataclass(frozen=True)
class Mistral:
    """The makers, over what bounds.py makes texts and bodies by, and counts them with."""

    text: Callable[[random.Random], str]
    body: Callable[[random.Random, dict[str, Any]], bytes]
    tokens: Callable[[str], int]

    def makers(self) -> dict[str, Callable[[random.Random], Trial]]:
        """By the format's name."""
        return {"mistral_fim": self.fim, "mistral_ocr": self.ocr}

    def fim(self, dice: random.Random) -> Trial:
        """A prompt, often a suffix, a cap or none."""
        document: dict[str, Any] = {"model": "codestral-latest", "prompt": self.text(dice)}
        if dice.random() < 0.7:
            document["suffix"] = self.text(dice)
        cap = dice.choice([None, dice.randrange(1, 5000)])
        if cap is not None:
            document["max_tokens"] = cap
        texts = (document["prompt"], document.get("suffix", ""))
        used = {"input_tokens": FRAME + sum(map(self.tokens, texts)), "output_tokens": -1}
        return self.call("/v1/fim/completions", dice, document), Usage(used)

    def ocr(self, dice: random.Random) -> Trial:
        """A document of some length: all of it, single pages or ranges; annotated or plain."""
        length = dice.randrange(1, 1001)
        source = {"type": "document_url", "document_url": "https://example.com/a.pdf"}
        model = dice.choice(["mistral-ocr-2512", "mistral-ocr-4-1", "mistral-ocr-latest"])
        document: dict[str, Any] = {"model": model, "document": source}
        read = set(range(length))
        if dice.random() < 0.7:
            named = [dice.randrange(1200) for _ in range(dice.randrange(1, 30))]
            asked, document["pages"] = set(named), named
            if dice.random() < 0.5:
                first = dice.randrange(1200)
                last = first + dice.randrange(2000)
                asked |= set(range(first, last + 1))
                document["pages"] = ",".join([*map(str, named), f"{first}-{last}"])
            read &= asked
        used = {"input_tokens": 0, "input_document_pages": len(read)}
        if dice.random() < 0.3:
            document["document_annotation_format"] = {"type": "json_schema"}
            used["input_annotated_document_pages"] = len(read)
        return self.call("/v1/ocr", dice, document), Usage(used)

    def call(self, path: str, dice: random.Random, document: dict[str, Any]) -> Call:
        """A call with this body."""
        return Call("mistral", "POST", path, "", {}, self.body(dice, document))
