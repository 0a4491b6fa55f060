"""What a wire format does: the Protocols it fills, in the nouns of wire.py.

Owns: what is asked of a format and of its meters. Refuses to know: any API; everything here is a
Protocol.

The life of one call, seen from here:

    claims(call)      is this path mine?
    read(call)        -> Facts: what the call may cost at the most            (raises Refused)
    patch(call, ...)  -> the body to send: cap clamped, usage asked for in a stream
    meter(facts, ...) -> a Meter: feed(provider bytes) -> client bytes; reading() at any instant
    refuse(denial)    -> Reply: the denial in the provider's own error shape

Over a WebSocket each message that asks for something is such a call, of the method MESSAGE: its
body is the message, its meter is fed whole messages, and `error_event` is the denial as a message.
Where other messages pass too, a Session says which (session.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from providers.wire import Call, Denial, Facts, Grant, Reading, Reply


class Meter(Protocol):
    """Counts one answer as it flows. Never raises, never delays, never loses a byte.

    The bytes fed are free of content encoding and may be cut anywhere.
    """

    def feed(self, data: bytes) -> bytes:
        """Takes bytes of the provider, returns the bytes for the client (usually the same)."""
        ...

    def finish(self) -> bytes:
        """The answer has ended: returns what was held back, if anything."""
        ...

    def reading(self) -> Reading:
        """What is known now; valid at any instant, also before `finish`."""
        ...


@runtime_checkable
class ReadsHeaders(Protocol):
    """What a meter is besides, where an API tells its usage in the headers of an answer."""

    def headers(self, headers: Mapping[str, str]) -> None:
        """Takes the headers, before any byte of the body. Names have any case."""
        ...


class WireFormat(Protocol):
    """One API shape of one family of providers; one file, one instance."""

    name: str

    def claims(self, call: Call) -> bool:
        """True if this format speaks for the call's method and path."""
        ...

    def read(self, call: Call) -> Facts:
        """Facts of the call. Raises Refused (4xx) for a body that no provider would take."""
        ...

    def patch(self, call: Call, facts: Facts, grant: Grant) -> bytes:
        """The body to send: what was granted written in, usage asked for in a stream.

        Returns `call.body` itself, byte for byte, where nothing needs to change.
        """
        ...

    def meter(self, facts: Facts, status: int, content_type: str) -> Meter:
        """A meter for the answer to this call."""
        ...

    def refuse(self, denial: Denial) -> Reply:
        """The denial as this API's own error, so that its SDK raises its own exception."""
        ...

    def error_event(self, denial: Denial) -> bytes:
        """The denial as an error event in the middle of a stream of this format."""
        ...
