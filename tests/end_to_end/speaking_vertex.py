"""The fake provider's Vertex AI beside Gemini: Claude by its own body, and Chat Completions.

Owns: the paths, and that a path names its model. Refuses to know: AEX, and the answers, which are
Anthropic's and those of the demo provider.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aex_addon.demo_provider import DemoProvider
from tests.end_to_end import speaking_anthropic

if TYPE_CHECKING:
    from tests.end_to_end.fake_provider import FakeExchange, Spoken

_LOCATION = r"/v1\w*/projects/[\w-]+/locations/[\w-]+"
_CLAUDE = rf"{_LOCATION}/publishers/anthropic/models"


def speak(provider: DemoProvider) -> list[Spoken]:
    """The paths that are answered, and how."""

    async def claude(exchange: FakeExchange) -> None:
        model = exchange.path.rpartition("/")[2].partition(":")[0]
        await speaking_anthropic.messages(provider, exchange, model)

    return [
        (
            "POST",
            re.compile(rf"{_CLAUDE}/count-tokens:rawPredict"),
            speaking_anthropic.counted,
        ),
        ("POST", re.compile(rf"{_CLAUDE}/[\w.@-]+:(rawPredict|streamRawPredict)"), claude),
        (
            "POST",
            re.compile(rf"{_LOCATION}/endpoints/openapi/chat/completions"),
            provider.chat,
        ),
    ]
