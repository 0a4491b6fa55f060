"""The way back: the provider's bytes to the client, with a meter looking on.

Owns: how an answer is framed and streamed; taking a content encoding off for the meter.
Refuses to know: what the meter reads, how the call is booked. The client's bytes are never
delayed, altered or lost by metering, but for the usage chunk that AEX itself asked for; and for
AEX's own key, should a provider repeat it, as some do in the error that refuses it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeGuard

from mitmproxy import http

from aex_addon import denials
from aex_addon.excess import exceeded
from aex_addon.guard import harmless, never_raising
from aex_addon.idempotency import kept_headers
from aex_addon.inflight import SWITCHED, InFlight, Recording
from aex_addon.known_secrets import Secrets
from aex_addon.tap import Tap, Tee, Watch
from providers.bulk_price import Tally
from providers.edges import Edge, edge_of
from providers.encoding import Decoder
from providers.mcp_meter import McpMeter
from providers.wire import Denial
from providers.wire_format import ReadsHeaders

# Whatever their headers say; a frame for the end of a body would be read as the next answer.
_NO_BODY = (204, 304)
_PLAIN = ("", "identity")


def _reads_headers(meter: Any) -> TypeGuard[ReadsHeaders]:
    """Whether it is such a meter. Every call asks, and looking a protocol up is slow."""
    kind: Any = type(meter)
    return _has_headers(kind)


@cache  # as many as there are kinds of meters
def _has_headers(kind: type) -> bool:
    return issubclass(kind, ReadsHeaders)


End = Callable[[Callable[[str], Denial]], object]

# How many bytes pass between two looks at whether the provider keeps to what was granted.
_LOOK_BYTES = 4096


def relay(
    flow: http.HTTPFlow,
    response: http.Response,
    inflight: InFlight,
    decoded_max: int,
    secrets: Secrets,
    end: End,
) -> None:
    """Sets the answer up to pass as it arrives; metered if it is one that is billed.

    decoded_max: bytes after which a compressed answer is no longer read (it passes on; the rest
    of an error does not).
    end:         ends the answer early, with a denial made of the execution's id.
    """
    inflight.status = response.status_code
    if inflight.due is not None and _ends_by_closing(response):
        # Results that broke off after a line would look like all of them.
        inflight.lose_sight()
    _mark(flow.request, response, inflight.admitted.execution_id)
    if response.status_code == SWITCHED:
        return
    response.stream = True
    if not 200 <= response.status_code < 300:
        _error(flow.request, response, decoded_max, secrets)
        return
    facts, wire_format = inflight.appraisal.facts, inflight.appraisal.wire_format
    if wire_format is None:
        return
    content_type = response.headers.get("content-type", "")
    inflight.meter = wire_format.meter(facts, response.status_code, content_type)
    if inflight.due is not None:
        inflight.meter = Tally(inflight.meter, inflight.due.bill)
    if _reads_headers(inflight.meter):
        inflight.meter.headers(response.headers)
    encoding = response.headers.get("content-encoding", "")
    if encoding.lower() not in _PLAIN:
        inflight.decoder = Decoder(encoding, decoded_max)
    rewritten = isinstance(inflight.meter, McpMeter) and inflight.meter.rewrites
    altered = rewritten or (facts.stream and not facts.usage_wanted and facts.kind == "metered")
    if inflight.decoder is not None and inflight.decoder.failed and not rewritten:
        # An unknown encoding: nothing can be read, so nothing can be hidden either.
        altered = False
    if altered:
        response.headers.pop("content-encoding", None)
    readable = inflight.decoder is None or altered
    edge = edge_of(content_type) if readable and facts.stream else None
    tee = _tee(inflight, altered)
    if altered and inflight.decoder is not None and not (rewritten and edge is None):
        # (A document that is written anew becomes an error by itself.)
        tee = _decoded(tee, inflight, end)
    watch = None
    if edge is not None and inflight.appraisal.price is not None:
        watch = harmless(_watch(inflight, edge, end))
    tee = never_raising(tee, inflight.lose_sight)
    if inflight.decoder is None:
        # An error may come in the middle of a stream; that is one event, and not cut.
        tee = _blotted(tee, secrets)
    if inflight.recording is not None:
        inflight.recording.headers = kept_headers(response.headers)
        tee = _recorded(tee, inflight.recording)
    response.stream = Tap(tee, edge, watch)


def _error(
    request: http.Request, response: http.Response, decoded_max: int, secrets: Secrets
) -> None:
    """Sets an answer that is not billed up to pass without any secret of AEX's in it."""
    fields = response.headers.fields
    response.headers.fields = tuple((name, secrets.blot_bytes(value)) for name, value in fields)
    if request.method == "HEAD" or response.status_code in _NO_BODY:
        return
    encoding, flowing = response.headers.pop("content-encoding", ""), secrets.flowing()
    decoder = None if encoding.lower() in _PLAIN else Decoder(encoding, decoded_max)

    def stream(data: bytes) -> bytes:
        plain = data
        if decoder is not None:
            # What cannot be read cannot be searched either, and ends here.
            plain = decoder.feed(data) if data else decoder.finish()
        return flowing.feed(plain) + (b"" if data else flowing.finish())

    response.stream = Tap(stream, None)


def _blotted(tee: Tee, secrets: Secrets) -> Tee:
    """The tee, without secrets that are whole in one of its chunks. Nothing waits for that."""
    return lambda data: secrets.blot_bytes(tee(data))


def _ends_by_closing(response: http.Response) -> bool:
    """Whether nothing but the end of the connection tells where the body ends."""
    framed = "content-length" in response.headers or "transfer-encoding" in response.headers
    return response.http_version.startswith("HTTP/1") and not framed


def _mark(request: http.Request, response: http.Response, execution_id: str) -> None:
    """Names the execution in the answer's head, and frames it so that its end is an end of its own,
    which waits for the settlement. In one pass: each look-up in mitmproxy's costs microseconds.

    With a length, a client is done at the last byte of the body, which is passed on as it comes;
    and the length would be wrong where a chunk is hidden.
    """
    fields = response.headers.fields
    replaced, added = [b"x-aex-execution-id"], [(b"x-aex-execution-id", execution_id.encode())]
    if response.status_code == SWITCHED:
        # What was not asked for is not taken up either.
        replaced.append(b"sec-websocket-extensions")
    elif _has_length(fields) and request.method != "HEAD" and response.status_code not in _NO_BODY:
        replaced.append(b"content-length")
        if request.http_version == "HTTP/1.1":
            replaced.append(b"transfer-encoding")
            added.append((b"transfer-encoding", b"chunked"))
    kept = [field for field in fields if field[0].lower() not in replaced]
    response.headers.fields = (*kept, *added)


def _has_length(fields: tuple[tuple[bytes, bytes], ...]) -> bool:
    return any(name.lower() == b"content-length" and value != b"0" for name, value in fields)


def _tee(inflight: InFlight, altered: bool) -> Tee:
    """The stream callable: provider bytes in, client bytes out; b"" is the end of the body."""

    def tee(data: bytes) -> bytes:
        meter, decoder = inflight.meter, inflight.decoder
        if meter is None:
            # It has been booked, and goes nowhere any more.
            return data
        plain = data
        if decoder is not None:
            plain = decoder.feed(data) if data else decoder.finish()
        kept = meter.feed(plain) if plain else b""
        if not data:
            kept += meter.finish()
        # An encoded answer that nothing is hidden from goes on just as it came.
        return data if decoder is not None and not altered else kept

    return tee


def _decoded(tee: Tee, inflight: InFlight, end: End) -> Tee:
    """The tee of an answer whose encoding is taken off for the client too.

    What cannot be decoded cannot be passed on, and must not look like an answer that is whole.
    """

    def decoded(data: bytes) -> bytes:
        kept = tee(data)
        if inflight.decoder is not None and inflight.decoder.failed:
            end(denials.unreadable)
        return kept

    return decoded


def _watch(inflight: InFlight, edge: Edge, end: End) -> Watch:
    """A look now and then at what has come of a stream."""
    left = _LOOK_BYTES

    def watch(came: int) -> None:
        nonlocal left
        left -= came
        if left < 0:
            left = _LOOK_BYTES
            if edge.events and exceeded(inflight, edge.unread):
                end(denials.outgrown)

    return watch


def _recorded(tee: Tee, recording: Recording) -> Tee:
    """The tee, with what it lets through kept."""

    def recorded(data: bytes) -> bytes:
        kept = tee(data)
        recording.keep(kept)
        return kept

    return recorded
