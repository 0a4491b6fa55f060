"""A captured connection: held until its first bytes say where it belongs.

Owns: holding them; then TLS is opened for a governed host, and for every other one the bytes go
on as they came, to the address that the client chose.
Refuses to know: which hosts are governed (the judge), who pays (payers.py).

Where a server may speak first (any port but those of HTTP) it is connected at once; its client's
first bytes are held all the same. Governed hosts are not served there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events, layer, layers
from mitmproxy.proxy.context import Context

from aex_addon.first_words import LONGEST, Unfinished

logger = logging.getLogger("aex")

Verdict = Literal["governed", "foreign", "refused"]

# Says what becomes of a connection; raises Unfinished where more bytes are needed.
Judge = Callable[[Context, bytes], Verdict]

CLIENT_FIRST = frozenset((80, 443))

# After which a connection of AEX's own that was led back here is known as one.
_LOOP_KNOWN_S = 0.05


class CapturedLayer(layer.Layer):
    """The first layer of a captured TCP connection."""

    def __init__(self, context: Context, judge: Judge) -> None:
        super().__init__(context)
        self._judge = judge
        self._held = b""
        self._decided = False
        self._closed = False
        self._pause = commands.RequestWakeup(_LOOP_KNOWN_S)
        self.child_layer: layer.Layer | None = None
        assert context.server.address is not None
        self._waits = context.server.address[1] in CLIENT_FIRST

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        client = self.context.client
        if isinstance(event, events.Start):
            if not self._waits:
                yield self._pause
        elif isinstance(event, events.Wakeup) and event.command is self._pause:
            yield from self._dial()
        elif self._decided:
            yield from self._pass_on(event)
        elif isinstance(event, events.DataReceived) and event.connection is client:
            self._held += event.data
            yield from self._decide()
        elif isinstance(event, events.ConnectionClosed) and event.connection is client:
            # It ends before it has said whom it means.
            self._decided = True
            yield from self._close()
        else:
            yield from self._pass_on(event)

    def _dial(self) -> layer.CommandGenerator[None]:
        """The server may be the one that speaks first."""
        if self._decided:
            return
        if self._verdict(b"") == "foreign":
            yield from self._begin(layers.TCPLayer(self.context, ignore=True))
        else:
            self._decided = True
            yield from self._close()

    def _decide(self) -> layer.CommandGenerator[None]:
        try:
            verdict = self._verdict(self._held)
        except Unfinished:
            if len(self._held) <= LONGEST:
                return
            verdict = "refused"
        self._decided = True
        if verdict == "governed" and not self._waits:
            logger.warning("a governed host was asked for at a port that is none of HTTP's; closed")
            verdict = "refused"
        if verdict == "refused":
            yield from self._close()
            return
        if self.child_layer is None:
            passing = layers.TCPLayer(self.context, ignore=True)
            governed = layer.NextLayer(self.context)
            yield from self._begin(governed if verdict == "governed" else passing)
        held, self._held = self._held, b""
        yield from self._pass_on(events.DataReceived(self.context.client, held))

    def _verdict(self, said: bytes) -> Verdict:
        try:
            return self._judge(self.context, said)
        except Unfinished:
            raise
        except Exception:
            # An exception here would leave the client hanging.
            logger.exception("a captured connection was closed because it could not be judged")
            return "refused"

    def _begin(self, child: layer.Layer) -> layer.CommandGenerator[None]:
        self.child_layer = child
        yield from child.handle_event(events.Start())

    def _pass_on(self, event: events.Event) -> layer.CommandGenerator[None]:
        if self.child_layer is not None and not self._closed:
            yield from self.child_layer.handle_event(event)

    def _close(self) -> layer.CommandGenerator[None]:
        self._closed = True
        for connection in (self.context.server, self.context.client):
            if connection.state is not ConnectionState.CLOSED:
                yield commands.CloseConnection(connection)
