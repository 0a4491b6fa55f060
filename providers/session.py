"""What a WebSocket remembers, where not every message of a client asks for something.

Owns: what a message may lead to, and the two Protocols that say it. A format that needs it is a
KeepsSession besides. Refuses to know: any one API, frames, the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from providers.uses import Uses
from providers.wire import Call


@dataclass(frozen=True, slots=True)
class Turn:
    """What one message on a WebSocket leads to.

    passes:      a message of the provider goes on to the client, as it came.
    to_provider: what is said to the provider, for nothing.
    asks:        what is asked in the client's name; each is admitted before it is said.
    again:       messages of the client that were held back, and are to be looked at now.
    ends:        why the connection has to end; "" where it goes on.
    """

    passes: bool = False
    to_provider: tuple[bytes, ...] = ()
    asks: tuple[bytes, ...] = ()
    again: tuple[bytes, ...] = ()
    ends: str = ""


class Session(Protocol):
    """What one WebSocket remembers, where not every message of a client asks for something.

    model: of all its calls.
    uses:  what is set for all of them: tools, and media that were said before.
    """

    model: str
    uses: Uses

    def from_client(self, message: bytes) -> Turn:
        """What becomes of a message of the client. Raises Refused where it may not pass."""
        ...

    def from_provider(self, message: bytes) -> Turn:
        """What becomes of a message of the provider, beside being metered. Never raises."""
        ...


@runtime_checkable
class KeepsSession(Protocol):
    """What a wire format is besides, where a WebSocket's messages need such a memory."""

    def session(self, handshake: Call) -> Session:
        """The memory of a connection that begins with this admitted handshake."""
        ...
