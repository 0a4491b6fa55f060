"""The faults of a provider on a WebSocket: its handshake, and the messages of an answer.

Each call ends, is booked by the law, and its client hears the provider's messages up to the fault.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from ledger.state import Execution
from providers.openai_realtime_meter import ASK_ID
from tests.aex_addon import faults
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.socket_faults import FAULTS, Speaker
from tests.aex_addon.test_upstream_faults import about, judge, played, row_of_table, until
from tests.aex_addon.wire import Upstream, connected
from tests.aex_addon.ws import KEY, Side, accepting, opened
from tests.providers.messages import NAMES, REALTIME_MODEL, recorded_messages
from tests.providers.recorded import Recorded
from tests.tables import TABLE

PATHS = {
    "openai_realtime_ws": f"/v1/realtime?model={REALTIME_MODEL}",
    "openai_responses_ws": "/v1/responses",
}
_SAID = {"type": "server_error", "code": "server_error", "message": "The server had an error."}
ERRORS: dict[str, dict[str, Any]] = {
    "openai_realtime_ws": {"type": "error", "error": {**_SAID, "event_id": ASK_ID}},
    "openai_responses_ws": {"type": "error", "status": 500, "error": _SAID},
}
HELD = {"turn_detection": None, "transcription": None}
SESSION = {"type": "session.created", "session": {"type": "realtime", "audio": {"input": HELD}}}

HANDSHAKES = (
    *("RST before headers", "FIN before headers", "stall before headers", "endless head"),
    *("429", "500", "529", "1xx flood", "200 with an error", "a page", "empty 200", "204"),
)


def sample(name: str) -> Recorded:
    """The recorded call with the most messages, of those that tell their usage."""
    told = [each for each in recorded_messages(name) if each.usage is not None]
    return max(told, key=lambda each: each.case.answer.count(b"\n"))


@dataclass
class Heard:
    """What a client heard: messages, and the code with which it ended (1006 without one)."""

    messages: list[str | bytes] = field(default_factory=list)
    code: int = 0


async def hear(side: Side, heard: Heard) -> None:
    """Listens until the end, however it comes."""
    text = ""
    while not heard.code:
        try:
            data = await side.reader.read(65536)
        except ConnectionError:
            data = b""
        side.frames.receive_data(data or None)
        for event in side.frames.events():
            if isinstance(event, CloseConnection):
                heard.code = event.code
            elif isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    heard.messages.append(text)
                    text = ""
            elif isinstance(event, BytesMessage):
                heard.messages.append(bytes(event.data))
            elif isinstance(event, Ping):
                with suppress(ConnectionError):
                    await side.write(side.frames.send(event.response()))


async def answer(
    rig: Rig, provider: Upstream, recorded: Recorded, name: str
) -> tuple[Speaker, Heard, Execution]:
    """One call on a connection of its own, against a fault of its answer."""
    speakers: list[Speaker] = []
    realtime, heard = "realtime" in recorded.wire_format.name, Heard()

    async def talk(side: Side) -> None:
        if realtime:
            await side.say(SESSION)
        await side.hear()
        error = json.dumps(ERRORS[recorded.wire_format.name])
        speakers.append(Speaker(side, recorded.case.answer, error))
        with suppress(ConnectionError):
            await FAULTS[name].act(speakers[0])

    provider.answers.append(accepting(provider, talk))
    async with opened(rig, PATHS[recorded.wire_format.name]) as client:
        if realtime:
            assert await client.hear() == SESSION
        await client.say(recorded.call.body.decode())
        hearing = asyncio.ensure_future(hear(client, heard))
        await until(lambda: hearing.done() or (speakers and speakers[0].stalled))
        await until(lambda: hearing.done() or len(heard.messages) >= len(speakers[0].said))
        if name.startswith("stall"):
            client.writer.close()
        await hearing
    assert rig.agent().reserved_nanousd == 0
    return speakers[0], heard, rig.executions()[-1]


@pytest.mark.parametrize("name", NAMES)
async def test_answers(
    name: str,
    tmp_path: Path,
    provider: Upstream,
    record_property: Callable[[str, Any], None],
) -> None:
    """Each fault in turn."""
    recorded, rows = sample(name), []
    home = tmp_path / "home"
    async with gateway(home, provider.port, budget_nanousd=10**15, body_limit_mib=1) as rig:
        for fault in FAULTS:
            with about(fault):
                speaker, heard, row = await answer(rig, provider, recorded, fault)
                check(fault, recorded, speaker, heard, row)
            rows.append(row)
        # A handshake and a call, each time.
        assert len(rig.executions()) == 2 * len(FAULTS)
    record_property(TABLE, row_of_table(name, "messages", rows))


def check(name: str, recorded: Recorded, speaker: Speaker, heard: Heard, row: Execution) -> None:
    """What the client heard, and the booking."""
    texts = [each for each in heard.messages if isinstance(each, str)]
    assert texts == speaker.said[: len(texts)]
    fault = FAULTS[name]
    if fault.whole:
        assert texts == speaker.said
        assert heard.code == 1000
    if name == "an error":
        assert (row.state, row.actual_nanousd, texts) == ("RELEASED", 0, speaker.said)
        return
    if "before a message" in name:
        assert (row.state, row.certainty) == ("COMMITTED", "uncertain")
        assert row.actual_nanousd == row.reserved_nanousd
        return
    said = "".join(f"{each}\n" for each in speaker.said).encode()
    judge(row, recorded, not fault.whole, said)
    if name == "usage repeated" or (fault.whole and not name.startswith("usage ")):
        assert row.certainty == "exact"
    else:
        # A connection that breaks may take with it what had come and was not read yet.
        assert row.certainty in ("estimated", "uncertain" if "RST" in name else "estimated")


@pytest.mark.parametrize("name", NAMES)
async def test_handshakes(
    name: str,
    tmp_path: Path,
    provider: Upstream,
    record_property: Callable[[str, Any], None],
) -> None:
    """No message has passed, so nothing is billed; the client is told as in plain HTTP."""
    rows = []
    async with gateway(tmp_path / "home", provider.port, body_limit_mib=1) as rig:
        upgrade = {"connection": "Upgrade", "upgrade": "websocket"}
        upgrade |= {"sec_websocket_version": "13", "sec_websocket_key": KEY}
        asked = rig.request(PATHS[name], b"", content_length="", **upgrade)
        asked = asked.replace(b"POST", b"GET", 1)
        for each in HANDSHAKES:
            fault = faults.FAULTS[each]
            with about(each):
                async with connected(rig.port) as client:
                    said = ("application/json", faults.ERROR)
                    met = await played(rig, provider, client, asked, fault, said)
                assert met.taken.status == fault.status
                if fault.whole:
                    assert met.taken.body == met.sender.sent
                refused = fault.status >= 429 and fault.status != 502
                assert met.row.state == ("RELEASED" if refused else "COMMITTED")
                assert met.row.actual_nanousd == met.row.reserved_nanousd == 0
            rows.append(met.row)
        assert len(rig.executions()) == len(HANDSHAKES)
    record_property(TABLE, row_of_table(name, "handshake", rows))
