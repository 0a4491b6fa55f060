"""Calls of tools, in a gateway of the test's own: admitted, run in a real sandbox, settled once."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aex_addon import clock, tool_calls
from aex_addon.standing import Standing
from aex_addon.tokens import mint, token_hash
from aex_addon.tool_calls import ToolCalls
from aex_addon.tools import registry, run
from aex_addon.tools.capability import Capabilities, Leave
from ledger.admin_commands import (
    CreateAgent,
    IssueToken,
    RevokeToken,
    SetLimits,
    SetState,
    SetTool,
)
from ledger.audit import audit
from ledger.errors import LedgerUnavailable
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.wire import Answer, Client, Upstream, connected
from tests.tool_packages import ECHO, FAILS, FLOOD, SUM, Beats, Packed, needs_sandbox, pack

pytestmark = needs_sandbox

PATH = "/v1/tools/execute"
COST = 2_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where tools are made."""
    found = tmp_path / "made"
    found.mkdir()
    return found


@pytest.fixture
def beats(tmp_path: Path) -> Beats:
    """Where a tool shows that it runs."""
    return Beats(tmp_path / "beats")


def install(rig: Rig, packed: Packed) -> None:
    """Takes a tool in, and enables it."""
    assembly = rig.assembly
    command = registry.install(assembly.home.tools, packed.manifest, packed.package, "test")
    assembly.store.execute([command, SetTool(packed.name, "enabled", "test")])


def wish(rig: Rig, tool: str, given: Any = None, **more: Any) -> bytes:
    """A request to have a tool run."""
    headers = more.pop("headers", {})
    body = {"tool": tool, "input": given, **more}
    return rig.request(PATH, json.dumps(body).encode(), **headers)


async def ask(rig: Rig, tool: str, given: Any = None, **more: Any) -> Answer:
    async with connected(rig.port) as client:
        return await client.call(wish(rig, tool, given, **more))


async def until(seen: Callable[[], object]) -> None:
    """Waits; the limit is that of the test."""
    while not seen():  # noqa: ASYNC110 - another process is watched
        await asyncio.sleep(0.01)


async def under_way(rig: Rig, beats: Beats, client: Client, tool: str = "beats") -> None:
    """Has a tool run that does not end by itself."""
    await client.send(wish(rig, tool))
    await until(lambda: beats.count)
    assert beats.alive


def sound(rig: Rig) -> bool:
    with rig.reader() as reader:
        return [finding for finding in audit(reader) if not finding.holds] == []


async def test_a_tool_is_run_and_booked(rig: Rig, folder: Path) -> None:
    """The answer has the tool's output; the run is an execution at the manifest's cost."""
    install(rig, pack(folder, "sum", SUM))
    answer = await ask(rig, "sum", {"numbers": [1, 2, 39]})
    assert answer.status == 200
    (row,) = rig.executions()
    assert answer.json == {
        "execution_id": row.execution_id,
        "tool": "sum",
        "version": "1.0",
        "status": "ok",
        "exit_code": 0,
        "output": '{"sum": 42}\n',
        "encoding": "utf-8",
        "truncated": False,
        "why": "",
        "cost_usd": "0.002",
    }
    assert answer.headers["x-aex-execution-id"] == row.execution_id
    assert (row.provider, row.model, row.endpoint) == ("tools", "sum", PATH)
    assert (row.state, row.actual_nanousd, row.certainty) == ("COMMITTED", COST, "exact")
    assert (row.reserved_nanousd, row.status_code, row.reason) == (COST, 200, "")
    agent = rig.agent()
    assert (agent.spent_nanousd, agent.reserved_nanousd) == (COST, 0)
    assert dict(rig.assembly.parts.observed.cost.items()) == {("bot", "tools", "sum"): COST}
    assert sound(rig)


async def test_what_is_no_text_comes_as_base64(rig: Rig, folder: Path) -> None:
    """Output is the tool's own bytes; its input is the JSON that the client gave."""
    install(rig, pack(folder, "echo", ECHO))
    answer = await ask(rig, "echo", {"é": [1, None, "\n"]})
    assert json.loads(answer.json["output"]) == {"é": [1, None, "\n"]}
    install(rig, pack(folder, "bytes", "import os; os.write(1, b'\\xff\\0')", version="2"))
    told = (await ask(rig, "bytes")).json
    assert (told["output"], told["encoding"]) == ("/wA=", "base64")


@pytest.mark.parametrize(
    ("source", "fields", "status"),
    [
        (FAILS, {}, "failed"),
        (FLOOD, {"output_max_kib": 1}, "output_exceeded"),
        ("import time; time.sleep(600)", {"ttl_seconds": 1}, "timed_out"),
    ],
)
async def test_what_has_begun_costs_what_it_costs(
    rig: Rig, folder: Path, source: str, fields: dict[str, Any], status: str
) -> None:
    """However it ended; the client is told how, and nothing of what it said to the operator."""
    install(rig, pack(folder, "tool", source, **fields))
    answer = await ask(rig, "tool")
    assert answer.status == 200
    told = answer.json
    assert (told["status"], told["truncated"]) == (status, status == "output_exceeded")
    assert len(told["output"]) <= 1024
    assert told["why"] or status == "failed"
    assert b"secret of the operator" not in answer.body
    (row,) = rig.executions()
    assert (row.state, row.actual_nanousd) == ("COMMITTED", COST)
    assert row.reason == f"the tool ended as {status}"
    assert sound(rig)


async def refused(rig: Rig, answer: Answer, status: int, code: str) -> None:
    """The denial has this code; nothing is booked or held, and the books hold."""
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["x-should-retry"] == ("true" if status == 429 else "false")
    agent = rig.agent()
    assert (agent.spent_nanousd, agent.reserved_nanousd) == (0, 0)
    assert sound(rig)


async def test_nothing_runs_that_is_not_enabled(rig: Rig, folder: Path, beats: Beats) -> None:
    """Not what is unknown, disabled, upgraded or removed; each is a denial on record."""
    packed = beats.pack(folder)
    await refused(rig, await ask(rig, "beats"), 404, "no_such_tool")
    await refused(rig, await ask(rig, "../beats"), 404, "no_such_tool")
    install(rig, packed)
    store = rig.assembly.store
    store.one(SetTool("beats", "disabled", "test"))
    await refused(rig, await ask(rig, "beats"), 403, "tool_disabled")
    store.one(SetTool("beats", "enabled", "test"))
    other = pack(folder, "beats", SUM, version="1.1")
    store.one(registry.install(rig.assembly.home.tools, other.manifest, other.package, "test"))
    await refused(rig, await ask(rig, "beats"), 403, "tool_disabled")
    store.one(SetTool("beats", "removed", "test"))
    await refused(rig, await ask(rig, "beats"), 404, "no_such_tool")
    assert beats.count == 0
    rows = rig.executions()
    assert {row.state for row in rows} == {"DENIED"}
    assert [row.model for row in rows] == ["beats", "", "beats", "beats", "beats"]


NONSENSE = (
    (b"", "JSON"),
    (b"[]", "object"),
    (b"{}", "tool must be"),
    (b'{"tool": 1}', "tool must be"),
    (b'{"tool": "a", "tool": "b"}', "twice"),
    (b'{"tool": "sum", "inputs": 1}', "no field 'inputs'"),
    (b'{"tool": "sum", "execution_id": 7}', "execution_id must be text"),
    (b'{"tool": "sum", "execution_id": ""}', "x-aex-execution-id"),
    (b'{"tool": "sum", "input": NaN}', "NaN"),
)


async def test_nonsense_is_told(rig: Rig, folder: Path) -> None:
    """As a 400 that names the mistake, on record; nothing is run."""
    install(rig, pack(folder, "sum", SUM))
    async with connected(rig.port) as client:
        for body, said in NONSENSE:
            answer = await client.call(rig.request(PATH, body))
            await refused(rig, answer, 400, answer.code)
            assert said.lower() in answer.json["error"]["message"].lower()
    ends = {(row.state, row.status_code) for row in rig.executions()}
    assert ends == {("DENIED", 400)}
    assert len(rig.executions()) == len(NONSENSE)


async def test_only_an_agent_asks(rig: Rig, folder: Path) -> None:
    """Without a token, with a bad one, by another method, or through the proxy nothing is run."""
    install(rig, pack(folder, "sum", SUM))
    async with connected(rig.port) as client:
        for token in ("", "Bearer sk-key", f"Bearer {mint().secret}"):
            body = json.dumps({"tool": "sum"}).encode()
            answer = await client.call(rig.request(PATH, body, authorization=token))
            assert answer.status == 401
        got = wish(rig, "sum").replace(b"POST", b"GET", 1)
        assert (await client.call(got)).status == 405
        absolute = f"POST http://127.0.0.1:{rig.port}{PATH}".encode()
        askew = wish(rig, "sum").replace(f"POST {PATH}".encode(), absolute, 1)
        assert (await client.call(askew)).status == 421
    assert rig.executions() == []


async def test_caps_rates_and_budgets_hold(rig: Rig, folder: Path) -> None:
    """A tool is admitted as any call: by its name, by the rate and by what is left."""
    install(rig, pack(folder, "sum", SUM))
    store = rig.assembly.store
    for caps, code in (
        ({"tools": False}, "tools_not_allowed"),
        ({"tools": None, "tool_names": ["lookup*"]}, "tool_not_allowed"),
        ({"tool_names": None, "strict": True}, "tools_not_allowed"),
    ):
        store.one(SetLimits("bot", "test", caps=caps))
        await refused(rig, await ask(rig, "sum"), 403, code)
    store.one(SetLimits("bot", "test", caps={"tool_names": ["s*"], "models": []}))
    store.one(SetLimits("bot", "test", rpm=1))
    assert (await ask(rig, "sum", {"numbers": []})).status == 200
    assert (await ask(rig, "sum")).code == "rate_limited"


async def test_a_budget_that_does_not_carry_it(tmp_path: Path, folder: Path) -> None:
    """The whole cost must be there before anything is run."""
    async with gateway(tmp_path / "home", 1, budget_nanousd=COST - 1) as rig:
        install(rig, pack(folder, "sum", SUM))
        await refused(rig, await ask(rig, "sum"), 402, "budget_exceeded")


async def test_the_same_id_is_the_same_run(rig: Rig, folder: Path) -> None:
    """Asked again under a name of the agent's own, or with a key, it is not run again."""
    install(rig, pack(folder, "sum", SUM))
    for more in ({"execution_id": "step-1"}, {"headers": {"idempotency_key": "k"}}):
        first = await ask(rig, "sum", {"numbers": [1]}, **more)
        again = await ask(rig, "sum", {"numbers": [1]}, **more)
        assert (first.status, again.body) == (200, first.body)
        assert again.headers["x-aex-replayed"] == "true"
        assert (await ask(rig, "sum", {"numbers": [2]}, **more)).status == 422
    committed = [row for row in rig.executions() if row.state == "COMMITTED"]
    assert len(committed) == 2
    two = await ask(rig, "sum", execution_id="a", headers={"x_aex_execution_id": "b"})
    assert two.status == 400


async def test_anothers_id_gives_nothing(rig: Rig, folder: Path) -> None:
    """Whoever names another agent's execution gets a run of its own, and pays for it."""
    install(rig, pack(folder, "echo", ECHO))
    first = await ask(rig, "echo", "mine", execution_id="step-1")
    other = mint()
    rig.assembly.store.one(
        CreateAgent("eve", 10**9, 0, 0, "test", other.token_hash, other.token_id)
    )
    for known in ("step-1", first.json["execution_id"]):
        theirs = await ask(
            rig,
            "echo",
            "eve's",
            execution_id=known,
            headers={"authorization": f"Bearer {other.secret}"},
        )
        assert theirs.status == 200
        assert theirs.json["output"] == '"eve\'s"'
        assert theirs.json["execution_id"] not in (known, first.json["execution_id"])
    again = await ask(rig, "echo", "mine", execution_id="step-1")
    assert again.body == first.body
    assert [row.agent for row in rig.executions()] == ["bot", "eve", "eve"]


async def test_a_swapped_package_is_not_run(rig: Rig, folder: Path) -> None:
    """Its hash is looked at in every run: another file is never run, and costs nothing."""
    install(rig, pack(folder, "sum", SUM))
    assert (await ask(rig, "sum", {"numbers": []})).status == 200
    (kept,) = rig.assembly.home.tools.glob("sum/*/main.py")
    kept.chmod(0o600)
    kept.write_text("print('swapped')")
    answer = await ask(rig, "sum", {"numbers": []})
    assert (answer.status, answer.code) == (503, "tool_altered")
    assert "aex plugin install" in answer.json["error"]["message"]
    _, row = rig.executions()
    assert (row.state, row.actual_nanousd) == ("RELEASED", 0)
    assert row.reason.startswith("the tool did not begin: ")
    assert rig.agent().spent_nanousd == COST
    assert sound(rig)


async def test_an_edited_row_is_not_run(rig: Rig, folder: Path, beats: Beats) -> None:
    """A manifest that was given more rights in the database is none, and nothing is run by it."""
    install(rig, pack(folder, "sum", SUM))
    engine = rig.assembly.store.engine
    engine.begin()
    engine.rows("""UPDATE tool_plugins SET manifest = replace(manifest, '"none"', '"full"')""")
    engine.commit()
    answer = await ask(rig, "sum")
    assert (answer.status, answer.code) == (503, "tool_unreadable")
    (row,) = rig.executions()
    assert row.state == "DENIED"


async def test_without_a_sandbox_nothing_is_run(
    rig: Rig, folder: Path, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never bare: the agent is refused, nothing is booked, and the operator is told what to do."""
    install(rig, beats.pack(folder))
    monkeypatch.setenv("PATH", "/nowhere")
    answer = await ask(rig, "beats")
    await refused(rig, answer, 503, "sandbox_unavailable")
    assert "bubblewrap" in answer.json["error"]["message"]
    (row,) = rig.executions()
    assert row.state == "RELEASED"
    assert beats.count == 0


async def test_no_tool_is_shown_a_key(tmp_path: Path, folder: Path, provider: Upstream) -> None:
    """Where aex.toml names its file, no manifest grants a folder that it lies in."""
    keys, data = tmp_path / "keys", tmp_path / "data"
    keys.mkdir()
    data.mkdir()
    (keys / "openai").write_text("sk-secret")
    (keys / "openai").chmod(0o600)
    upstream = f"http://127.0.0.1:{provider.port}"
    providers = {"openai": {"upstream": upstream, "api_key_file": str(keys / "openai")}}
    async with gateway(tmp_path / "home", provider.port, providers=providers) as rig:
        install(rig, pack(folder, "good", SUM, allowed_fs=[str(data)]))
        assert (await ask(rig, "good", {"numbers": []})).status == 200
        install(rig, pack(folder, "bad", SUM, allowed_fs=[str(keys)]))
        answer = await ask(rig, "bad", {"numbers": []})
        assert (answer.status, answer.code) == (503, "sandbox_unavailable")
        assert "is shown to no tool" in answer.json["error"]["message"]
        assert [row.state for row in rig.executions()] == ["COMMITTED", "RELEASED"]


async def test_a_client_that_goes_away_ends_it(rig: Rig, folder: Path, beats: Beats) -> None:
    """Tool and child are gone, and the run is booked; nobody else's is touched."""
    install(rig, beats.pack(folder))
    async with connected(rig.port) as client:
        await under_way(rig, beats, client)
    await until(lambda: not rig.pipeline.inflight)
    assert not beats.alive
    (row,) = rig.executions()
    assert (row.state, row.actual_nanousd) == ("COMMITTED", COST)
    assert row.reason == "ended early: the client went away"
    assert sound(rig)


async def test_a_client_that_went_away_before_has_nothing_run(
    rig: Rig, folder: Path, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever leaves while the ledger decides is not charged for what nobody waits for."""
    install(rig, beats.pack(folder))
    admission, decided, gone = rig.pipeline.admission, asyncio.Event(), asyncio.Event()
    decide = admission.decide

    async def late(command: Any) -> Any:
        outcome = await decide(command)
        decided.set()
        await gone.wait()
        return outcome

    monkeypatch.setattr(admission, "decide", late)
    connections = rig.master.addons.get("proxyserver").connections
    async with connected(rig.port) as client:
        await client.send(wish(rig, "beats"))
        await decided.wait()
    await until(lambda: not connections)
    gone.set()
    await until(lambda: rig.executions()[0].terminal_at)
    (row,) = rig.executions()
    assert (row.state, row.reason) == (
        "RELEASED",
        "the tool did not begin: ended early: the client went away",
    )
    assert (beats.count, rig.agent().reserved_nanousd) == (0, 0)


async def test_a_sandbox_that_nobody_waits_for_costs_nothing(
    rig: Rig, folder: Path, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leaves while it is made has nothing run, and is not charged."""
    install(rig, beats.pack(folder))
    making, made, prepare = threading.Event(), threading.Event(), run.prepare

    def slow(*words: Any) -> Any:
        making.set()
        assert made.wait(30)
        return prepare(*words)

    monkeypatch.setattr(run, "prepare", slow)
    async with connected(rig.port) as client:
        await client.send(wish(rig, "beats"))
        await until(making.is_set)
    await until(lambda: next(iter(rig.pipeline.inflight.values())).cut)
    made.set()
    await until(lambda: rig.executions()[0].terminal_at)
    (row,) = rig.executions()
    why = "the tool did not begin: ended early: the client went away"
    assert (row.state, row.reason) == ("RELEASED", why)
    assert (beats.count, rig.agent().reserved_nanousd) == (0, 0)
    assert sound(rig)


async def test_others_are_served_meanwhile(rig: Rig, folder: Path, beats: Beats) -> None:
    """A run that takes long holds nothing up: neither another run nor a page."""
    install(rig, beats.pack(folder))
    install(rig, pack(folder, "sum", SUM))
    async with connected(rig.port) as client, connected(rig.port) as another:
        await under_way(rig, beats, client)
        assert (await ask(rig, "sum", {"numbers": [1]})).status == 200
        page = await another.call(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert page.status == 200
        assert [row.state for row in rig.executions()] == ["DISPATCHED", "COMMITTED"]


@pytest.mark.parametrize(("which", "status"), [("QUARANTINED", 423), ("revoked", 401)])
async def test_it_ends_with_the_right_to_make_it(
    rig: Rig, folder: Path, beats: Beats, which: str, status: int
) -> None:
    """Whoever may make no call any more has no tool running a look later, and is told why."""
    install(rig, beats.pack(folder))
    (standing,) = [each for each in rig.master.addons.chain if isinstance(each, Standing)]
    async with connected(rig.port) as client:
        await under_way(rig, beats, client)
        await standing.go_round()
        assert len(rig.pipeline.inflight) == 1
        if which == "revoked":
            rig.assembly.store.one(RevokeToken(token_hash(rig.token), "lost", "test"))
        else:
            rig.assembly.store.one(SetState("bot", which, "it loops", "test"))
        await standing.go_round()
        answer = await client.answer()
    assert answer.status == status
    assert answer.headers["x-should-retry"] == "false"
    assert not beats.alive
    (row,) = rig.executions()
    assert answer.headers["x-aex-execution-id"] == row.execution_id
    assert (row.state, row.actual_nanousd) == ("COMMITTED", COST)
    assert row.reason.startswith("ended early: ")
    assert sound(rig)


async def test_so_many_run_at_once(tmp_path: Path, folder: Path, beats: Beats) -> None:
    """One more is asked to come again, and the ledger is not asked; then there is room."""
    async with gateway(tmp_path / "home", 1, tool_runs_max=1) as rig:
        install(rig, beats.pack(folder))
        install(rig, pack(folder, "sum", SUM))
        async with connected(rig.port) as client:
            await under_way(rig, beats, client)
            answer = await ask(rig, "sum", {"numbers": []})
            assert (answer.status, answer.code) == (429, "tools_busy")
            assert answer.headers["retry-after"] == "1"
            assert len(rig.executions()) == 1
        await until(lambda: not rig.pipeline.inflight)
        assert (await ask(rig, "sum", {"numbers": []})).status == 200


async def test_one_agent_does_not_hold_all_places(
    tmp_path: Path, folder: Path, beats: Beats
) -> None:
    """By however many tokens it asks; who may have nothing run takes none."""
    async with gateway(tmp_path / "home", 1, tool_runs_max=2) as rig:
        install(rig, beats.pack(folder))
        install(rig, pack(folder, "sum", SUM))
        asking = [mint() for _ in range(3)]
        second, other, paused = [{"authorization": f"Bearer {each.secret}"} for each in asking]
        hashes = [(each.token_hash, each.token_id) for each in asking]
        rig.assembly.store.execute(
            [
                IssueToken("bot", *hashes[0], "execution", "second", 0, "test"),
                CreateAgent("eve", 10**9, 0, 0, "test", *hashes[1]),
                CreateAgent("late", 10**9, 0, 0, "test", *hashes[2]),
                SetState("late", "PAUSED", "it waits", "test"),
            ]
        )
        async with connected(rig.port) as client:
            await under_way(rig, beats, client)
            for headers in ({}, second):
                answer = await ask(rig, "sum", {"numbers": []}, headers=headers)
                assert (answer.status, answer.code) == (429, "tools_busy")
            assert (await ask(rig, "sum", {"numbers": []}, headers=paused)).status == 423
            assert (await ask(rig, "sum", {"numbers": []}, headers=other)).status == 200


async def test_a_stop_ends_and_books_it(rig: Rig, folder: Path, beats: Beats) -> None:
    """What a stop does not wait for is booked, the tool is gone, and no new run begins."""
    install(rig, beats.pack(folder))
    async with connected(rig.port) as client:
        await under_way(rig, beats, client)
        rig.pipeline.draining = True
        stopping = await ask(rig, "beats")
        assert (stopping.status, stopping.code) == (503, "gateway_unavailable")
        rig.pipeline.settle_all()
        answer = await client.answer()
        assert (answer.status, answer.headers["x-should-retry"]) == (503, "false")
        assert await rig.assembly.parts.books.drained(5)
    assert not beats.alive
    (row,) = rig.executions()
    assert (row.state, row.actual_nanousd) == ("COMMITTED", COST)
    assert "the gateway is stopping" in row.reason
    assert sound(rig)


async def test_only_its_own_admission_lets_it_run(
    rig: Rig, folder: Path, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capability of another key, agent, run or tool is refused at the door of the sandbox."""
    install(rig, beats.pack(folder))
    made = Capabilities.make
    for forge in (
        lambda own, leave, ttl: made(Capabilities(b"\0" * 32, own._now), leave, ttl),
        lambda own, leave, ttl: made(own, Leave("ex_other", *_rest(leave)), ttl),
        lambda own, leave, ttl: "",
    ):
        monkeypatch.setattr(Capabilities, "make", forge)
        answer = await ask(rig, "beats")
        monkeypatch.setattr(Capabilities, "make", made)
        await refused(rig, answer, 503, "tool_forbidden")
    assert {row.state for row in rig.executions()} == {"RELEASED"}
    assert beats.count == 0


async def test_its_leave_holds_however_long_a_token_takes(
    rig: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a capability is for its tool, and not for the ledger that lends one a token."""
    install(rig, pack(folder, "sum", SUM, ttl_seconds=1))
    (calls,) = [each for each in rig.master.addons.chain if isinstance(each, ToolCalls)]
    late = [0]
    monkeypatch.setattr(calls._bench.capabilities, "_now", lambda: clock.now_ns() + late[0])
    opened = tool_calls.way_out

    @asynccontextmanager
    async def slow(*words: Any) -> AsyncIterator[Any]:
        async with opened(*words) as door:
            late[0] = 5 * 10**9
            yield door

    monkeypatch.setattr(tool_calls, "way_out", slow)
    assert (await ask(rig, "sum", {"numbers": [1]})).status == 200


def _rest(leave: Leave) -> tuple[str, str, str]:
    return leave.agent, leave.tool, leave.sha256


async def test_a_fault_within_is_no_free_run(
    rig: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may have begun is booked, and the client is told not to try again; what never began is
    released."""
    install(rig, pack(folder, "sum", SUM))

    async def broken(*_: object, on_begin: Callable[[], None], **__: object) -> None:
        if begun:
            on_begin()
        raise RuntimeError("no such thing")

    monkeypatch.setattr(run, "run", broken)
    for begun in (True, False):
        answer = await ask(rig, "sum")
        expected = (502, "tool_failed") if begun else (503, "gateway_unavailable")
        assert (answer.status, answer.code) == expected
        assert answer.headers["x-should-retry"] == ("false" if begun else "true")
    first, second = rig.executions()
    assert (first.state, first.actual_nanousd) == ("COMMITTED", COST)
    assert (second.state, rig.agent().spent_nanousd) == ("RELEASED", COST)


async def test_without_a_ledger_nothing_is_run(
    rig: Rig, folder: Path, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry that cannot be read enables nothing."""
    install(rig, beats.pack(folder))

    def away(_: str) -> None:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(rig.assembly.store, "tool", away)
    answer = await ask(rig, "beats")
    assert (answer.status, answer.code) == (503, "gateway_unavailable")
    assert beats.count == 0


async def test_the_capability_is_not_for_the_tool(rig: Rig, folder: Path) -> None:
    """Neither it nor the agent's token, nor the gateway's environment, is seen inside."""
    source = "import os, sys\nprint(dict(os.environ), sys.argv, sys.stdin.read())\n"
    install(rig, pack(folder, "look", source))
    os.environ["AEX_CANARY"] = "canary-7"
    try:
        told = (await ask(rig, "look", "given")).json["output"]
    finally:
        del os.environ["AEX_CANARY"]
    assert '"given"' in told
    assert not any(secret in told for secret in ("canary-7", rig.token, "ex_", "sk-"))


async def test_it_needs_a_provider_in_no_way(provider: Upstream, rig: Rig, folder: Path) -> None:
    """Nothing of it leaves."""
    install(rig, pack(folder, "sum", SUM))
    assert (await ask(rig, "sum", {"numbers": [1]})).status == 200
    assert provider.requests == []


CALLS = """\
import json, os, urllib.request
said = [{"role": "user", "content": "hi"}]
body = {"model": "gpt-4o-mini", "max_tokens": 5, "messages": said}
request = urllib.request.Request(
    "https://api.openai.com/v1/chat/completions", json.dumps(body).encode()
)
request.add_header("content-type", "application/json")
try:
    print(urllib.request.urlopen(request).status)
except Exception as error:
    print(repr(error), getattr(error, "read", lambda: b"")())
print(os.environ["HTTPS_PROXY"])
"""


async def test_what_a_tool_calls_is_its_agents(provider: Upstream, rig: Rig, folder: Path) -> None:
    """Its own calls go through AEX, on its agent's account, by a token that ends with the run."""
    install(rig, pack(folder, "calls", CALLS, network="full"))
    provider.json()
    told = (await ask(rig, "calls")).json
    assert told["output"].startswith("200\n"), told
    run_, call = rig.executions()
    assert (call.provider, call.agent, call.state) == ("openai", "bot", "COMMITTED")
    assert run_.provider == "tools"
    with rig.reader() as reader:
        (lent,) = [token for token in reader.tokens() if token.label == "tool"]
    assert lent.revoked_at
    assert rig.token not in told["output"]
    assert sound(rig)
