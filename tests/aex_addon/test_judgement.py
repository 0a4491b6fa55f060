"""aex_addon/judgement.py: no API, no connection and no second try passes by the policy."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from mitmproxy.connection import ConnectionState

from aex_addon.policy.policy import policy_of
from aex_addon.settings_rules import PolicySettings
from ledger.admin_commands import SetLimits
from tests.aex_addon.governed import PATIENT, governed, put, said
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.routed import FIRST, SECOND, routed
from tests.aex_addon.wire import Upstream, connected
from tests.aex_addon.ws import COMPLETED, CREATE, CREATED, accepting, echo, opened

NO_MINI = {"name": "no mini", "models": ["*-mini"], "reason": "take another"}
FUNCTION = {"type": "function", "function": {"name": "f"}}
PATCH = "return {'decision': 'allow', 'patch': {'max_output_tokens': 10}, 'obligations': ['keep']}"


def chat(**changes: Any) -> bytes:
    return json.dumps({**CHAT, **changes}).encode()


async def test_a_rule_refuses(tmp_path: Path, provider: Upstream) -> None:
    """A denial has the provider's shape and the operator's words, and nothing leaves."""
    async with (
        governed(tmp_path / "home", provider.port, NO_MINI) as rig,
        connected(rig.port) as client,
    ):
        answer = await client.call(rig.request())
        assert (answer.status, answer.code) == (403, "policy_denied")
        assert "refuses this call: rule no mini: take another. Do not retry" in answer.body.decode()
        assert provider.requests == []
        (row,) = rig.executions()
        assert (row.state, row.reason) == ("DENIED", "policy_denied: rule no mini: take another")
        assert len(said(rig)[0]["hash"]) == 64


async def test_a_patch_is_what_leaves(tmp_path: Path, provider: Upstream) -> None:
    """A smaller cap is in the request, in the reserve and in the log, with its obligations."""
    async with (
        governed(tmp_path / "home", provider.port, plugins={"a.py": PATCH}) as rig,
        connected(rig.port) as client,
    ):
        provider.json()
        assert (await client.call(rig.request())).status == 200
        (sent,) = provider.requests
        assert json.loads(sent.partition(b"\r\n\r\n")[2])["max_tokens"] == 10
        (row,) = rig.executions()
        assert row.output_tokens_cap == 10
        assert said(rig)[0]["obligations"] == ["keep"]


async def test_a_patched_call_is_held_to_caps(tmp_path: Path, provider: Upstream) -> None:
    """A patch neither loosens a cap nor goes below what the caps and the budget leave."""
    async with (
        governed(tmp_path / "home", provider.port, plugins={"a.py": PATCH}) as rig,
        connected(rig.port) as client,
    ):
        for caps, status in (({"max_output_tokens": 4}, 200), ({"tools": False}, 403)):
            rig.assembly.store.one(SetLimits("bot", "test", caps=caps))
            provider.json()
            answer = await client.call(rig.request(body=chat(tools=[FUNCTION])))
            assert answer.status == status, answer.body
        assert json.loads(provider.requests[0].partition(b"\r\n\r\n")[2])["max_tokens"] == 4


async def test_shadow_lets_through_and_is_told(tmp_path: Path, provider: Upstream) -> None:
    """What would have been refused is in the log and among the metrics, and the call passes."""
    async with (
        governed(tmp_path / "home", provider.port, {**NO_MINI, "mode": "shadow"}) as rig,
        connected(rig.port) as client,
    ):
        provider.json()
        assert (await client.call(rig.request())).status == 200
        assert said(rig)[0]["shadow"] == ["rule no mini: take another"]
        counted = rig.assembly.parts.observed.shadowed.items()
        assert counted == [(("bot", "rule no mini"), 1)]


async def test_without_a_policy_the_log_is_as_it_was(tmp_path: Path, provider: Upstream) -> None:
    """No hash and no look-up where there is nothing to ask."""
    async with governed(tmp_path / "home", provider.port) as rig, connected(rig.port) as client:
        provider.json()
        assert (await client.call(rig.request())).status == 200
        assert said(rig) == [{}]


async def test_every_format_is_asked(tmp_path: Path, provider: Upstream) -> None:
    """The same model is refused by every API, and by no other spelling of the path."""
    asks = {
        "/v1/chat/completions": CHAT,
        "/openai/v1/chat/completions": CHAT,
        "/v1/responses": {"model": "gpt-4o-mini", "input": "hi"},
        "/v1/completions": {"model": "gpt-3.5-turbo-mini", "prompt": "hi"},
        "/v1//chat/completions": CHAT,
    }
    async with (
        governed(tmp_path / "home", provider.port, {"name": "r", "models": ["*mini*"]}) as rig,
        connected(rig.port) as client,
    ):
        for path, body in asks.items():
            answer = await client.call(rig.request(path, json.dumps(body).encode()))
            assert answer.status in (403, 404), path
        assert provider.requests == []
        assert {row.state for row in rig.executions()} == {"DENIED"}


async def test_each_message_of_a_socket_is_asked(tmp_path: Path, provider: Upstream) -> None:
    """The handshake runs no model and passes; a message is refused by its own model."""
    provider.answers.append(accepting(provider, echo))
    async with (
        governed(tmp_path / "home", provider.port, NO_MINI, plugins={"a.py": PATCH}) as rig,
        opened(rig) as side,
    ):
        await side.say(CREATE)
        told = await side.hear()
        assert told["type"] == "error"
        assert "rule no mini" in json.dumps(told)
        await side.say({**CREATE, "model": "gpt-4o"})
        assert (await side.hear())["type"] == CREATED["type"]
        assert (await side.hear())["type"] != COMPLETED["type"]
        assert (await side.hear())["type"] == COMPLETED["type"]
    assert [row.output_tokens_cap for row in rig.executions()] == [0, 0, 10]


async def test_a_tool_of_aex_is_asked_too(tmp_path: Path, provider: Upstream) -> None:
    """What AEX itself would run for an agent is a tool by its name, to rules as to plugins."""
    no_sum = {"name": "no sum", "tools": ["su*"]}
    denies = {"a.py": "return {'decision': 'deny', 'reason': context['server_tools'][0]}"}
    async with (
        governed(tmp_path / "home", provider.port, no_sum, plugins=denies) as rig,
        connected(rig.port) as client,
    ):
        for tool, said_ in (("sum", "rule no sum"), ("echo", "plugin a.py: echo")):
            body = json.dumps({"tool": tool, "input": {}}).encode()
            answer = await client.call(rig.request("/v1/tools/execute", body))
            assert (answer.status, "policy_denied" in answer.body.decode()) == (403, True)
            assert said_ in answer.body.decode()
        assert {row.state for row in rig.executions()} == {"DENIED"}


async def test_a_list_of_tools_is_held_to_rules(tmp_path: Path, provider: Upstream) -> None:
    """A tool that a rule forbids, or leaves out of what it allows, is not even shown; one that a
    rule only watches, or forbids to somebody else, is."""
    rules = [
        {"name": "no drops", "tools": ["desk/drop*"]},
        {"name": "only desks", "providers": ["desk"], "unless": {"tools": ["desk/[adsw]*"]}},
        {"name": "watched", "tools": ["desk/send"], "mode": "shadow"},
        {"name": "others", "tools": ["desk/add"], "agents": ["somebody"]},
        {"name": "dear", "tools": ["desk/work"], "max_cost_usd": "0.01"},
    ]
    tools = [{"name": name} for name in ("add", "drop", "Drop_all", "erase", "send", "work")]
    asks = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    server = {"desk": {"url": f"http://127.0.0.1:{provider.port}/mcp"}}
    async with (
        governed(tmp_path / "home", provider.port, *rules, mcp=server) as rig,
        connected(rig.port) as client,
    ):
        provider.json(json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}).encode())
        answer = await client.call(rig.request("/desk/mcp", json.dumps(asks).encode()))
        shown = json.loads(answer.body)["result"]["tools"]
        assert [tool["name"] for tool in shown] == ["add", "send", "work"]
        for name in ("drop", "Drop_all", "\uff44rop", "erase"):
            body = {**asks, "method": "tools/call", "params": {"name": name, "arguments": {}}}
            answer = await client.call(rig.request("/desk/mcp", json.dumps(body).encode()))
            assert json.loads(answer.body)["error"]["data"]["code"] == "policy_denied", name
        assert len(provider.requests) == 1


def stopped_meanwhile(rig: Rig) -> None:
    """The gateway is told to stop while the next call is judged."""
    policy = rig.assembly.parts.configuration.policy
    judge = policy.judge

    async def slowly(*asked: Any) -> Any:
        rig.pipeline.draining = True
        return await judge(*asked)

    policy.judge = slowly  # type: ignore[method-assign]


async def test_a_stop_begins_no_call_that_a_plugin_still_thought_about(
    tmp_path: Path, provider: Upstream
) -> None:
    """Nobody waits for one that begins after the gateway was told to stop."""
    async with (
        governed(tmp_path / "home", provider.port, plugins={"a.py": PATCH}) as rig,
        connected(rig.port) as client,
    ):
        stopped_meanwhile(rig)
        answer = await client.call(rig.request())
        assert (answer.status, answer.headers["x-should-retry"]) == (503, "true")
        assert (provider.requests, rig.executions()) == ([], [])


async def test_a_client_that_went_away_meanwhile(tmp_path: Path, provider: Upstream) -> None:
    """Nothing is sent, and nothing held, for a call that nobody waits for any more."""
    async with governed(tmp_path / "home", provider.port, plugins={"a.py": PATCH}) as rig:
        policy, admit = rig.assembly.parts.configuration.policy, rig.pipeline._admit
        judge, left = policy.judge, asyncio.Event()
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def slowly(*asked: Any) -> Any:
            begun.set_result(None)
            await left.wait()
            return await judge(*asked)

        async def watched(flow: Any, door: str) -> Any:
            told.set_result((await admit(flow, door), flow))
            return told.result()[0]

        policy.judge, rig.pipeline._admit = slowly, watched  # type: ignore[method-assign]
        connections = rig.master.addons.get("proxyserver").connections
        async with connected(rig.port) as client:
            call = asyncio.ensure_future(client.call(rig.request()))
            await begun
            (handler,) = connections.values()
        async with asyncio.timeout(20):
            while handler.client.state is not ConnectionState.CLOSED:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        left.set()
        denial, flow = await told
        assert (denial.code, flow in rig.pipeline.inflight) == ("client_gone", False)
        assert (provider.requests, rig.executions()) == ([], [])
        await asyncio.gather(call, return_exceptions=True)


async def test_a_tool_that_a_plugin_still_thought_about(tmp_path: Path, provider: Upstream) -> None:
    """Nor is a tool run then."""
    async with (
        governed(tmp_path / "home", provider.port, plugins={"a.py": PATCH}) as rig,
        connected(rig.port) as client,
    ):
        stopped_meanwhile(rig)
        body = json.dumps({"tool": "echo", "input": {}}).encode()
        answer = await client.call(rig.request("/v1/tools/execute", body))
        assert (answer.status, rig.executions()) == (503, [])


async def test_a_message_that_a_plugin_still_thought_about(
    tmp_path: Path, provider: Upstream
) -> None:
    """On a connection that stands, it is the same."""
    provider.answers.append(accepting(provider, echo))
    async with (
        governed(tmp_path / "home", provider.port, plugins={"a.py": PATCH}) as rig,
        opened(rig) as side,
    ):
        stopped_meanwhile(rig)
        await side.say({**CREATE, "model": "gpt-4o"})
        assert (await side.hear())["status"] == 503
        assert len(rig.executions()) == 1


async def test_a_reload_while_it_is_looked_up_who_pays(tmp_path: Path, provider: Upstream) -> None:
    """The policy that is asked is the one in force then: the other's workers may have ended."""
    async with (
        governed(tmp_path / "home", provider.port, plugins={"a.py": PATCH}) as rig,
        connected(rig.port) as client,
    ):
        judgement = rig.pipeline.admission._judgement
        who, in_force = judgement._payer, rig.assembly.parts.in_force

        async def slowly(token_hash: str) -> Any:
            old = in_force().policy
            in_force.exchange(replace(in_force(), policy=policy_of(PolicySettings(), (), home)))
            await old.stop()
            return await who(token_hash)

        home = rig.assembly.home.path
        judgement._payer = slowly  # type: ignore[method-assign]
        provider.json()
        assert (await client.call(rig.request())).status == 200


async def test_the_next_try_is_asked_anew(tmp_path: Path) -> None:
    """A route that falls back to a refused model ends there, and the failed try stays booked."""
    rules = [{"name": "second", "models": [SECOND]}]
    async with routed(tmp_path / "home", rules=rules, policy=PATIENT) as both:
        both.first.json(b"{}", 503)
        answer = await both.ask()
        assert (answer.status, answer.code) == (403, "policy_denied")
        assert [row.model for row in both.rows()] == [FIRST, SECOND]
        assert [row.state for row in both.rows()] == ["RELEASED", "DENIED"]
        assert both.second.requests == []


async def test_a_plugin_that_sleeps_keeps_nobody(tmp_path: Path, provider: Upstream) -> None:
    """While one call waits for a plugin that sleeps, all others are answered."""
    sleeps = {"a.py": "if ['o1', 'openai/o1'] in context['models']: time.sleep(1000)\n"
                      "return {'decision': 'allow'}"}  # fmt: skip
    async with (
        governed(tmp_path / "home", provider.port, plugins=sleeps) as rig,
        connected(rig.port) as client,
        connected(rig.port) as other,
    ):
        slow = chat(model="o1", max_tokens=None, max_completion_tokens=9)
        asleep = asyncio.ensure_future(client.call(rig.request(body=slow)))
        pool = rig.assembly.parts.configuration.policy._pool
        assert pool is not None
        async with asyncio.timeout(20):
            while not pool._held:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.001)
        for _ in range(5):
            provider.json()
            assert (await other.call(rig.request())).status == 200
        assert not asleep.done()
        await pool.stop()
        answer = await asleep
        assert (answer.status, answer.code) == (403, "policy_unavailable")


async def test_a_late_plugin_denies_its_call(tmp_path: Path, provider: Upstream) -> None:
    """Past the deadline the call is refused, with the reason."""
    late, brief = {"a.py": "time.sleep(1000)"}, {"policy": {"deadline_ms": 50}}
    async with (
        governed(tmp_path / "home", provider.port, plugins=late, **brief) as rig,
        connected(rig.port) as client,
    ):
        answer = await client.call(rig.request())
        assert (answer.status, answer.code) == (403, "policy_unavailable")
        assert "no answer came within 50 ms" in answer.body.decode()
        assert answer.headers["x-should-retry"] == "false"


async def test_an_unknown_token_asks_nobody(tmp_path: Path, provider: Upstream) -> None:
    """Whoever has no token is a 401, and costs no plugin a thought."""
    async with (
        governed(tmp_path / "home", provider.port, plugins={"a.py": "os._exit(0)"}) as rig,
        connected(rig.port) as client,
    ):
        wrong = rig.token[:-1] + ("0" if rig.token[-1] != "0" else "1")
        answer = await client.call(rig.request(authorization=f"Bearer {wrong}"))
        assert answer.status == 401


async def test_a_reload_begins_another_generation(tmp_path: Path, provider: Upstream) -> None:
    """Plugins are read when they are reloaded, whole or not at all, and never for a call."""
    home = tmp_path / "home"
    async with (
        governed(home, provider.port, plugins={"a.py": PATCH}) as rig,
        connected(rig.port) as client,
    ):
        rig.assembly.home.config.write_text(_written(rig.assembly.settings.model_dump()))
        rig.assembly.home.config.chmod(0o600)
        put(home, {"a.py": "return {'decision': 'deny', 'reason': 'second'}", "b.py": PATCH})
        provider.json()
        assert (await client.call(rig.request())).status == 200
        report = await rig.assembly.reloader.reload("test")
        assert (report.changed, report.added) == (("policies/a.py",), ("policies/b.py",))
        assert "plugin a.py: second" in (await client.call(rig.request())).body.decode()
        put(home, {"a.py": "evaluate ="})
        report = await rig.assembly.reloader.reload("test")
        assert "policies/a.py cannot be loaded: SyntaxError" in report.problems[0]
        assert "plugin a.py: second" in (await client.call(rig.request())).body.decode()
        (home / "policies" / "a.py").chmod(0o666)
        report = await rig.assembly.reloader.reload("test")
        assert "chmod go-w" in report.problems[0]


def _written(settings: dict[str, Any]) -> str:
    upstream = settings["providers"]["openai"]["upstream"]
    return f"""
listen = "127.0.0.1:0"
drain_seconds = 5
[policy]
deadline_ms = 20000
[providers.openai]
upstream = "{upstream}"
api_key_env = "OPENAI_API_KEY"
"""
