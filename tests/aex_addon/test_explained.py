"""aex_addon/explained.py: what is explained is what a gateway does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aex_addon.clock import now_ns, utc_now
from aex_addon.explained import Explanation, Unreadable, explain
from aex_addon.tools import registry
from ledger.admin_commands import SetTool
from ledger.state import State
from tests.aex_addon.governed import governed, said
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.wire import Upstream, connected
from tests.tool_packages import SUM, pack

RULE = {"name": "r", "mode": "shadow", "models": ["gpt-4*"]}
PLUGIN = "return {'decision': 'deny' if context['stream'] else 'allow', 'obligations': ['x']}"


async def told(rig: Rig, request: dict[str, Any], agent: str = "bot") -> Explanation:
    """As the command line asks, which reads the same configuration by itself."""
    with rig.reader() as reader:
        accounts = {each.name: each for each in reader.agents()}
        books = State(agents=accounts, rates=reader.rates(), tools=reader.tools())
    configuration = rig.assembly.parts.configuration
    return await explain(request, configuration, books, agent, utc_now(), now_ns())


@pytest.mark.parametrize("stream", [False, True])
async def test_the_gateway_decides_as_explained(
    tmp_path: Path, provider: Upstream, stream: bool
) -> None:
    """The same call has the same verdict and the same hash, said beforehand and then done."""
    body = {**CHAT, "stream": stream}
    async with (
        governed(tmp_path / "home", provider.port, RULE, plugins={"a.py": PLUGIN}) as rig,
        connected(rig.port) as client,
    ):
        before = await told(rig, {"path": "/v1/chat/completions", "body": body})
        provider.json()
        answer = await client.call(rig.request(body=json.dumps(body).encode()))
        assert before.admitted is (answer.status == 200) is not stream
        (logged,) = said(rig)
        assert logged["hash"] == before.decision_hash
        assert before.admitted or answer.json["error"]["message"] in before.outcome


async def test_nothing_is_written(tmp_path: Path, provider: Upstream) -> None:
    """A look at what would be costs no budget, no rate and no event."""
    async with governed(tmp_path / "home", provider.port) as rig:
        with rig.reader() as reader:
            before = reader.head()
        assert (await told(rig, {"path": "/v1/chat/completions", "body": CHAT})).admitted
        with rig.reader() as reader:
            assert reader.head() == before


async def test_routes_lead_where_they_lead(tmp_path: Path, provider: Upstream) -> None:
    """A model that is a route's name is asked about as the model that it leads to."""
    routes = {"fast": {"to": ["openai/gpt-4o-mini"]}}
    async with governed(tmp_path / "home", provider.port, RULE, routes=routes) as rig:
        body = {**CHAT, "model": "fast"}
        found = await told(rig, {"path": "/v1/chat/completions", "body": body})
        assert found.document is not None
        assert found.document["alias"] == "fast"
        assert found.document["models"][0] == ["fast", "gpt-4o-mini", "openai/gpt-4o-mini"]


async def test_only_agents_make_calls(tmp_path: Path, provider: Upstream) -> None:
    """Whoever is no agent has no call that could be explained."""
    async with governed(tmp_path / "home", provider.port) as rig:
        with pytest.raises(LookupError):
            await told(rig, {"path": "/v1/models", "method": "GET"}, "nobody")
        found = await told(rig, {"path": "/v1/models", "method": "GET"})
        assert replace(found.steps[0], why="").says == "passes"


async def test_a_tool_of_aex_is_explained_as_any_call(tmp_path: Path, provider: Upstream) -> None:
    """What the gateway says of a tool that is not there, or not enabled; then what a run costs."""
    request = {"path": "/v1/tools/execute", "body": {"tool": "sum", "input": [1]}}
    async with governed(tmp_path / "home", provider.port, {**RULE, "models": ["sum"]}) as rig:
        home, store = rig.assembly.home, rig.assembly.store
        packed = pack(tmp_path, "sum", SUM)
        for code in ("no_such_tool", "tool_disabled"):
            before = await told(rig, request)
            async with connected(rig.port) as client:
                body = json.dumps(request["body"]).encode()
                answer = await client.call(rig.request("/v1/tools/execute", body))
            assert not before.admitted
            assert answer.json["error"]["code"] == code
            assert answer.json["error"]["message"] in before.outcome
            assert said(rig)[-1]["hash"] == before.decision_hash != ""
            store.one(registry.install(home.tools, packed.manifest, packed.package, "test"))
        store.one(SetTool("sum", "enabled", "test"))
        found = await told(rig, request)
        assert (found.admitted, found.outcome.split()[1]) == (True, "$0.002")
        unread = await told(rig, {**request, "body": {"tool": "sum", "inptu": 1}})
        assert [step.says for step in unread.steps] == ["refuses", "not asked", "not asked"]
        with pytest.raises(Unreadable, match="POST"):
            await told(rig, {**request, "method": "GET"})
