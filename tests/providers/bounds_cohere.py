"""Makers of random Cohere calls, each with what is billed at the most.

Owns: how Cohere's texts are counted: composed first, then cut by a byte-level vocabulary. Its own
is not at hand; OpenAI's stands in for it. Refuses to know: how reserves and bills are compared
(bounds.py).
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from providers.prices import ModelOverride
from providers.wire import Call, Usage

Trial = tuple[Call, Usage]
MODELS = ("command-r7b-12-2024", "command-a-03-2025", "command-r-08-2024")
RANKING = "priced-rankings"
PRICES = {
    RANKING: ModelOverride("cohere", Decimal(0), unit_usd={"rerank_searches": Decimal("0.002")})
}
# What an embedding model puts around a text.
FRAME = 2


@dataclass(frozen=True)
class Cohere:
    """The makers, over what bounds.py makes texts, bodies and schemas by, and counts them with."""

    text: Callable[[random.Random], str]
    body: Callable[[random.Random, dict[str, Any]], bytes]
    schema: Callable[[random.Random], dict[str, Any]]
    tokens: Callable[[str], int]

    def makers(self) -> dict[str, Callable[[random.Random], Trial]]:
        """By the format's name."""
        return {
            "cohere_chat": self.chat,
            "cohere_chat_v1": self.chat_v1,
            "cohere_embed": self.embed,
            "cohere_rerank": self.rerank,
        }

    def chat(self, dice: random.Random) -> Trial:
        """Turns, documents, tools, a cap or none."""
        texts = [self.text(dice) for _ in range(dice.randrange(1, 6))]
        roles = ["system", "user", "assistant"]
        messages = [{"role": dice.choice(roles), "content": content} for content in texts]
        document: dict[str, Any] = {"model": dice.choice(MODELS), "messages": messages}
        if dice.random() < 0.3:
            document["documents"] = [self.text(dice) for _ in range(dice.randrange(1, 4))]
            texts += document["documents"]
        if dice.random() < 0.3:
            function = {"name": "look_up", "description": self.text(dice)}
            function["parameters"] = self.schema(dice)  # type: ignore[assignment]
            document["tools"] = [{"type": "function", "function": function}]
            texts.append(json.dumps(function, ensure_ascii=False))
        cap = dice.choice([None, dice.randrange(1, 5000)])
        if cap is not None:
            document["max_tokens"] = cap
        used = {"input_tokens": self.counted(texts), "output_tokens": -1}
        return self.call("/v2/chat", dice, document), Usage(used)

    def chat_v1(self, dice: random.Random) -> Trial:
        """The same in other fields."""
        texts = [self.text(dice) for _ in range(dice.randrange(1, 6))]
        history = [{"role": "USER", "message": each} for each in texts[1:]]
        document = {"model": MODELS[2], "message": texts[0], "chat_history": history}
        used = {"input_tokens": self.counted(texts), "output_tokens": -1}
        return self.call("/v1/chat", dice, document), Usage(used)

    def rerank(self, dice: random.Random) -> Trial:
        """Documents that fit into one piece each, a hundred of which are one search."""
        documents = [self.text(dice) for _ in range(dice.choice([1, 7, 99, 100, 101, 230]))]
        document = {"model": RANKING, "query": self.text(dice), "documents": documents}
        used = {"rerank_searches": -(-len(documents) // 100)}
        return self.call(dice.choice(["/v1/rerank", "/v2/rerank"]), dice, document), Usage(used)

    def embed(self, dice: random.Random) -> Trial:
        """Several texts, each framed, and composed by compatibility."""
        texts = [self.text(dice) + "x" for _ in range(dice.randrange(1, 6))]
        document = {"model": "embed-v4.0", "input_type": "clustering", "texts": texts}
        used = {"input_tokens": self.counted(texts, "NFKC") + FRAME * len(texts)}
        return self.call("/v2/embed", dice, document), Usage(used)

    def counted(self, texts: list[str], form: Literal["NFC", "NFKC"] = "NFC") -> int:
        """The tokens of all texts."""
        return sum(self.tokens(unicodedata.normalize(form, each)) for each in texts)

    def call(self, path: str, dice: random.Random, document: dict[str, Any]) -> Call:
        """A call with this body."""
        return Call("cohere", "POST", path, "", {}, self.body(dice, document))
