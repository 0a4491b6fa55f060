"""What the events of one OpenAI response tell: its usage, its end, a bound on its output so far.

Owns: which events tell what. Refuses to know: how they come (openai_responses_meter.py, _ws.py),
what a token costs. It never raises: what it cannot read counts by its bytes.

The last events of a response (`completed`, `incomplete`, `failed`) carry all of it, usage included,
though `failed` may carry none. Until then the output is bounded by its bytes (see tokens.py): each
piece of an item comes as deltas, again when that piece is done, and again when the item is done, so
of these the largest counts, once for each item; and a little per delta and item for tokens that
leave no text.

Uses of the provider's own tools are counted by the items that they leave; where the response says
itself how many web searches it was billed, that is the number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

from providers.fields import Row, extract
from providers.jsonanswer import string_bytes, text_field
from providers.openai_responses_dialects import OPENAI
from providers.openai_usage import UsageShape
from providers.wire import Reading, Usage

DELTA_TOKENS = 1
ITEM_TOKENS = 16

# https://developers.openai.com/api/reference/resources/responses (the `tool_usage` of a response)
_TOLD = (Row("web_searches", ("web_search", "num_requests")),)
# https://developers.openai.com/api/docs/guides/tools-web-search: only searches have a fee, opening
# a page and searching in it have none.
_UNITS = {
    "web_search_call": "web_searches",
    "file_search_call": "storage_searches",
    "code_interpreter_call": "code_executions",
}
_LAST = frozenset(("response.completed", "response.incomplete", "response.failed"))
_ENVELOPES = _LAST | {"response.created", "response.in_progress", "response.queued"}
# Labels, not output.
_LABELS = frozenset(
    (
        *("type", "id", "item_id", "call_id", "response_id", "event_id", "stream_id"),
        *("role", "status", "phase", "obfuscation", "logprobs"),
    )
)


class Tally:
    """What the events of one response have said so far; fed one parsed event at a time."""

    def __init__(self, shape: UsageShape = OPENAI.usage) -> None:
        self._shape = shape
        self.usage: Usage | None = None
        self.complete = False
        self.status: int | None = None
        self._whole = 0
        self._loose = 0
        self._deltas: Counter[Any] = Counter()
        self._done: defaultdict[Any, Counter[str]] = defaultdict(Counter)
        self._ended: dict[Any, int] = {}
        self._tools: dict[Any, str] = {}
        self._stored: tuple[str, int] | None = None

    def event(self, event: dict[str, Any], size: int) -> None:
        """Takes in an event that was `size` bytes on the wire."""
        kind = event.get("type")
        if not isinstance(kind, str):
            self._loose += size
            return
        if kind == "error":
            self._refused(event.get("status"))
            return
        if kind.startswith("response."):
            self.status = 200
        if kind in _ENVELOPES:
            self._envelope(kind, event.get("response"))
        else:
            self._output(kind, event)

    def loose(self, size: int) -> None:
        """Bytes that cannot be read count as output, all of them."""
        self._loose += size

    def response(self, response: dict[str, Any]) -> None:
        """Takes in a whole response: its usage replaces what was told before."""
        output = response.get("output")
        items = output if isinstance(output, list) else []
        self._whole = max(self._whole, sum(_text_bytes(item) + ITEM_TOKENS for item in items))
        for index, item in enumerate(items):
            self._note_tool(index, item)
        model, tier = text_field(response, "model"), text_field(response, "service_tier")
        told = self._shape.read(self._shape.find(response), model, tier)
        if told is not None:
            counts = {**told.counts, **self._units(response)}
            self.usage = replace(told, counts=counts)
            name = text_field(response, "id")
            framing = ITEM_TOKENS * max(len(items), len(self._ended))
            self._stored = (name, counts["output_tokens"] + framing) if name else None

    def reading(self) -> Reading:
        """What is known now."""
        items = self._deltas.keys() | self._done.keys() | self._ended.keys()
        parts = sum(
            ITEM_TOKENS
            + max(
                self._deltas[item],
                max(self._done[item].values(), default=0) if item in self._done else 0,
                self._ended.get(item, 0),
            )
            for item in items
        )
        output_max = self._loose + max(parts, self._whole)
        return Reading(
            self.usage, output_max, self.complete, stored=self._stored, status=self.status
        )

    def _refused(self, status: Any) -> None:
        """An error ends the response; before anything else it is the answer's status."""
        self.complete = True
        if self.status is None and type(status) is int and 400 <= status <= 599:
            self.status = status

    def _envelope(self, kind: str, response: Any) -> None:
        if kind in _LAST:
            self.complete = True
            if isinstance(response, dict):
                self.response(response)

    def _output(self, kind: str, event: dict[str, Any]) -> None:
        index = event.get("output_index")
        place = index if type(index) is int else None
        size = _text_bytes(event)
        if kind.startswith("response.output_item."):
            self._ended[place] = max(self._ended.get(place, 0), size)
            if kind.endswith(".done"):
                self._note_tool(place, event.get("item"))
        elif kind.endswith(".done"):
            self._done[place][kind] += size
        elif size or kind.endswith(".delta"):
            self._deltas[place] += size + DELTA_TOKENS

    def _note_tool(self, place: Any, item: Any) -> None:
        kind = item.get("type") if isinstance(item, dict) else None
        if isinstance(kind, str) and kind in _UNITS:
            action = item.get("action")
            does = action.get("type") if isinstance(action, dict) else None
            is_fee = kind != "web_search_call" or does not in ("open_page", "find_in_page", "find")
            self._tools[place] = _UNITS[kind] if is_fee else ""

    def _units(self, response: dict[str, Any]) -> dict[str, int]:
        units = Counter(unit for unit in self._tools.values() if unit)
        told = extract(_TOLD, response.get("tool_usage")) or {}
        return {unit: count for unit, count in {**units, **told}.items() if count}


def _text_bytes(value: Any) -> int:
    return string_bytes(value, but=_LABELS)
