"""Recorded calls over WebSockets: the message that asks, and the messages that answer it.

Owns: finding them. Realtime's stand in fixtures_messages, laid out as contract.py has it, one
message a line; those of Responses are the events of its recorded streams.
Refuses to know: what is made of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from providers.openai_realtime import OPENAI_REALTIME
from providers.openai_responses_ws import OPENAI_RESPONSES_SOCKET
from providers.wire import MESSAGE, Call
from tests.providers.contract import FIXTURES, Case
from tests.providers.recorded import Recorded
from tests.providers.usage_bent import events

NAMES = (OPENAI_REALTIME.name, OPENAI_RESPONSES_SOCKET.name)
REALTIME_MODEL = "gpt-realtime"

_FIXTURES = Path(__file__).parent / "fixtures_messages"


@dataclass(frozen=True)
class StreamOfMessages(Case):
    """A recorded event stream as the messages that tell the same."""

    @property
    def answer(self) -> bytes:
        """One message a line."""
        told = [event.document for event in events(super().answer)]
        return b"".join(json.dumps(each).encode() + b"\n" for each in told if each is not None)


@cache
def recorded_messages(name: str) -> tuple[Recorded, ...]:
    """The recorded calls of one format."""
    found = _realtime() if name == OPENAI_REALTIME.name else _responses()
    return tuple(Recorded(case, call, case.wire_format.read(call)) for case, call in found)


def _realtime() -> list[tuple[Case, Call]]:
    default = Call("openai", MESSAGE, "/v1/realtime", "", {}, b"", path_model=REALTIME_MODEL)
    folders = sorted((_FIXTURES / OPENAI_REALTIME.name).iterdir())
    cases = [Case(OPENAI_REALTIME, folder) for folder in folders]
    return [(case, case.call(default)) for case in cases]


def _responses() -> list[tuple[Case, Call]]:
    default = Call("openai", MESSAGE, "/v1/responses", "", {}, b"")
    found: list[tuple[Case, Call]] = []
    for folder in sorted((FIXTURES / "openai_responses").glob("stream_*")):
        case = StreamOfMessages(OPENAI_RESPONSES_SOCKET, folder)
        asked = json.loads(case.call(default).body)
        asked.pop("stream")
        body = json.dumps({"type": "response.create", **asked}).encode()
        found.append((case, Call("openai", MESSAGE, "/v1/responses", "", {}, body)))
    return found
