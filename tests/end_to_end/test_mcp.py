"""The real `mcp` SDK, its client and its server, at both ends of a gateway."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.shared.exceptions import McpError

from tests.end_to_end import books
from tests.end_to_end.books import TERMINAL, account
from tests.end_to_end.doors import OWN_KEY, Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.mcp_client import TRANSPORTS, origin, session
from tests.end_to_end.mcp_login import Authority, logging_in
from tests.end_to_end.mcp_server import McpServer, table
from tests.end_to_end.processes import ROOT, clean_environment, free_port, poll
from tests.end_to_end.sdks import interpreter
from tests.end_to_end.upstream import REAL_KEY, Provider

pytestmark = pytest.mark.xdist_group("end_to_end_mcp")

STATELESS = f"http://127.0.0.1:{free_port()}"
KEY = 'api_key_env = "OPENAI_API_KEY"\n'
CENT = 10_000_000
COMPARED = (
    *("provider", "model", "endpoint", "stream", "state", "status_code"),
    *("reserved_nanousd", "actual_nanousd", "usage_source"),
)


@pytest.fixture(scope="module")
def running() -> Iterator[McpServer]:
    server = McpServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def quick() -> Iterator[McpServer]:
    """One that answers in JSON."""
    server = McpServer(json_answers=True).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def closed() -> Iterator[McpServer]:
    """One at which agents log in."""
    server = McpServer(authority=Authority()).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def leaving() -> Iterator[McpServer]:
    """One that ends its streams early, and goes on with them where it is asked to."""
    server = McpServer(resumed=True).start()
    yield server
    server.stop()


@pytest.fixture
def server(running: McpServer) -> McpServer:
    running.reset()
    return running


@pytest.fixture(scope="module")
def gateway(
    running: McpServer,
    quick: McpServer,
    closed: McpServer,
    leaving: McpServer,
    provider_process: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    made = Gateway(tmp_path_factory.mktemp("gateway") / "home", provider_process.url)
    urls = {"desk": running.url, "quick": quick.url, "login": closed.url, "stateless": STATELESS}
    urls |= {"leaving": leaving.url, "keyed": running.url}
    tables = [table(name, url) for name, url in urls.items()]
    made.write_config("".join([made.config.read_text(), *tables, KEY]))
    yield made.start()
    made.stop()


def ended(gateway: Gateway, agent: Agent) -> list[dict[str, Any]]:
    """The agent's executions, once all that its client has begun are at their end."""

    def probe() -> list[dict[str, Any]]:
        found = books.rows(gateway, agent)
        return found if all(row["state"] in TERMINAL for row in found) else []

    return poll(probe, "executions at their end")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_call_is_priced(
    server: McpServer, door: Door, agent: Agent, transport: str
) -> None:
    """A tool's call costs what the operator says, and what is beside it costs nothing."""
    async with session(door, agent, transport) as mcp:
        told = await mcp.call_tool("add", {"a": 1, "b": 2})
        assert (told.isError, told.content[0].text) == (False, "3")
        assert [tool.name for tool in (await mcp.list_tools()).tools] == [
            "add",
            "erase",
            "fail",
            "work",
        ]
        assert (await mcp.read_resource("note://one")).contents
    (row,) = [row for row in door.gateway.executions(agent) if row["endpoint"] == "tools/call"]
    assert (row["provider"], row["model"], row["state"]) == ("desk", "add", "COMMITTED")
    assert row["actual_nanousd"] == row["reserved_nanousd"] == CENT
    assert account(door.gateway, agent).spent == CENT
    # What may have to be hidden in an answer must be bytes that can be read.
    assert {seen.headers["accept-encoding"] for seen in server.seen} == {"identity"}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_tool_that_is_not_allowed(
    server: McpServer, door: Door, gateway: Gateway, transport: str
) -> None:
    """It is on no list, a call of it reaches nobody, and the SDK raises our words."""
    agent = gateway.create_agent("5", 0, "--allow-tool", "desk/add", "--allow-tool", "*/work")
    async with session(door, agent, transport) as mcp:
        assert [tool.name for tool in (await mcp.list_tools()).tools] == ["add", "work"]
        with pytest.raises(McpError) as raised:
            await mcp.call_tool("erase", {"name": "x"})
        told = await mcp.call_tool("add", {"a": 1, "b": 2})
    error = raised.value.error
    assert "the tool 'desk/erase' is not allowed" in error.message
    assert f"aex agent limits {agent.name} --allow-tool GLOB" in error.message
    assert error.code == -32080
    assert error.data["code"] == "tool_not_allowed"
    assert told.content[0].text == "3"
    assert server.ran == ["add"]
    (denied,) = [row for row in gateway.executions(agent) if row["state"] == "DENIED"]
    assert denied["execution_id"] == error.data["execution_id"]
    assert (denied["model"], denied["status_code"]) == ("erase", 403)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_budget_that_is_used_up(
    server: McpServer, door: Door, gateway: Gateway, transport: str
) -> None:
    """A call that the budget cannot carry is an error of its own; what is free still works."""
    agent = gateway.create_agent("0.015", 0)
    async with session(door, agent, transport) as mcp:
        await mcp.call_tool("add", {"a": 1, "b": 2})
        with pytest.raises(McpError, match="budget of"):
            await mcp.call_tool("add", {"a": 1, "b": 2})
        with pytest.raises(McpError, match="budget of"):
            await mcp.call_tool("erase", {"name": "x"})
        assert len((await mcp.list_tools()).tools) == 4
    assert server.ran == ["add"]
    assert account(gateway, agent).spent == CENT


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_progress_comes_as_it_is_sent(
    server: McpServer, door: Door, gateway: Gateway, transport: str
) -> None:
    """A tool's report is with the client before the tool goes on, filtered lists or not."""
    agent, came = gateway.create_agent("5", 0, "--allow-tool", "desk/*"), asyncio.Event()

    async def report(done: float, total: float | None, message: str | None) -> None:
        assert (done, total, message) == (1, 2, "half")
        came.set()

    async with session(door, agent, transport) as mcp:
        asked = asyncio.ensure_future(mcp.call_tool("work", {}, progress_callback=report))
        await asyncio.wait_for(came.wait(), 20)
        assert not asked.done()
        server.gate.set()
        assert (await asked).content[0].text == "done"


async def test_what_becomes_of_a_call(server: McpServer, door: Door, agent: Agent) -> None:
    """A tool that fails is paid for, since it ran; so is one that got wrong arguments, for its
    server does not say that it did not run."""
    async with session(door, agent) as mcp:
        assert (await mcp.call_tool("fail", {})).isError
        assert (await mcp.call_tool("add", {"a": "x"})).isError
    found = [row for row in door.gateway.executions(agent) if row["endpoint"] == "tools/call"]
    assert [row["actual_nanousd"] for row in found] == [2_000_000, CENT]
    assert {(row["state"], row["usage_source"]) for row in found} == {("COMMITTED", "provider")}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_agent_that_is_paused(
    server: McpServer, door: Door, agent: Agent, transport: str
) -> None:
    """Its call under way ends with an error, booked as far as it may have come; no other begins."""
    began = asyncio.Event()

    async def report(*_: object) -> None:
        began.set()

    async with session(door, agent, transport) as mcp:
        asked = asyncio.ensure_future(mcp.call_tool("work", {}, progress_callback=report))
        await asyncio.wait_for(began.wait(), 20)
        door.gateway.json("agent", "state", agent.name, "PAUSED", "--reason", "enough")
        with pytest.raises(McpError) as raised:
            await asyncio.wait_for(asked, 20)
        if transport == "streamable":
            assert "is not serving calls (PAUSED: enough)" in raised.value.error.message
            with pytest.raises(McpError, match="is not serving calls"):
                await mcp.call_tool("add", {"a": 1, "b": 2})
    assert server.ran == ["work"]
    rows = ended(door.gateway, agent)
    (row,) = [row for row in rows if row["model"] == "work"]
    assert (row["state"], row["actual_nanousd"]) == ("COMMITTED", 3 * CENT)
    assert account(door.gateway, agent).reserved == 0


async def test_a_session_ends(server: McpServer, door: Door, agent: Agent) -> None:
    """What was opened is closed and on record, and nothing stays reserved."""
    async with session(door, agent) as mcp:
        await mcp.send_ping()
        got = asyncio.to_thread(poll, lambda: "GET" in {seen.method for seen in server.seen}, "GET")
        await got
    endpoints = {row["endpoint"] for row in door.gateway.executions(agent)}
    assert endpoints == {"initialize", "notification", "listen", "ping", "end of session"}
    assert {seen.method for seen in server.seen} == {"POST", "GET", "DELETE"}
    rows = ended(door.gateway, agent)
    assert {(row["state"], row["actual_nanousd"]) for row in rows} == {("COMMITTED", 0)}
    assert agent.token not in repr(server.seen)


async def test_answers_in_json(quick: McpServer, door: Door, gateway: Gateway) -> None:
    """They are priced and filtered as streams are."""
    quick.reset()
    agent = gateway.create_agent("5", 0, "--allow-tool", "quick/add", "--allow-tool", "desk/*")
    async with session(door, agent, name="quick") as mcp:
        assert [tool.name for tool in (await mcp.list_tools()).tools] == ["add"]
        assert (await mcp.call_tool("add", {"a": 1, "b": 2})).content[0].text == "3"
        with pytest.raises(McpError, match="'quick/erase' is not allowed"):
            await mcp.call_tool("erase", {"name": "x"})
    assert quick.ran == ["add"]
    assert account(gateway, agent).spent == CENT


async def test_an_answer_that_comes_later(leaving: McpServer, door: Door, agent: Agent) -> None:
    """A stream that its server ends early is resumed by the SDK: the answer comes, by a request
    that is free, and the call is paid once."""
    leaving.reset()
    leaving.gate.set()
    async with session(door, agent, name="leaving") as mcp:
        assert (await mcp.call_tool("work", {})).content[0].text == "done"
    resumed = [each for each in leaving.seen if "last-event-id" in each.headers]
    assert [each.method for each in resumed] == ["GET"]
    rows = ended(door.gateway, agent)
    (row,) = [row for row in rows if row["endpoint"] == "tools/call"]
    assert (row["model"], row["state"], row["actual_nanousd"]) == ("work", "COMMITTED", 3 * CENT)
    assert account(door.gateway, agent).spent == 3 * CENT
    assert leaving.ran == ["work"]


def test_a_list_that_is_resumed(leaving: McpServer, door: Door, gateway: Gateway) -> None:
    """It is filtered as the list itself was: by its form, for nobody asked for one there."""
    agent = gateway.create_agent("5", 0, "--allow-tool", "leaving/add")
    headers = {"accept": "application/json, text/event-stream"}
    with door.client(agent, base_url=origin(door, "leaving"), headers=headers) as client:
        told = client.post("/mcp", json=asked("initialize", INTRODUCED))
        client.headers["mcp-session-id"] = told.headers["mcp-session-id"]
        client.headers["mcp-protocol-version"] = INTRODUCED["protocolVersion"]
        first = client.post("/mcp", json=asked("tools/list")).text.splitlines()
        place = next(line.partition(": ")[2] for line in first if line.startswith("id: "))
        with client.stream("GET", "/mcp", headers={"last-event-id": place}) as again:
            line = next(each for each in again.iter_lines() if "tools" in each)
    for each in (line, next(each for each in first if "tools" in each)):
        (tool,) = json.loads(each.partition(": ")[2])["result"]["tools"]
        assert tool["name"] == "add"
    assert "last-event-id" in leaving.seen[-1].headers


INTRODUCED: Any = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "x", "version": "1"},
}


def asked(method: str, params: Any = None) -> dict[str, Any]:
    """A request, as it is posted."""
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}


CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"erase","arguments":{}}}'


def test_no_way_around(server: McpServer, door: Door, gateway: Gateway) -> None:
    """However a forbidden call is written, wherever it is sent: nothing reaches the server."""
    agent = gateway.create_agent("5", 0, "--allow-tool", "desk/add")
    fine = CALL.replace(b"erase", b"add")
    twice = CALL.replace(b'"name"', b'"name":"add","name"')
    bodies = [
        *(CALL, CALL.replace(b"erase", b"er\\u0061se"), b"[" + CALL + b"]", twice),
        b"[" + fine.replace(b":1,", b":2,") + b"," + CALL + b"]",
        CALL.replace(b'"id":1,', b""),
        CALL.replace(b'"method"', b'"method":"ping","Method"'),
        CALL.replace(b'"params"', b'"params":{"name":"add"},"PARAMS"'),
        CALL.replace(b"tools/call", b"Tools/Call"),
        CALL.replace(b"erase", b"ERASE"),
        CALL.decode().encode("utf-16"),
    ]
    paths = ["/mcp/", "/sse", "/messages/?session_id=x", "//mcp", "/%6dcp", "/x/../mcp", "/MCP"]
    with door.client(agent, base_url=origin(door)) as client:
        for body in bodies:
            assert "error" in client.post("/mcp", content=body).text, body
        for path in paths:
            assert "error" in client.post(path, content=CALL).text, path
        packed = client.post(
            "/mcp", content=gzip.compress(CALL), headers={"content-encoding": "gzip"}
        )
        assert "error" in packed.text
        for method in ("GET", "DELETE", "PUT"):
            assert "error" in client.request(method, "/mcp", content=CALL).text, method
    assert server.seen == []
    rows = gateway.executions(agent)
    assert len(rows) == len(bodies) + len(paths) + 4
    assert {row["state"] for row in rows} == {"DENIED"}


def test_a_batch(server: McpServer, door: Door, agent: Agent) -> None:
    """It is one call, denied as a whole and released as a whole: this server takes none."""
    two = b"[" + CALL + b"," + CALL.replace(b":1,", b'"x",').replace(b"erase", b"add") + b"]"
    two = two.replace(b'"id""x"', b'"id":"x"')
    with door.client(agent, base_url=origin(door)) as client:
        assert client.post("/mcp", content=two).status_code == 400
        door.gateway.json("agent", "limits", agent.name, "--allow-tool", "desk/add")
        denied = client.post("/mcp", content=two)
    assert (denied.status_code, [each["id"] for each in denied.json()]) == (200, [1, "x"])
    first, second = door.gateway.executions(agent)
    assert (first["state"], first["model"]) == ("RELEASED", "add, erase")
    assert (first["reserved_nanousd"], second["state"]) == (51 * CENT, "DENIED")
    assert len(server.seen) == 1


def test_whose_key_goes_out(server: McpServer, door: Door, agent: Agent) -> None:
    """The agent's own, or AEX's where it has one for the server; never an AEX token."""
    ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    for name, key in (("desk", OWN_KEY if door.name == "proxy" else None), ("keyed", REAL_KEY)):
        with door.client(agent, base_url=origin(door, name)) as client:
            client.post("/mcp", content=ping)
        sent = server.seen[-1].headers
        assert sent.get("authorization") == (f"Bearer {key}" if key else None)
        assert agent.token not in repr(sent)


def test_a_log_in_passes(server: McpServer, door: Door, agent: Agent) -> None:
    """Its paths are free, and what is no path of MCP's is refused as everywhere."""
    with door.client(agent, base_url=origin(door)) as client:
        for path in ("/.well-known/oauth-protected-resource/mcp", "/register", "/token"):
            method = "GET" if path.startswith("/.") else "POST"
            assert client.request(method, path).status_code == 404
        refused = client.get("/admin")
    assert (refused.status_code, refused.json()["error"]["data"]["code"]) == (403, "not_metered")
    assert len(server.seen) == 3
    states = [row["state"] for row in door.gateway.executions(agent)]
    assert states == ["RELEASED", "RELEASED", "RELEASED", "DENIED"]


async def test_an_agent_logs_in(
    closed: McpServer, gateway: Gateway, shared_ca_file: str, agent: Agent
) -> None:
    """The SDK finds out where, makes itself known, and gets a token; AEX's own says who pays."""
    door = Door("proxy", gateway, shared_ca_file)
    async with session(door, agent, name="login", auth=logging_in()) as mcp:
        assert (await mcp.call_tool("add", {"a": 1, "b": 2})).content[0].text == "3"
    assert closed.authority is not None
    (token,) = closed.authority.tokens
    assert closed.seen[-1].headers["authorization"] == f"Bearer {token}"
    assert agent.token not in repr(closed.seen)
    assert account(gateway, agent).spent == CENT
    passed = {row["endpoint"] for row in gateway.executions(agent) if row["state"] == "COMMITTED"}
    assert passed >= {"/register", "/token", "/.well-known/{id}", "/.well-known/{id}/{id}"}


async def test_without_a_token(server: McpServer, door: Door, gateway: Gateway) -> None:
    """The SDK shows what is missing; it is no reason to log in at the server."""
    nobody = Agent("nobody", "sk-mine", 0)
    said = pytest.RaisesExc(McpError, match="AEX agent token")
    with pytest.RaisesGroup(said, flatten_subgroups=True):
        async with session(door, nobody):
            pass
    assert server.seen == []


def test_stateless_requests(gateway: Gateway, shared_ca_file: str) -> None:
    """The newest protocol has no session, and is governed by the same laws."""
    agent = gateway.create_agent("5", 0, "--allow-tool", "stateless/add")
    environment = Door("proxy", gateway, shared_ca_file).environment(agent)
    program = str(ROOT / "tests" / "end_to_end" / "mcp_stateless.py")
    port, url = STATELESS.rpartition(":")[2], "https://stateless.example.com/mcp"
    done = subprocess.run(
        [str(interpreter("openai-agents")), program, port, url],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["version"], told["tools"], told["add"]) == ("2026-07-28", ["add"], "3")
    assert "the tool 'stateless/erase' is not allowed" in told["error"]
    rows = gateway.executions(agent)
    assert [row["endpoint"] for row in rows if row["state"] == "DENIED"] == ["tools/call"]
    assert account(gateway, agent).spent == CENT


async def test_rows_are_equal(server: McpServer, gateway: Gateway, shared_ca_file: str) -> None:
    """The same session through either door leaves the same rows, but for the door's name."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        async with session(door, agent) as mcp:
            await mcp.call_tool("add", {"a": 1, "b": 2})
            await mcp.call_tool("fail", {})
        rows = [row for row in ended(gateway, agent) if row["endpoint"] != "listen"]
        told.append(sorted([row[key] for key in COMPARED] for row in rows))
    assert told[0] == told[1]
