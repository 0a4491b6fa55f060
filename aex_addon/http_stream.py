"""mitmproxy's stream of one request and answer, with a limit and an end of AEX's own.

Owns: (1) what the limit on bodies holds for: what AEX keeps whole, not what only passes through;
(2) ending a call that is under way, which no hook can: an answer that has not begun becomes a
denial, a stream gets its last event and a proper end, anything else is broken off. The provider's
connection is closed first, so that it stops generating; (3) saying something beside a stream.
Refuses to know: when a call is to end, and what its last words are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestProtocolError,
    ResponseData,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

from aex_addon.http_again import OF_THE_PROVIDER, TryingStream

logger = logging.getLogger("aex")

Shape = Callable[[http.HTTPFlow, int, str], http.Response | None]

_WHY = "AEX ended this call."
_SMALL_DIGITS = len("1048576") - 1


@dataclass(frozen=True, slots=True)
class Remarks:
    """What the layer asks about a flow.

    shape:  mitmproxy's own error (flow, status, message) as an answer; None leaves it as it is.
    passes: the flow's body goes on as it comes and is kept nowhere. Asked before any hook.
    """

    shape: Shape
    passes: Callable[[http.HTTPFlow], bool]


@dataclass(frozen=True, slots=True)
class Farewell:
    """How a call is ended.

    answer:     where the client has been given none.
    last_words: of a stream, asked when it is ended; None where it must be broken off.
    """

    answer: http.Response
    last_words: Callable[[], bytes | None]


class Interrupt(events.MessageInjected[Farewell]):
    """Ends the call of its flow."""


class Aside(events.MessageInjected[Callable[[], bytes]]):
    """Says something more to the client of its flow, in the middle of a stream."""


class GovernedStream(TryingStream):
    """mitmproxy's stream with both."""

    remarks: Remarks
    ended = False

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        """An announced length is judged for requests that are read; what is held, always."""
        held = self.request_body_buf if request else self.response_body_buf
        if not held and (not request or self._is_small() or self._passes()):
            return _no()
        return super().check_body_size(request)

    def _is_small(self) -> bool:
        """Whether it announces less than every limit (1 MiB is the smallest), or no length."""
        return len(self.flow.request.headers.get("content-length", "")) <= _SMALL_DIGITS

    def _passes(self) -> bool:
        try:
            return self.remarks.passes(self.flow)
        except Exception:
            # An exception here would hang the client; the hooks that follow refuse the call.
            logger.exception("it could not be told whether a body passes; the limit holds")
            return False

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Once ended, nothing more of the provider is heard."""
        if isinstance(event, Interrupt):
            return self._interrupt(event.message)
        if isinstance(event, Aside):
            return self._say(event.message)
        if self.ended and isinstance(event, OF_THE_PROVIDER):
            return _nothing()
        return super()._handle_event(event)

    def passthrough(self, event: events.Event) -> layer.CommandGenerator[None]:
        """On a WebSocket what there is to say is in its outbox already."""
        if isinstance(event, Interrupt) and event.flow is self.flow:
            return self.speak()
        return super().passthrough(event)

    def _interrupt(self, farewell: Farewell) -> layer.CommandGenerator[None]:
        over = (self.state_done, self.state_errored)
        if self.ended or self.client_state != self.state_done or self.server_state in over:
            return
        self.ended = True
        unanswered = self.server_state == self.state_wait_for_response_headers
        last_words = farewell.last_words()
        gone = RequestProtocolError(self.stream_id, _WHY, ErrorCode.CANCEL)
        yield SendHttp(gone, self.context.server)
        if unanswered:
            self.flow.response = farewell.answer
            yield from self.send_response()
        elif last_words is not None and self.server_state == self.state_stream_response_body:
            yield SendHttp(ResponseData(self.stream_id, last_words), self.context.client)
            yield from self.send_response(already_streamed=True)
        else:
            yield from self._break_off()

    def _say(self, beside: Callable[[], bytes]) -> layer.CommandGenerator[None]:
        """While an answer streams, and at no other time, something can be said beside it."""
        if self.ended or self.server_state != self.state_stream_response_body:
            return
        if words := beside():
            yield SendHttp(ResponseData(self.stream_id, words), self.context.client)

    def _break_off(self) -> layer.CommandGenerator[None]:
        self.flow.error = mitm_flow.Error(_WHY)
        yield HttpErrorHook(self.flow)
        broken = ResponseProtocolError(self.stream_id, _WHY, ErrorCode.KILL)
        yield SendHttp(broken, self.context.client)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored


def _nothing() -> layer.CommandGenerator[None]:
    yield from ()


def _no() -> layer.CommandGenerator[bool]:
    yield from ()
    return False
