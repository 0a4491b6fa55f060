"""The fake provider speaks Responses over a WebSocket: one message asks, many answer.

Owns: the handshake, frames (through wsproto), one response at a time, and a line in the book for
the handshake and for each message (method MESSAGE).
Refuses to know: AEX. Beside the scripts of HTTP there is `socket`: {"error": status, "at": index}
to answer with an error message, {"unasked": true} to go on after the last event,
{"extensions": "..."} for the handshake's answer.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from typing import Any

from wsproto import Connection, ConnectionType
from wsproto.events import CloseConnection, Message, Ping, TextMessage

from aex_addon.demo_provider import DemoProvider
from tests.end_to_end.speaking_responses import begin, envelope, events

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def speak(provider: DemoProvider) -> list[Any]:
    """The one path."""

    async def handshake(exchange: Any) -> None:
        await shake(provider, exchange, Line)

    return [("GET", re.compile(r"/v1/responses"), handshake)]


async def shake(provider: DemoProvider, exchange: Any, line: type[Line]) -> None:
    """The handshake, and then all that is said on the connection."""
    if exchange.header("upgrade").lower() != "websocket":
        await exchange.error(426, "Upgrade to a WebSocket.")
        return
    key = exchange.header("sec-websocket-key").encode()
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
    headers = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": accept}
    if extensions := exchange.script.get("socket", {}).get("extensions"):
        headers["sec-websocket-extensions"] = extensions
    await exchange.head(101, headers)
    exchange.complete = True
    await line(exchange).serve(provider)
    raise ConnectionResetError  # nothing else comes on this connection


class Line:
    """One connection after its handshake."""

    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange
        self.frames = Connection(ConnectionType.SERVER)
        self.inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self.gone = False

    def at_eof(self) -> bool:
        """What the gate asks of a call's reader: whether the other side has left."""
        return self.gone

    async def serve(self, provider: Any) -> None:
        listening = asyncio.ensure_future(self.listen())
        try:
            while (text := await self.inbox.get()) is not None:
                await self.answer(provider, text)
        finally:
            listening.cancel()

    async def listen(self) -> None:
        text = ""
        while not self.gone:
            data = await self.exchange.reader.read(65536)
            self.frames.receive_data(data or None)
            for event in self.frames.events():
                if isinstance(event, Message):
                    text += event.data if isinstance(event, TextMessage) else ""
                    if event.message_finished:
                        self.inbox.put_nowait(text)
                        text = ""
                elif isinstance(event, Ping):
                    await self.exchange.write(self.frames.send(event.response()))
                elif isinstance(event, CloseConnection):
                    self.gone = True
        self.inbox.put_nowait(None)

    async def say(self, message: dict[str, Any]) -> None:
        text = json.dumps(message, ensure_ascii=False)
        await self.exchange.write(self.frames.send(TextMessage(text)))

    def enter(self, provider: Any, text: str) -> Any:
        """A line in the book for a message that asks."""
        call = type(self.exchange)(
            "MESSAGE",
            self.exchange.path,
            [],
            text.encode(),
            self.exchange.writer,
            script=provider.script,
            provider=provider,
            reader=self,
        )
        provider.book.append(call)
        call.id, call.status = len(provider.book), 200
        return call

    async def answer(self, provider: Any, text: str) -> None:
        """One response to one message; its events are the messages."""
        call = self.enter(provider, text)
        document = json.loads(text)
        begin(call, document)
        call.stream = True
        plan = call.script.get("socket", {})
        async for event in events(provider, call, document):
            await provider.pace(call, call.events)
            if plan.get("at") == call.events:
                call.status = plan["error"]
                error = {
                    "type": "invalid_request_error",
                    "code": "x",
                    "message": "No.",
                    "param": None,
                }
                await self.say({"type": "error", "status": plan["error"], "error": error})
                return
            if call.cut_at(call.events):
                call.break_off()
            await self.say({**event, "sequence_number": call.events})
            call.events += 1
        call.complete = True
        if plan.get("unasked"):
            again = envelope(call, "in_progress", [])
            await self.say({"type": "response.created", "response": again})
