"""The calls that scenarios make, and small readers of their answers.

Owns: request bodies, the reading of event streams, the run of a call in another thread.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

MODEL = "gpt-4o-mini"
PROMPT: Any = [{"role": "user", "content": "Say three short wörds."}]
CHAT: dict[str, Any] = {"model": MODEL, "messages": PROMPT, "max_tokens": 64}
STREAM: dict[str, Any] = {**CHAT, "stream": True}
STREAM_ASKED: dict[str, Any] = {**STREAM, "stream_options": {"include_usage": True}}
TOOL: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CHAT_PATH = "/chat/completions"


def prompt_of(words: int) -> Any:
    """A prompt whose answer has `words` + 2 pieces."""
    return [{"role": "user", "content": " ".join(f"w{i}" for i in range(words))}]


def events(data: bytes) -> list[dict[str, Any]]:
    """The JSON events of a well-formed stream, without its end mark."""
    texts = [block.removeprefix("data: ") for block in data.decode().split("\n\n") if block]
    return [json.loads(text) for text in texts if text != "[DONE]"]


@contextmanager
def in_thread(call: Callable[[], Any]) -> Iterator[list[Any]]:
    """Runs a call beside the test; the list gets its answer, or what it raised."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(call())
        except Exception as error:  # the test looks at it
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield answers
    finally:
        thread.join(60)
        assert not thread.is_alive(), "the call did not end"
