"""The answers of an MCP server: what became of each call, and lists without what is hidden.

Owns: reading JSON and event streams, at any cut; when a call is billed.
Refuses to know: what a call costs (the facts say it), who may call what (they hold that too).

A call is billed when its answer comes, a tool's own error (`isError`) included: the tool ran. Not
billed is one that the server refused before any tool ran, by an error of JSON-RPC that says so
(https://www.jsonrpc.org/specification#error_object). Where the answer comes on another stream
(202, the older transport) the acceptance is the answer.

Bytes pass as they come, but where something may have to be hidden: there an event, or a document,
waits until it is whole. What is larger than `HELD_MAX` is not held: on a stream of the server's own
it passes, for only a list of that size could hide in it; the answer to a list becomes an error, as
does one that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from providers import mcp_errors
from providers.mcp_lists import Shown, homed, messages, with_data, without_hidden
from providers.mcp_messages import Id
from providers.media_type import media_type
from providers.sse import Piece, Splitter
from providers.wire import Denial, Facts, Reading, Usage

UNIT = "tool_calls"
HELD_MAX = 16 * 1024 * 1024
_UNREADABLE = Denial(
    502, "answer_unreadable", "AEX ended this answer: no list of tools can be read in it."
)

# Parse error, invalid request, method not found, invalid params: nothing ran.
_REFUSALS = frozenset((-32700, -32600, -32601, -32602))
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class McpFacts(Facts):
    """Facts of messages.

    calls: of each tool's call its id and its tool; prices: what each costs (USD), once appraised.
    lists: the ids by which tools are asked to be listed.
    listens: it is a stream that any answer may come on.
    shown: which tools the agent may see; None: all. home: where AEX serves this server, if the
           client asks it there and not at the server's own host.
    """

    calls: tuple[tuple[Id, str], ...] = ()
    prices: tuple[Decimal, ...] = ()
    lists: tuple[Id, ...] = ()
    listens: bool = False
    shown: Shown | None = field(default=None, repr=False, compare=False)
    home: str = ""

    @property
    def bill(self) -> Usage:
        """All calls together, once they have their prices."""
        return Usage({UNIT: len(self.calls)}, cost_usd=sum(self.prices, _NOTHING))

    @property
    def rewrites(self) -> bool:
        """Whether something of the answer may have to be changed."""
        hides = self.shown is not None and (self.listens or bool(self.lists))
        return hides or (self.listens and bool(self.home))


class McpMeter:
    """Counts one answer.

    endpoint: where a stream of the older transport has its client post, in the server's own words;
              "" until it has said so. rewrites: something of this answer may have to be changed.
    """

    def __init__(self, facts: McpFacts, status: int, content_type: str) -> None:
        self.endpoint = ""
        self._facts = facts
        costs = facts.prices or (_NOTHING,) * len(facts.calls)
        self._costs: Mapping[Id, Decimal] = dict(
            zip((id_ for id_, _ in facts.calls), costs, strict=True)
        )
        accepted = status == 202
        self._billed: dict[Id, Decimal] = dict(self._costs) if accepted else {}
        self._answered: set[Id] = set(self._costs) if accepted else set()
        events = media_type(content_type) == "text/event-stream"
        self._events = Splitter(HELD_MAX) if events else None
        # What a stream should be and is none has nothing to be hidden.
        self.rewrites = facts.rewrites and (events or bool(facts.lists))
        self._document = bytearray()
        self._overflowed = False

    def feed(self, data: bytes) -> bytes:
        """The same bytes, at once or once they have been looked at."""
        if self._events is None:
            return self._keep(data)
        passed = [self._event(piece) for piece in self._events.feed(data)]
        return b"".join(passed) if self.rewrites else data

    def finish(self) -> bytes:
        """What was held back."""
        if self._events is not None:
            rest = self._events.flush()
            passed = self._event(rest) if rest else b""
            return passed if self.rewrites else b""
        document = bytes(self._document)
        self._document.clear()
        self._note(document)
        if not self.rewrites:
            return b""
        if self._overflowed or (self._facts.lists and messages(document)[0] is None):
            return self._unreadable()
        return (
            document if self._facts.shown is None else without_hidden(document, self._facts.shown)
        )

    def reading(self) -> Reading:
        """What was billed, as soon as every call has been answered."""
        if not self._costs or len(self._answered) < len(self._costs):
            return Reading(None, 0, complete=False)
        usage = Usage({UNIT: len(self._billed)}, cost_usd=sum(self._billed.values(), _NOTHING))
        return Reading(usage, 0, complete=True)

    def _keep(self, data: bytes) -> bytes:
        """Of a document: a copy, while it is not too large to be read."""
        if len(self._document) + len(data) > HELD_MAX:
            self._overflowed = True
            self._document.clear()
        elif not self._overflowed:
            self._document += data
        return b"" if self.rewrites else data

    def _event(self, piece: Piece) -> bytes:
        """An event as it goes on."""
        if piece.oversized and self.rewrites and self._facts.lists:
            return b"" if piece.continues else with_data(b"", self._unreadable())
        if piece.data is None:
            return piece.raw
        if piece.name == "endpoint" and self._facts.listens:
            return self._homed(piece)
        self._note(piece.data)
        if self._facts.shown is None or not self.rewrites:
            return piece.raw
        data = without_hidden(piece.data, self._facts.shown)
        return piece.raw if data is piece.data else with_data(piece.raw, data)

    def _unreadable(self) -> bytes:
        return mcp_errors.document(_UNREADABLE, self._facts.lists[0])

    def _homed(self, piece: Piece) -> bytes:
        self.endpoint = (piece.data or b"").decode("utf-8", "replace")
        if not self._facts.home:
            return piece.raw
        return with_data(piece.raw, homed(self.endpoint, self._facts.home).encode())

    def _note(self, data: bytes) -> None:
        if len(self._answered) == len(self._costs):
            return
        for id_, refused in _answers(messages(data)[1]):
            if id_ in self._costs and id_ not in self._answered:
                self._answered.add(id_)
                if not refused:
                    self._billed[id_] = self._costs[id_]


def _answers(found: list[dict[str, Any]]) -> Iterator[tuple[Id, bool]]:
    """Of each answer the id of its request, and whether that was refused before anything ran."""
    for message in found:
        id_, error = message.get("id"), message.get("error")
        if not (type(id_) is int or isinstance(id_, str)):
            continue
        if isinstance(error, dict):
            code = error.get("code")
            yield id_, type(code) is int and code in _REFUSALS
        elif "result" in message:
            yield id_, False
