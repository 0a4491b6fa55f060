"""The WebSockets that are open: whose they are, and what waits on them.

Owns: what one message of a connection must know of its handshake.
Refuses to know: hooks (websocket.py), frames (socket_layer.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aex_addon.identity import Credential
from aex_addon.routes import Route
from aex_addon.socket_layer import Outbox
from providers.session import Session
from providers.wire import MESSAGE, Call, Stored
from providers.wire_format import WireFormat

WAITING_MAX = 16


@dataclass(slots=True, eq=False)
class Socket:
    """One WebSocket to a provider, as its admitted handshake left it.

    session: what is remembered between messages, where the format needs it.
    asked:   the message of the last call, as it was said to the provider.
    waiting: messages that came while a call was under way, at most `WAITING_MAX`.
    """

    handshake: Call
    door: str
    credential: Credential
    route: Route
    wire_format: WireFormat
    outbox: Outbox
    session: Session | None = None
    asked: bytes = b""
    waiting: deque[bytes] = field(default_factory=deque)

    @property
    def agent(self) -> str:
        """What the client says it is."""
        return self.handshake.headers.get("user-agent", "")

    def call(self, message: bytes, earlier: Mapping[str, Stored]) -> Call:
        """A message as the call that it is. The handshake's headers are not the message's."""
        call = replace(
            self.handshake, method=MESSAGE, query="", headers={}, body=message, earlier=earlier
        )
        if self.session is None:
            return call
        return replace(call, path_model=self.session.model, uses=self.session.uses)

    def wait(self, message: bytes) -> bool:
        """Keeps a message for later; False if there are too many, or too large ones."""
        size = sum(map(len, self.waiting)) + len(message)
        if len(self.waiting) >= WAITING_MAX or size > self.outbox.size_max:
            return False
        self.waiting.append(message)
        return True
