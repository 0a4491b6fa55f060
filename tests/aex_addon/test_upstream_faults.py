"""Whatever a provider does on the wire, in any format: the client's bytes are the provider's up to
the fault, the call comes to one end, and no less is booked than was billed.

In this process, over real sockets, with recorded answers. The smart provider and both doors are in
tests/end_to_end/test_faults.py.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aex_addon.inflight import InFlight
from ledger.state import Execution
from providers.edges import edge_of
from providers.mcp_meter import McpFacts
from providers.registry import PROVIDERS
from providers.subscriptions import METERED
from tests.aex_addon import truth
from tests.aex_addon.faults import FAULTS
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.sending import Fault, Sender, Taken, playing, take
from tests.aex_addon.wire import Client, Upstream, connected
from tests.providers.contract import run
from tests.providers.recorded import Recorded, formats, metered
from tests.tables import TABLE

ENDS = ("exact", "adjusted", "estimated", "uncertain", "released")


def samples() -> dict[tuple[object, ...], Recorded]:
    """Of each kind of format and of answer the recorded call that tells the most: with usage, in
    the most events. Dialects of a format differ in what they tell, not in how it is sent. (Plans
    are left out: their answers are sent as those of the API, and they have no base URL.)"""
    found: dict[tuple[object, ...], Recorded] = {}
    on_plans = {name for names in METERED.values() for name in names}
    for wire_format in formats():
        if wire_format.name in on_plans:
            continue
        for each in metered(wire_format.name):
            kind = (type(wire_format), each.kind, type(edge_of(each.content_type)))
            if each.usage is not None and _tells_more(each, found.get(kind)):
                found[kind] = each
    return found


def _tells_more(recorded: Recorded, other: Recorded | None) -> bool:
    if other is None:
        return True
    if recorded.wire_format is not other.wire_format:
        return False
    return recorded.case.answer.count(b"\n") > other.case.answer.count(b"\n")


CASES = [
    pytest.param(each, id=f"{each.wire_format.name}-{each.kind}") for each in samples().values()
]


@asynccontextmanager
async def facing(home: Path, provider: Upstream, recorded: Recorded) -> AsyncIterator[Rig]:
    """A gateway that takes the recorded call."""
    upstream = {"upstream": f"http://127.0.0.1:{provider.port}", "api_key_env": "OPENAI_API_KEY"}
    changes: dict[str, Any] = {
        "providers": {each.id: upstream for each in PROVIDERS},
        "mcp": {"mcp": {**truth.TOOLS, "url": f"{upstream['upstream']}/mcp"}},
        **told(recorded),
        "body_limit_mib": 1,
    }
    async with gateway(home, provider.port, budget_nanousd=10**15, **changes) as rig:
        yield rig


def told(recorded: Recorded) -> dict[str, Any]:
    """Settings with which a gateway takes the call."""
    settings = truth.settings_of(recorded)
    told = {"models", "server_calls_max"}
    return settings.model_dump(mode="json", include=told, exclude_unset=True)


def request(rig: Rig, recorded: Recorded, body: bytes | None = None, **more: str) -> bytes:
    """The recorded call, or another body, as its client sends it to the base-URL door."""
    call = recorded.call
    path = below_base(rig, call.provider, call.path)
    headers = {name.replace("-", "_"): value for name, value in call.headers.items()}
    query = f"?{call.query}" if call.query else ""
    return rig.request(path + query, call.body if body is None else body, **headers, **more)


def below_base(rig: Rig, provider: str, path: str) -> str:
    """A provider's own path as it is at AEX's address."""
    route = rig.pipeline.parts.configuration.routes.by_id(provider)
    assert route is not None
    for mine, theirs in route.provider.base_prefixes:
        if path.startswith(theirs):
            return mine + path.removeprefix(theirs)
    raise AssertionError(f"no base URL of {provider} leads to {path}")


async def until(holds: Callable[[], object]) -> None:
    """Lets the others work until it holds; the test's own timeout ends what never does."""
    while not holds():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.001)


async def settled(rig: Rig) -> Execution:
    """The newest row, once it has its end; nothing stays reserved."""
    await until(lambda: not rig.pipeline.inflight)
    assert rig.agent().reserved_nanousd == 0
    return rig.executions()[-1]


def judge(row: Execution, recorded: Recorded, broken: bool, sent: bytes) -> None:
    """The law of booking, for an answer of success of which so much was sent."""
    appraisal, usage = truth.appraisal_of(recorded), recorded.usage
    assert appraisal.price is not None
    assert usage is not None
    call: InFlight = truth.call_of(recorded, appraisal)
    assert row.state == "COMMITTED"
    if row.certainty == "exact":
        if not recorded.case.answer.startswith(sent) or sent == recorded.case.answer:
            assert row.actual_nanousd == appraisal.price.bill(usage)
        else:
            # Some of it never came; what did told a count that was to be the last.
            assert 0 < row.actual_nanousd <= appraisal.price.bill(usage)
        return
    assert row.actual_nanousd <= row.reserved_nanousd
    share = 0 if recorded.facts.stream or not broken else 1000
    least = truth.least_billed(call, usage, share)
    assert row.actual_nanousd >= min(least, row.reserved_nanousd)


@dataclass
class Met:
    """What came of a call: what was sent, what its client got, how it was booked."""

    sender: Sender
    taken: Taken
    row: Execution


async def meet(rig: Rig, provider: Upstream, recorded: Recorded, fault: Fault) -> Met:
    """One call against a fault."""
    async with connected(rig.port) as client:
        said, asked = (recorded.content_type, recorded.case.answer), request(rig, recorded)
        return await played(rig, provider, client, asked, fault, said)


async def played(
    rig: Rig,
    provider: Upstream,
    client: Client,
    asked: bytes,
    fault: Fault,
    said: tuple[str, bytes],
) -> Met:
    """A request against a fault of an answer (its kind and bytes). A client whose provider stalls
    goes away."""
    sent: list[Sender] = []
    taken = Taken()
    provider.answers.append(playing(fault, *said, sent))
    await client.send(asked)
    taking = asyncio.ensure_future(take(client, taken))
    await until(lambda: taking.done() or (sent and sent[0].stalled))
    await until(lambda: taking.done() or taken.status == fault.status)
    await client.close()
    await taking
    return Met(sent[0], taken, await settled(rig))


@pytest.mark.parametrize("recorded", CASES)
async def test_faults(
    recorded: Recorded,
    tmp_path: Path,
    provider: Upstream,
    record_property: Callable[[str, Any], None],
) -> None:
    """Each fault in turn."""
    async with facing(tmp_path / "home", provider, recorded) as rig:
        for name, fault in FAULTS.items():
            with about(name):
                check(name, recorded, await meet(rig, provider, recorded, fault))
    rows = rig.executions()
    assert len(rows) == len(FAULTS) == len(provider.requests)
    record_property(TABLE, row_of_table(recorded.wire_format.name, recorded.kind, rows))


def row_of_table(name: str, kind: str, rows: Sequence[Execution]) -> list[Any]:
    """How the calls of one kind ended, one for each fault."""
    ends = Counter(row.certainty or row.state.lower() for row in rows)
    columns = ("format", "answer", "faults", *ENDS)
    cells = (name, kind, *(str(n or "-") for n in (len(rows), *map(ends.get, ENDS))))
    return ["Faults of providers, and how the calls ended", columns, cells]


@contextmanager
def about(name: str) -> Iterator[None]:
    """Names the fault where the law does not hold."""
    try:
        yield
    except AssertionError as error:
        error.add_note(f"the fault: {name}")
        raise


def ran(recorded: Recorded, status: int) -> bool:
    """Whether a tool may have run before its server failed."""
    return isinstance(recorded.facts, McpFacts) and status >= 500 and status not in (503, 529)


def check(name: str, recorded: Recorded, met: Met) -> None:
    """The client's bytes, and the booking."""
    fault, taken, row = FAULTS[name], met.taken, met.row
    # What fails before there is an answer is told by AEX.
    assert taken.status == (recorded.denied(502) if fault.status == 502 else fault.status)
    if fault.status in (200, 204, 206):
        meter = recorded.wire_format.meter(recorded.facts, fault.status, met.sender.content_type)
        expected = run(meter, [met.sender.sent])[0]
        if fault.whole:
            assert taken.ended
            if met.row.reason.startswith("ended early: "):
                # Its encoding was taken off, to hide an event in it, and could not be.
                assert b"answer_unreadable" in taken.body
                assert "bomb" in name
            else:
                assert taken.body == (expected if "bomb" not in name else met.sender.sent)
        else:
            assert expected.startswith(taken.body)
        judge(row, recorded, not fault.whole, met.sender.sent)
    elif fault.status >= 429 and fault.whole and ran(recorded, fault.status):
        assert (row.reason, row.certainty) == (
            f"the provider answered {fault.status}; the tool may have run all the same",
            "uncertain",
        )
    elif fault.status >= 429 and fault.whole:
        assert (taken.body, taken.headers["retry-after"]) == (met.sender.sent, "7")
        assert (row.state, row.status_code) == ("RELEASED", fault.status)
    else:
        assert row.state == "COMMITTED"
        assert row.actual_nanousd == row.reserved_nanousd
