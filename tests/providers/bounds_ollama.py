"""Makers of random Ollama calls, each with what the server counts at the most.

Owns: how Ollama counts: what a Modelfile adds counts too, and all is cut to the context. Models
have many vocabularies; a byte-level one stands in. Refuses to know: how reserves and bills are
compared (bounds.py).
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from providers.prices import ModelOverride
from providers.wire import Call, Usage

Trial = tuple[Call, Usage]
MODEL, WINDOW = "priced-by-the-operator", 8192
PRICES = {MODEL: ModelOverride("ollama", Decimal(1), Decimal(2), context_window=WINDOW)}


@dataclass(frozen=True)
class Ollama:
    """The makers, over what bounds.py makes texts and bodies by, and counts them with."""

    text: Callable[[random.Random], str]
    body: Callable[[random.Random, dict[str, Any]], bytes]
    tokens: Callable[[str], int]

    def makers(self) -> dict[str, Callable[[random.Random], Trial]]:
        """By the format's name."""
        return {"ollama_chat": self.chat, "ollama_embed": self.embed}

    def chat(self, dice: random.Random) -> Trial:
        """A conversation or a prompt, in a context of its own or the model's."""
        texts = [self.text(dice) for _ in range(dice.randrange(1, 9))]
        options: dict[str, Any] = {}
        if dice.random() < 0.5:
            options["num_ctx"] = dice.choice([64, 512, 4096])
        if dice.random() < 0.5:
            options["num_predict"] = dice.choice([-2, -1, dice.randrange(1, 5000)])
        document: dict[str, Any] = {"model": MODEL, "options": options}
        if dice.random() < 0.5:
            path, document["prompt"] = "/api/generate", texts[0]
            texts = texts[:1]
        else:
            path = "/api/chat"
            document["messages"] = [{"role": "user", "content": each} for each in texts]
        modelfile = dice.randrange(3000)
        counted = modelfile + sum(8 + self.tokens(each) for each in texts)
        used = {"input_tokens": min(counted, options.get("num_ctx", WINDOW)), "output_tokens": -1}
        return Call("ollama", "POST", path, "", {}, self.body(dice, document)), Usage(used)

    def embed(self, dice: random.Random) -> Trial:
        """Several texts, each framed, and composed by compatibility."""
        texts = [self.text(dice) + "x" for _ in range(dice.randrange(1, 6))]
        counted = sum(2 + self.tokens(unicodedata.normalize("NFKC", each)) for each in texts)
        document = {"model": MODEL, "input": texts}
        call = Call("ollama", "POST", "/api/embed", "", {}, self.body(dice, document))
        return call, Usage({"input_tokens": counted})
