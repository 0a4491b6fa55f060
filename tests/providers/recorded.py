"""All recorded calls of all formats, for tests that hold for any of them.

Owns: finding them, and the provider and the path that each would really have. What a case's
call.json does not say, the contract class of the format does, or of one of the same kind (a
subclass of WireFormatContract in any tests/providers/test_*.py).
Refuses to know: any one format.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path

from providers.mcp_errors import reply
from providers.mcp_meter import McpFacts
from providers.mcp_server import server
from providers.paths import canonical
from providers.provider import Provider
from providers.registry import FORMATS, PROVIDERS
from providers.subscriptions import METERED
from providers.wire import Call, Denial, Facts, Usage
from providers.wire_format import Meter, WireFormat
from tests.providers.contract import FIXTURES, Case, WireFormatContract

# The table's, and a server of MCP, which an operator alone can name.
TOOL_USD = Decimal("0.01")
ROWS = (*PROVIDERS, server("mcp", "https://mcp.example.com", "/mcp"))


@dataclass(frozen=True)
class Recorded:
    """One recorded call, as the format reads it."""

    case: Case
    call: Call
    facts: Facts

    @property
    def name(self) -> str:
        return f"{self.case.wire_format.name}/{self.case.name}"

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def wire_format(self) -> WireFormat:
        return self.case.wire_format

    @property
    def kind(self) -> str:
        """`stream` or `JSON`, as the call asks; where the server chooses, as it answered."""
        chosen = isinstance(self.facts, McpFacts)
        streams = "event-stream" in self.content_type if chosen else self.facts.stream
        return "stream" if streams else "JSON"

    @property
    def spoken(self) -> tuple[str, ...]:
        """The formats of the call's provider."""
        return spoken_by(row_of(self.call))

    @property
    def usage(self) -> Usage | None:
        """What the provider told, if it told anything of use."""
        told = self.case.usage
        if told.get("counts") is None:
            return None
        cost = told.get("cost_usd")
        counts, model, tier = told["counts"], told.get("model"), told.get("service_tier")
        return Usage(counts, model, tier, None if cost is None else Decimal(cost))

    @property
    def status(self) -> int:
        """Of the answer."""
        return int(self.case.settings.get("status", 200))

    @property
    def content_type(self) -> str:
        """Of the answer."""
        return self.case.content_type

    def denied(self, status: int) -> int:
        """The status by which the format tells a final denial of this one."""
        denial = Denial(status, "a_code", "A message.")
        return reply(self.wire_format, denial, self.call.body).status

    def meter(self, told: bool = True) -> Meter:
        return self.case.meter(self.facts, told)


def formats() -> list[WireFormat]:
    """Those that have recorded calls."""
    return [each for each in FORMATS if (FIXTURES / each.name).is_dir()]


@cache
def recorded(name: str) -> tuple[Recorded, ...]:
    """The recorded calls of one format."""
    (wire_format,) = [each for each in FORMATS if each.name == name]
    contract = _contract(wire_format)
    contract.wire_format = wire_format
    found = []
    for case in contract.cases():
        call = _at_its_provider(case.call(contract.default), name)
        facts = wire_format.read(call)
        if isinstance(facts, McpFacts):
            facts = replace(facts, prices=(TOOL_USD,) * len(facts.calls))
        found.append(Recorded(case, call, facts))
    return tuple(found)


def metered(name: str) -> list[Recorded]:
    """Those that cost money and were answered with success."""
    return [
        each for each in recorded(name) if each.facts.kind == "metered" and each.status // 100 == 2
    ]


def row_of(call: Call) -> Provider:
    """The provider of a recorded call."""
    return next(row for row in ROWS if row.id == call.provider)


def spoken_by(row: Provider) -> tuple[str, ...]:
    """Its formats where everything that can be metered is."""
    return (*METERED.get(row.id, ()), *row.formats)


def _at_its_provider(call: Call, name: str) -> Call:
    """The call at a provider that speaks the format, under a path that this provider has."""
    rows = [row for row in ROWS if name in spoken_by(row)]
    row = next((row for row in rows if row.id == call.provider), rows[0])
    path = call.path
    if call.canonical is not None or canonical(row.nests, path)[0] == "":
        path = _nested(row, call.canonical or path, call.path_model or "m")
    theirs, model = canonical(row.nests, path)
    model = model or call.path_model
    return replace(call, provider=row.id, path=path, canonical=theirs, path_model=model)


def _nested(row: Provider, path: str, model: str) -> str:
    for ours, theirs in row.nests:
        if path.startswith(f"{theirs}/"):
            return ours.replace("{model}", model) + path.removeprefix(theirs)
    return path


@cache
def _contracts() -> tuple[type[WireFormatContract], ...]:
    found = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if "(WireFormatContract)" in path.read_text():
            module = importlib.import_module(f"tests.providers.{path.stem}")
            found += [
                each
                for each in vars(module).values()
                if isinstance(each, type)
                and issubclass(each, WireFormatContract)
                and hasattr(each, "wire_format")
            ]
    return tuple(found)


def _contract(wire_format: WireFormat) -> WireFormatContract:
    for fits in (
        lambda each: each.wire_format.name == wire_format.name,
        lambda each: type(each.wire_format) is type(wire_format),
    ):
        for each in filter(fits, _contracts()):
            return each()
    raise LookupError(f"no contract class has a wire format like {wire_format.name}")
