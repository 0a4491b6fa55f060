"""mitmproxy's stream of one request, tried again elsewhere before its answer has begun.

Owns: that a fault (no connection, a broken one, no answer in time, a status) is put to the addon
that hears `aex_again`, before the client or another hook is told; and that the request is sent
once more if this says so. The connection of the try that failed is closed, and nothing more that
comes from it is heard: mitmproxy's events name the request that they are of, not the try.
Refuses to know: where the next try goes, what became of the last (fallback.py).

Only what AEX answers at its own address comes here, over HTTP/1.1: one request at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

from mitmproxy import http
from mitmproxy.connection import Connection, Server
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)

from aex_addon.socket_layer import SpeakingStream

_STANDBY = "_aex_standby"

OF_THE_PROVIDER = (
    ResponseHeaders,
    ResponseData,
    ResponseTrailers,
    ResponseEndOfMessage,
    ResponseProtocolError,
)

# What a provider does is one of these, or the status that it answers.
UNREACHABLE = "unreachable"
NO_ANSWER = "no_answer"


@dataclass(slots=True, eq=False)
class Standby:
    """What stands by for a request.

    heeds:    whether another try is made after this fault.
    answer_s: seconds in which an answer must begin; None: any.
    fault, headers: the one that is being asked about, and those of its answer.
    verdict:  what the addon that was asked wants: another try, which the request now is; the
              answer that it has put in the flow; or that the fault goes its usual way.
    """

    heeds: Callable[[str], bool]
    answer_s: float | None = None
    fault: str = ""
    headers: http.Headers = field(default_factory=http.Headers)
    verdict: Literal["as usual", "again", "answered"] = "as usual"

    def ask(self, fault: str, headers: http.Headers) -> None:
        """This has happened, and nothing is decided about it."""
        self.fault, self.headers, self.verdict = fault, headers, "as usual"


def stand_by(flow: http.HTTPFlow, standby: Standby) -> None:
    """From now on this is asked about faults of the flow's provider."""
    setattr(flow, _STANDBY, standby)


def standby_of(flow: http.HTTPFlow) -> Standby | None:
    """What stands by for a flow, if anything does."""
    standby: Standby | None = getattr(flow, _STANDBY, None)
    return standby


@dataclass
class AexAgainHook(commands.StartHook):
    """A try has failed: asks for the verdict of the flow's standby."""

    flow: http.HTTPFlow


class Abandons(Protocol):
    """What the layer around does for a stream."""

    def abandon(self, connection: Connection) -> None:
        """Hears nothing of this connection any more, and does not use it again."""
        ...


class TryingStream(SpeakingStream):
    """mitmproxy's stream with all this."""

    _patience: commands.RequestWakeup | None = None

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """A wakeup is the end of the patience with one try; it may come when that is over."""
        if isinstance(event, events.Wakeup):
            return self._impatient(event)
        usual: layer.CommandGenerator[None] = super()._handle_event(event)
        return usual

    def _impatient(self, event: events.Wakeup) -> layer.CommandGenerator[None]:
        if event.command is self._patience and self._waiting():
            yield from self._fails(NO_ANSWER, http.Headers())

    def make_server_connection(self) -> layer.CommandGenerator[bool]:
        """The connection of a try; from when it stands its answer is waited for."""
        making: layer.CommandGenerator[bool] = super().make_server_connection()
        standby = standby_of(self.flow)
        if standby is None or standby.answer_s is None:
            return making
        return self._patient(making, standby.answer_s)

    def _patient(
        self, making: layer.CommandGenerator[bool], answer_s: float
    ) -> layer.CommandGenerator[bool]:
        found = yield from making
        if found:
            self._patience = commands.RequestWakeup(answer_s)
            yield self._patience
        return found

    def state_wait_for_response_headers(
        self, event: ResponseHeaders
    ) -> layer.CommandGenerator[None]:
        """The answer's head is here; it is not the client's yet."""
        if standby_of(self.flow) is None:
            usual: layer.CommandGenerator[None] = super().state_wait_for_response_headers(event)
            return usual
        return self._head(event)

    def _head(self, event: ResponseHeaders) -> layer.CommandGenerator[None]:
        status, headers = str(event.response.status_code), event.response.headers
        if not (yield from self._fails(status, headers)):
            yield from super().state_wait_for_response_headers(event)

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        """A fault of the provider's, before the head of its answer."""
        if isinstance(event, ResponseProtocolError) and self._waiting():
            unmade = event.code is ErrorCode.CONNECT_FAILED
            fault = UNREACHABLE if unmade else NO_ANSWER
            if (yield from self._fails(fault, http.Headers())):
                return
        yield from super().handle_protocol_error(event)

    def _waiting(self) -> bool:
        done, waits = self.state_done, self.state_wait_for_response_headers
        return bool(self.client_state == done and self.server_state == waits)

    def _fails(self, fault: str, headers: http.Headers) -> layer.CommandGenerator[bool]:
        """Asks what is to be done about the fault; True once it is done."""
        standby = standby_of(self.flow)
        if standby is None or not standby.heeds(fault):
            return False
        standby.ask(fault, headers)
        failed = self.flow.server_conn
        yield AexAgainHook(self.flow)
        if standby.verdict == "as usual":
            return False
        yield from self._abandon(failed)
        if (yield from self.check_killed(True)):
            return True
        if standby.verdict == "again":
            yield from self._send_again()
        else:
            yield from self.send_response()
        return True

    def _abandon(self, failed: Server) -> layer.CommandGenerator[None]:
        queued = self._paused_event_queue
        kept = (event for event in queued if not isinstance(event, OF_THE_PROVIDER))
        self._paused_event_queue = deque(kept)
        position = self.context.layers.index(self)
        cast("Abandons", self.context.layers[position - 1]).abandon(failed)
        if failed.connected:
            yield commands.CloseConnection(failed)
        # No byte of the next try can have left until it has a connection of its own.
        self.context.server = self.flow.server_conn = Server(address=None)

    def _send_again(self) -> layer.CommandGenerator[None]:
        if not (yield from self.make_server_connection()):
            return
        request, provider = self.flow.request, self.context.server
        body = request.raw_content
        yield SendHttp(RequestHeaders(self.stream_id, request, not body), provider)
        if body:
            yield SendHttp(RequestData(self.stream_id, body), provider)
        yield SendHttp(RequestEndOfMessage(self.stream_id), provider)
