"""The faults of a provider about batches: as one begins, as it is looked at, as results are read.

A batch is booked at its bound, whatever becomes of the answer that begins it, unless it was
refused; and is corrected once, by an answer that came whole. A fault never brings another bill.
Groq's batches are OpenAI's in another place, so only the plainest faults are tried on them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.state import Bulk, Execution
from tests.aex_addon.faults import FAULTS
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.test_upstream_faults import Met, about, played, row_of_table
from tests.aex_addon.test_upstream_faults_formats import PLAINEST
from tests.aex_addon.wire import Upstream, connected
from tests.providers.batches import CHAT, FORM, MODEL, form, jsonl, line, numbered
from tests.tables import TABLE

TOLD = {"prompt_tokens": 10, "completion_tokens": 5}
JSON, LINES = "application/json", "application/octet-stream"
# What is not billed, for it says that nothing was begun.
REFUSED = ("429", "529")


@dataclass(frozen=True)
class Api:
    """One API of batches, with two calls of 10 and 5 tokens in each batch; bill in nano-dollars."""

    format: str
    provider: str
    base: str
    model: str
    bill: int

    @property
    def line(self) -> tuple[str, bytes]:
        """The path and the body that begin one."""
        over = {"input_file_id": "file-1", "endpoint": CHAT, "completion_window": "24h"}
        return f"{self.base}/batches", json.dumps(over).encode()

    def made(self, name: str) -> bytes:
        """The answer to that."""
        said = {"id": name, "object": "batch", "status": "validating", "output_file_id": None}
        return json.dumps(said).encode()

    def look(self, name: str, **told: Any) -> tuple[str, bytes]:
        """Where it is looked at, and what that tells once it has ended."""
        counts = {"total": 2, "completed": 2, "failed": 0}
        said = {"id": name, "object": "batch", "status": "completed", "request_counts": counts}
        said |= {"output_file_id": f"out-{name}", **told}
        return f"{self.base}/batches/{name}", json.dumps(said).encode()

    def results(self, name: str) -> tuple[str, bytes]:
        """Where its results are, and what they are."""
        body = {"model": self.model, "usage": TOLD}
        each = {"response": {"status_code": 200, "body": body}, "error": None}
        return f"{self.base}/files/out-{name}/content", jsonl(*numbered(each, each))

    async def prepare(self, rig: Rig, provider: Upstream) -> None:
        """Uploads the file of all batches."""
        provider.json(b'{"id": "file-1", "object": "file"}')
        data = form(jsonl(line(1, model=self.model), line(2, model=self.model)))
        request = rig.request(f"{self.base}/files", data, content_type=FORM)
        async with connected(rig.port) as client:
            assert (await client.call(request)).status == 200


@dataclass(frozen=True)
class Anthropic(Api):
    """Anthropic's, whose batches hold their calls themselves."""

    @property
    def line(self) -> tuple[str, bytes]:
        asked = {"model": self.model, "max_tokens": 64}
        asked |= {"messages": [{"role": "user", "content": "Hellö"}]}
        requests = numbered({"params": asked}, {"params": asked})
        return f"{self.base}/messages/batches", json.dumps({"requests": requests}).encode()

    def made(self, name: str) -> bytes:
        counts = {"processing": 2, "succeeded": 0, "errored": 0}
        said = {"id": name, "type": "message_batch", "processing_status": "in_progress"}
        return json.dumps({**said, "request_counts": counts, "results_url": None}).encode()

    def results(self, name: str) -> tuple[str, bytes]:
        usage = {"input_tokens": 10, "output_tokens": 5, "service_tier": "batch"}
        message = {"model": self.model, "usage": usage}
        each = {"result": {"type": "succeeded", "message": message}}
        return f"{self.base}/messages/batches/{name}/results", jsonl(*numbered(each, each))

    async def prepare(self, rig: Rig, provider: Upstream) -> None:
        """There is nothing to prepare."""


GROQ_MODEL, CLAUDE = "openai/gpt-oss-120b", "claude-haiku-4-5"
APIS = (
    Api("openai_batches", "openai", "/v1", MODEL, 2 * (10 * 75 + 5 * 300)),
    Api("groq_batches", "groq", "/groq/v1", GROQ_MODEL, 2 * (10 * 75 + 5 * 300)),
    Anthropic(
        *("anthropic_batches", "anthropic", "/anthropic/v1", CLAUDE),
        bill=2 * (10 * 500 + 5 * 2500),
    ),
)


def faults_of(api: Api) -> tuple[str, ...]:
    """The names of those that are tried."""
    return PLAINEST if api.provider == "groq" else tuple(FAULTS)


apis = pytest.mark.parametrize("api", APIS, ids=lambda api: api.format)


@asynccontextmanager
async def serving(home: Path, provider: Upstream, api: Api) -> AsyncIterator[Rig]:
    """A gateway of all three."""
    upstream = {"upstream": f"http://127.0.0.1:{provider.port}", "api_key_env": "OPENAI_API_KEY"}
    providers = {each.provider: upstream for each in APIS}
    async with gateway(home, provider.port, budget_nanousd=10**12, providers=providers) as rig:
        await api.prepare(rig, provider)
        yield rig


def kept(rig: Rig, api: Api, name: str) -> Bulk | None:
    """What is known of a batch."""
    with rig.reader() as reader:
        return reader.bulks().get(f"{api.provider}/{name}")


def booked(rig: Rig, api: Api, name: str) -> Execution:
    """The call that began it."""
    known = kept(rig, api, name)
    assert known is not None
    return next(row for row in rig.executions() if row.execution_id == known.execution_id)


def get(rig: Rig, path: str) -> bytes:
    """A request that fetches."""
    return rig.request(path, b"").replace(b"POST", b"GET", 1)


async def meet(rig: Rig, provider: Upstream, name: str, asked: bytes, said: Any) -> Met:
    """A request against a fault; the client's bytes are the provider's, up to it."""
    fault = FAULTS[name]
    async with connected(rig.port) as client:
        met = await played(rig, provider, client, asked, fault, said)
    assert met.taken.status == fault.status
    if fault.status in (200, 204, 206):
        assert met.sender.sent.startswith(met.taken.body)
        assert not fault.whole or met.taken.body == met.sender.sent
    return met


async def begin(rig: Rig, provider: Upstream, api: Api, name: str, fault: str) -> Met:
    """A batch, and what becomes of the answer to that."""
    return await meet(rig, provider, fault, rig.request(*api.line), (JSON, api.made(name)))


@apis
async def test_as_it_begins(
    api: Api,
    tmp_path: Path,
    provider: Upstream,
    record_property: Callable[[str, Any], None],
) -> None:
    """It may run from then on, so all of its bound is spent; its id is known if that came."""
    rows = []
    async with serving(tmp_path / "home", provider, api) as rig:
        for number, name in enumerate(faults_of(api)):
            with about(name):
                met = await begin(rig, provider, api, f"b{number}", name)
                check_begun(met, api, f"b{number}", name, kept(rig, api, f"b{number}"))
                rows.append(met.row)
        assert rig.agent().spent_nanousd == sum(row.actual_nanousd for row in rows)
    record_property(TABLE, row_of_table(api.format, "begins", rows))


def check_begun(met: Met, api: Api, batch: str, name: str, known: Bulk | None) -> None:
    """The booking of a batch that is begun against a fault."""
    if name in REFUSED:
        assert (met.row.state, met.row.actual_nanousd, known) == ("RELEASED", 0, None)
        return
    assert met.row.state == "COMMITTED"
    assert met.row.actual_nanousd == met.row.reserved_nanousd > api.bill
    assert met.row.certainty == ("uncertain" if known is None else "estimated")
    if known is not None:
        assert f'"{batch}"'.encode() in met.sender.sent
    came_whole = FAULTS[name].whole and met.sender.sent == api.made(batch)
    assert known is not None or not came_whole


@apis
async def test_as_results_are_read(
    api: Api,
    tmp_path: Path,
    provider: Upstream,
    record_property: Callable[[str, Any], None],
) -> None:
    """They are the bill if they came whole, once; else the bound stands."""

    async def ready(rig: Rig, name: str) -> tuple[str, bytes]:
        if api.format != "anthropic_batches":
            path, told = api.look(name)
            await meet(rig, provider, "trailers", get(rig, path), (JSON, told))
        return api.results(name)

    rows = await corrected(api, tmp_path, provider, ready, LINES)
    record_property(TABLE, row_of_table(api.format, "results", rows))


@pytest.mark.parametrize("api", APIS[:2], ids=lambda api: api.format)
async def test_as_it_is_looked_at(
    api: Api,
    tmp_path: Path,
    provider: Upstream,
    record_property: Callable[[str, Any], None],
) -> None:
    """Where the batch itself tells what it came to, the same holds."""

    async def ready(_rig: Rig, name: str) -> tuple[str, bytes]:
        return api.look(name, usage={"input_tokens": 20, "output_tokens": 10})

    rows = await corrected(api, tmp_path, provider, ready, JSON)
    record_property(TABLE, row_of_table(api.format, "look", rows))


async def corrected(
    api: Api, home: Path, provider: Upstream, ready: Callable[..., Any], kind: str
) -> list[Execution]:
    """The batches after each fault of an answer that corrects them: as they were then booked."""
    rows: list[Execution] = []
    async with serving(home / "home", provider, api) as rig:
        number, name = 0, ""
        for fault in faults_of(api):
            if not name:
                number, name = number + 1, f"b{number}"
                await begin(rig, provider, api, name, "trailers")
            with about(fault):
                path, answer = await ready(rig, name)
                met = await meet(rig, provider, fault, get(rig, path), (kind, answer))
                assert met.row.actual_nanousd == 0
                row = booked(rig, api, name)
                check_corrected(met, api, fault, answer, row)
                rows.append(row)
                if row.certainty == "adjusted":
                    # Whoever fetches it again changes nothing.
                    met = await meet(rig, provider, "trailers", get(rig, path), (kind, answer))
                    assert booked(rig, api, name) == row
                    name = ""
    return rows


def check_corrected(met: Met, api: Api, name: str, answer: bytes, row: Execution) -> None:
    """Its bill where all of it came, and came to an end of its own; else its bound."""
    came = met.sender.sent.strip() == answer.strip()
    ended = FAULTS[name].whole and name != "FIN without framing"
    if came and ended:
        assert row.certainty == "adjusted"
    if row.certainty == "adjusted":
        assert row.actual_nanousd == api.bill
        assert all(piece in met.sender.sent for piece in answer.splitlines())
    else:
        assert row.actual_nanousd == row.reserved_nanousd > api.bill
