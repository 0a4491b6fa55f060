"""The contract notices each way in which an answer is not OpenAI's.

(Against a real gateway: tests/end_to_end/test_doctor.py.)
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from aex_addon.cli.checks.compat import Asker, look

EXECUTION = {"x-aex-execution-id": "ex_1"}
FINAL = {"x-should-retry": "false"}
SSE = {"content-type": "text/event-stream; charset=utf-8"}
Answer = tuple[int, dict[str, str], bytes]


def chunk(**more: Any) -> bytes:
    document = {"object": "chat.completion.chunk", "choices": [{"delta": {}}], **more}
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def error(status: int, **changes: Any) -> Answer:
    document = {"message": "no", "type": "invalid_request_error", "code": "c", **changes}
    return status, FINAL, json.dumps({"error": document}).encode()


COMPLETION = {
    "object": "chat.completion",
    "choices": [{"message": {}}],
    "usage": {"total_tokens": 9},
}
USAGE = chunk(choices=[], usage={"total_tokens": 9})
GOOD: dict[str, Answer] = {
    "models": (200, {}, b'{"object": "list", "data": [{"id": "m"}]}'),
    "answer": (200, EXECUTION, json.dumps(COMPLETION).encode()),
    "stream": (200, SSE, chunk() + b"data: [DONE]\n\n"),
    "stream usage": (200, SSE, chunk() + USAGE + b"data: [DONE]\n\n"),
    "wrong token": error(401),
    "broken body": error(400),
    "unknown path": error(404),
}


class Scripted(Asker):
    """Answers the questions in their order."""

    def __init__(self, **changed: Answer) -> None:
        super().__init__("", 0, "")
        script = {**GOOD, **{name.replace("_", " "): one for name, one in changed.items()}}
        object.__setattr__(self, "answers", iter(script.values()))

    def ask(self, *_: Any, **__: Any) -> Answer:
        found: Answer = next(self.answers)  # type: ignore[attr-defined]
        return found


def failed(**changed: Answer) -> list[str]:
    return [one.about for one in look(Scripted(**changed), "m") if one.level != "ok"]


def test_what_openai_answers_passes() -> None:
    """The control: nothing is found fault with."""
    assert failed() == []


@pytest.mark.parametrize(
    ("clause", "answer"),
    [
        ("models", (200, {}, b'{"data": []}')),
        ("models", (403, FINAL, b"{}")),
        ("answer", (200, {}, json.dumps(COMPLETION).encode())),
        ("answer", (200, EXECUTION, json.dumps({**COMPLETION, "usage": None}).encode())),
        ("answer", (200, EXECUTION, b"<html>")),
        ("answer", error(402)),
        ("stream", (200, SSE, chunk())),
        ("stream", (200, SSE, chunk() + USAGE + b"data: [DONE]\n\n")),
        ("stream", (200, {}, chunk() + b"data: [DONE]\n\n")),
        ("stream_usage", (200, SSE, chunk() + b"data: [DONE]\n\n")),
        ("wrong_token", error(403)),
        ("wrong_token", (401, {}, error(401)[2])),
        ("broken_body", (400, FINAL, b"bad request")),
        ("unknown_path", error(404, type="")),
    ],
)
def test_what_differs_is_noticed(clause: str, answer: Answer) -> None:
    """And only that clause fails."""
    assert failed(**{clause: answer}) == [f"compat: {clause.replace('_', ' ')}"]


def test_a_gateway_that_is_gone() -> None:
    """Each clause says so."""
    asker = Asker("127.0.0.1", 1, "t")
    assert {one.level for one in look(asker, "m")} == {"fail"}
