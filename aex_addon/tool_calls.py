"""Calls of tools at AEX's own address: admitted, reserved and settled as calls of models are.

    identify    the agent's token                                   identity.py
    read        body -> a tool and its input; the tool's manifest   tool_asked.py
    admit       one transaction; it refuses what is not enabled     ledger/admission.py
    run         with a capability made by that admission            tools/runner.py
    settle      as any call                                         pipeline.py, tool_run.py

Owns: the order of these steps, and ending those whose client has gone.
Refuses to know: sandboxes, who may have which tool run, what a run is booked at, how many run at
once (tool_places.py).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from mitmproxy import http
from mitmproxy.connection import Client
from mitmproxy.utils import asyncio_utils

from aex_addon import calls, clock, denials, tool_asked, watch
from aex_addon.appraisal import Appraisal
from aex_addon.configuration import Configuration
from aex_addon.doors import DOOR, OWN_PATHS, PATH
from aex_addon.guard import fail_closed
from aex_addon.home import Home
from aex_addon.identity import Credential
from aex_addon.inflight import Attempt, Ending, Recording
from aex_addon.payers import where_from
from aex_addon.pipeline import EXECUTION, Pipeline
from aex_addon.refusals import refuse
from aex_addon.settings import Settings
from aex_addon.tokens import token_hash
from aex_addon.tool_asked import ToolAsked
from aex_addon.tool_door import way_out
from aex_addon.tool_places import Places
from aex_addon.tool_run import ToolRun, lost
from aex_addon.tools import request as asks
from aex_addon.tools.capability import Capabilities, Leave, load_key
from aex_addon.tools.run import Ran
from aex_addon.tools.runner import Order, Runner
from ledger.commands import Admit
from ledger.egress import Payer
from ledger.errors import LedgerError
from ledger.outcomes import Admitted, Replayed
from providers.wire import Denial, Facts, Reply

logger = logging.getLogger("aex.tools")

_BUSY = Denial(
    429,
    "tools_busy",
    "As many tools are running as this AEX runs at once, or runs for one agent (tool_runs_max), so"
    " nothing was run.",
    "Try again shortly.",
    retryable=True,
    retry_after=1,
)
_SQLITE = "sqlite:///"
_BEGUN = "aex.tool.begun"
_GONE = Denial(499, "client_gone", "the client went away")


@dataclass(frozen=True, slots=True)
class Bench:
    """What tools are run with. bundle: the roots that tools with a network trust."""

    runner: Runner
    capabilities: Capabilities
    bundle: Path


def bench(home: Home, ledger: str) -> Bench:
    """That of a home whose ledger has this address. Raises HomeError or KeyExposed."""
    capabilities = Capabilities(load_key(home.keys), clock.now_ns)
    private = [home.path]
    if ledger.startswith(_SQLITE):
        # Wherever it lies, and what SQLite keeps beside it.
        file = home.path / ledger.removeprefix(_SQLITE)
        private += [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm")]
    return Bench(Runner(capabilities, home.tools, tuple(private)), capabilities, home.bundle)


def _key_files(settings: Settings) -> tuple[Path, ...]:
    """Where keys of providers and MCP servers lie, as aex.toml says."""
    named = (*settings.providers.values(), *settings.mcp.values())
    return tuple(Path(each.api_key_file).expanduser() for each in named if each.api_key_file)


def _fault(flow: http.HTTPFlow) -> http.Response:
    execution = flow.metadata.get(EXECUTION)
    if flow.metadata.get(_BEGUN):
        return refuse(flow, lost(execution))
    return refuse(flow, denials.unavailable("a fault inside AEX, see its log", execution))


class ToolCalls:
    """The addon. Its runs are among the pipeline's calls under way, and end as these do."""

    def __init__(self, pipeline: Pipeline, bench: Bench) -> None:
        self._pipeline = pipeline
        self._parts = pipeline.parts
        self._bench = bench
        self._places = Places()
        self._runs: dict[http.HTTPFlow, ToolRun] = {}

    @fail_closed(_fault)
    async def request(self, flow: http.HTTPFlow) -> None:
        """Answers what is addressed to it: after this hook the tool has ended, or was refused."""
        if flow.metadata.get(DOOR) != "own" or flow.response or not flow.live:
            return
        if str(flow.metadata[PATH]).partition("?")[0] in OWN_PATHS:
            denial = await self._answer(flow)
            if denial is not None:
                flow.response = refuse(flow, denial)

    def client_disconnected(self, client: Client) -> None:
        """Nobody waits for the runs of this connection any more."""
        for flow, run in self._runs.items():
            if flow.client_conn.id == client.id:
                run.stop(_GONE)

    async def _answer(self, flow: http.HTTPFlow) -> Denial | None:
        if flow.request.method != "POST":
            message = f"AEX answers POST {asks.PATH} here and nothing else."
            return Denial(405, "method_not_allowed", message)
        if denial := self._pipeline.stopping():
            return denial
        credential = self._parts.identity.of(flow)
        if credential is None:
            return denials.missing_token(source=where_from(flow.client_conn))
        configuration = self._parts.configuration
        agent = await self._agent(credential)
        if agent is None:
            # Nothing will be run for it, and the ledger says why.
            return await self._govern(flow, configuration, credential)
        with self._places.taken(agent, configuration.settings.tool_runs_max) as taken:
            return await self._govern(flow, configuration, credential) if taken else _BUSY

    async def _agent(self, credential: Credential) -> str | None:
        """Who asks, if it is somebody who may."""
        token, named = token_hash(credential.token), credential.agent
        try:
            found = await self._parts.books.call(lambda store: store.payer(token, named))
        except LedgerError:
            return None
        return found.agent if isinstance(found, Payer) else None

    async def _govern(
        self, flow: http.HTTPFlow, configuration: Configuration, credential: Credential
    ) -> Denial | None:
        with watch.waiting(self._parts, "admission"):
            body_max = configuration.settings.body_limit_mib * 2**20
            asked = tool_asked.read(flow.request, body_max)
            try:
                asked = await tool_asked.look_up(asked, self._parts)
            except LedgerError as error:
                logger.error("a tool could not be looked up: %s", error)
                return denials.unavailable("its ledger does not answer")
            command = tool_asked.command(asked, self._parts.gateway, configuration, credential)
            command = await self._pipeline.admission.judged(command, asked.call)
            if denial := self._pipeline.stopping():
                return denial
            flow.metadata[EXECUTION] = command.execution_id
            outcome = await self._pipeline.admission.decide(command)
        if isinstance(outcome, Replayed):
            return await self._pipeline.answers.replay(flow, outcome.execution_id)
        if isinstance(outcome, Denial):
            return outcome
        run = _opened(command, outcome, asked, configuration)
        return await self._run(flow, run, asked.wish.given)

    async def _ran(self, run: ToolRun, given: bytes, address: tuple[str, int]) -> Ran:
        manifest, admitted = run.manifest, run.admitted
        leave = Leave(admitted.execution_id, admitted.agent, manifest.name, manifest.sha256)
        async with way_out(self._parts, self._bench.bundle, run, address) as door:
            # Its time does not begin while the ledger lends a token.
            capability = self._bench.capabilities.make(leave, manifest.ttl_seconds * 10**9)
            private = _key_files(self._parts.settings)
            order = Order(leave, capability, manifest, given, door, private)
            return await self._bench.runner.run(order, run.progress)

    async def _run(self, flow: http.HTTPFlow, run: ToolRun, given: bytes) -> Denial | None:
        self._pipeline.inflight[flow] = self._runs[flow] = run
        watch.let_go(run)
        # What the tool itself calls goes to the address at which its agent found AEX.
        running = self._ran(run, given, flow.client_conn.sockname)
        run.task = asyncio_utils.create_task(running, name="aex tool", keep_ref=True)
        if not flow.client_conn.connected:
            # It went away while it was admitted, and nobody told this run.
            run.stop(_GONE)
        try:
            await asyncio.wait({run.task})
        finally:
            del self._runs[flow]
            run.task.cancel()
            flow.metadata[_BEGUN] = run.progress.started
        answer = run.answer()
        if isinstance(answer, Denial):
            await self._settle(flow, run, "broken")
            return answer
        await self._tell(flow, run, answer)
        return None

    async def _tell(self, flow: http.HTTPFlow, run: ToolRun, answer: Reply) -> None:
        run.status = answer.status
        if run.recording is not None:
            run.recording.headers = answer.headers
            run.recording.keep(answer.body)
        await self._settle(flow, run, "complete")
        execution = ("x-aex-execution-id", run.admitted.execution_id)
        flow.response = calls.response(replace(answer, headers=(*answer.headers, execution)))

    async def _settle(self, flow: http.HTTPFlow, run: ToolRun, ending: Ending) -> None:
        await self._pipeline.settle(flow, ending)
        if run.progress.started:
            cost = run.admitted.reserved_nanousd
            key = (run.admitted.agent, asks.PROVIDER, run.manifest.name)
            self._parts.observed.settled(key, cost, cost, None)


def _opened(
    command: Admit, admitted: Admitted, asked: ToolAsked, configuration: Configuration
) -> ToolRun:
    manifest = asked.manifest
    assert manifest is not None, "the ledger admits no tool without a manifest"
    facts = Facts(asks.PATH, "metered", model=manifest.name, has_output=False)
    run = ToolRun(admitted, Appraisal(facts, quote=command.quote), asks.PROVIDER, manifest=manifest)
    run.attempt = Attempt(command.token_hash, command.fingerprint, keyed=bool(command.key_hash))
    if command.key_hash:
        run.recording = Recording(configuration.settings.idempotency_max_kib * 1024)
    return run
