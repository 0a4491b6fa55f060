"""What goes wrong with providers on a WebSocket: each fault a script over its messages.

Owns: the faults. Refuses to know: any one format, AEX.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import FrameProtocol, Opcode

from tests.aex_addon.ws import Side
from tests.providers.usage_bent import LIES, bent


@dataclass
class Speaker:
    """A provider's side, with an answer to give, one message a line.

    error:   an error about what was asked, as this API says it.
    said:    the messages that went out whole.
    stalled: nothing more will come.
    """

    side: Side
    answer: bytes
    error: str
    said: list[str] = field(default_factory=list)
    stalled: bool = False

    @property
    def messages(self) -> list[str]:
        """Those of the answer."""
        return self.answer.decode().splitlines()

    async def raw(self, data: bytes) -> None:
        """Bytes as they are, whatever the frames of this side have come to."""
        await self.side.write(data)

    async def say(self, *messages: str, pieces: int = 1) -> None:
        """Whole messages."""
        for message in messages:
            self.said.append(message)
            await self.side.write(*self.side.frames_of(message, pieces))

    async def half(self) -> None:
        """Half of the answer."""
        await self.say(*self.messages[: len(self.messages) // 2])

    async def event(self, event: Event) -> None:
        """Something that is no message."""
        await self.raw(self.side.frames.send(event))

    async def close(self, code: int = 1000) -> None:
        """A proper end."""
        await self.event(CloseConnection(code))
        self.side.writer.close()

    async def fin(self) -> None:
        """The end of the connection alone."""
        self.side.writer.close()

    async def reset(self) -> None:
        """The connection breaks."""
        linger = struct.pack("ii", 1, 0)
        sock = self.side.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.side.writer.transport.abort()

    async def stall(self) -> None:
        """Nothing more, until the other side gives up."""
        self.stalled = True
        while await self.side.reader.read(65536):
            pass


Act = Callable[[Speaker], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """A fault. whole: all of the answer comes through, as it was said."""

    act: Act
    whole: bool = False


def cut(how: str, where: str) -> Act:
    """The connection breaks or ends, somewhere."""

    async def act(speaker: Speaker) -> None:
        if where != "before a message":
            await speaker.half()
        if where == "mid-message":
            (frame,) = speaker.side.frames_of(speaker.messages[-1])
            await speaker.raw(frame[: len(frame) // 2])
        await (speaker.reset() if how == "RST" else speaker.fin())

    return act


def closing(code: int, *, amid: bool) -> Act:
    """A proper end, before the answer has come to its own."""

    async def act(speaker: Speaker) -> None:
        if amid:
            await speaker.half()
        await speaker.close(code)

    return act


def erring(*, amid: bool) -> Act:
    """An error in the place of the answer, or of what is left of it; the session goes on."""

    async def act(speaker: Speaker) -> None:
        if amid:
            await speaker.half()
        await speaker.say(speaker.error)
        await speaker.close()

    return act


def stalling(*, amid: bool) -> Act:
    """Nothing more comes."""

    async def act(speaker: Speaker) -> None:
        if amid:
            await speaker.half()
        await speaker.stall()

    return act


def spoiling(data: bytes) -> Act:
    """Amid the answer bytes that are no frame that a server may send."""

    async def act(speaker: Speaker) -> None:
        await speaker.half()
        await speaker.raw(data)
        await speaker.stall()

    return act


def between(*events: Event, times: int = 1) -> Act:
    """Something else between the messages."""

    async def act(speaker: Speaker) -> None:
        await speaker.half()
        for event in events * times:
            if isinstance(event, TextMessage):
                speaker.said.append(event.data)
            await speaker.event(event)
        await speaker.say(*speaker.messages[len(speaker.messages) // 2 :])
        await speaker.close()

    return act


def lying(how: str) -> Act:
    """Usage that cannot be true, or comes twice, or not at all."""

    async def act(speaker: Speaker) -> None:
        told = bent(speaker.answer, how)
        assert told is not None
        await speaker.say(*(message.decode().strip() for message in told))
        await speaker.close()

    return act


async def byte_by_byte(speaker: Speaker) -> None:
    for message in speaker.messages:
        speaker.said.append(message)
        (frame,) = speaker.side.frames_of(message)
        for at in range(len(frame)):
            await speaker.raw(frame[at : at + 1])
    await speaker.close()


async def many_frames(speaker: Speaker) -> None:
    for message in speaker.messages:
        await speaker.say(message, pieces=7)
    await speaker.close()


async def all_at_once(speaker: Speaker) -> None:
    """All messages and the end in one packet."""
    frames = b"".join(b"".join(speaker.side.frames_of(each)) for each in speaker.messages)
    speaker.said += speaker.messages
    await speaker.raw(frames + speaker.side.frames.send(CloseConnection(1000)))
    speaker.side.writer.close()


async def long_message(speaker: Speaker) -> None:
    """More than a gateway takes, of which nothing may reach the client."""
    await speaker.half()
    text = json.dumps({"type": "response.output_text.delta", "delta": "x" * 2**21})
    await speaker.raw(b"".join(speaker.side.frames_of(text)))
    await speaker.stall()


def _frame(opcode: Opcode, payload: bytes, *, client: bool = False) -> bytes:
    made = FrameProtocol(client=client, extensions=[])._serialize_frame(opcode, payload)
    return bytes(made)


JUNK = ("not JSON", "null", "7", "[]", "{}", '{"type": null}', '{"type": "no.such.event"}')
_CUTS = ("before a message", "after a message", "mid-message")

FAULTS: dict[str, Fault] = {
    **{f"{how} {where}": Fault(cut(how, where)) for how in ("RST", "FIN") for where in _CUTS},
    "close before a message": Fault(closing(1000, amid=False)),
    "close after a message": Fault(closing(1011, amid=True)),
    "stall before a message": Fault(stalling(amid=False)),
    "stall": Fault(stalling(amid=True)),
    "an error": Fault(erring(amid=False)),
    "an error amid": Fault(erring(amid=True)),
    "no frame": Fault(spoiling(b"\xff" * 64)),
    "masked": Fault(spoiling(_frame(Opcode.TEXT, b"{}", client=True))),
    "not UTF-8": Fault(spoiling(_frame(Opcode.TEXT, b"\xff\xfe"))),
    "long message": Fault(long_message),
    "byte by byte": Fault(byte_by_byte, whole=True),
    "many frames": Fault(many_frames, whole=True),
    "all at once": Fault(all_at_once, whole=True),
    "pings": Fault(between(Ping(b"x"), times=200), whole=True),
    "junk": Fault(between(*map(TextMessage, JUNK)), whole=True),
    "binary": Fault(between(BytesMessage(b"\x00\xff")), whole=True),
    **{f"usage {how}": Fault(lying(how), whole=True) for how in ("absent", "null", *LIES)},
    "usage repeated": Fault(lying("repeated")),
}
