"""aex_addon/standing.py: calls under way end with the right to make them."""

from __future__ import annotations

import asyncio
import json

import pytest

from aex_addon.standing import Standing
from aex_addon.tokens import token_hash
from ledger.admin_commands import Command, DeleteAgent, IssueToken, RevokeToken, SetState
from ledger.errors import LedgerUnavailable
from tests.aex_addon.rig import Rig, token_of
from tests.aex_addon.test_early_end import EVENT, ended, said, streaming
from tests.aex_addon.wire import Upstream, connected


def addon(rig: Rig) -> Standing:
    (found,) = [each for each in rig.master.addons.chain if isinstance(each, Standing)]
    return found


@pytest.mark.parametrize(
    ("code", "which"),
    [("token_revoked", "revoke"), ("token_revoked", "delete"), ("token_revoked", "rotate")],
)
async def test_a_stream_ends(rig: Rig, provider: Upstream, code: str, which: str) -> None:
    """A revoked or rotated token and a deleted agent end a stream, in the words of a denial."""
    new = token_of("n")
    commands: dict[str, Command] = {
        "revoke": RevokeToken(token_hash(rig.token), "lost", "operator"),
        "delete": DeleteAgent("bot", "operator"),
        "rotate": IssueToken(
            "bot", token_hash(new), "n", "execution", "x", 0, "operator", revoke_others=True
        ),
    }
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client, EVENT)
        await addon(rig).go_round()
        assert not next(iter(rig.pipeline.inflight.values())).cut
        rig.assembly.store.one(commands[which])
        await addon(rig).go_round()
        error = said(await client.chunk())
        assert error["code"] == code
        assert await client.chunk() == b""
        await asyncio.wait_for(answering.closed.wait(), 5)
        assert (await client.call(rig.request())).code == code
    (first, second) = rig.executions()
    assert (first.state, second.state) == ("COMMITTED", "DENIED")
    assert first.reason.startswith("ended early: ")
    assert 0 < first.actual_nanousd <= first.reserved_nanousd


@pytest.mark.parametrize("state", ["PAUSED", "QUARANTINED", "STOPPED"])
async def test_a_state_ends_a_stream(rig: Rig, provider: Upstream, state: str) -> None:
    """Whoever may make no call any more has none under way a look later; the reason is told."""
    store = rig.assembly.store
    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client, EVENT)
        store.one(SetState("bot", state, "it loops", "operator"))
        await addon(rig).go_round()
        error = said(await client.chunk())
        assert error["code"] == "agent_not_serving"
        assert f"{state}: it loops" in error["message"]
        assert await client.chunk() == b""
        await asyncio.wait_for(answering.closed.wait(), 5)
        assert (await client.call(rig.request())).status == 423
    (first, second) = rig.executions()
    assert (first.state, second.state) == ("COMMITTED", "DENIED")


async def test_who_is_stopping_finishes(rig: Rig, provider: Upstream) -> None:
    """No new call, and the one under way goes on."""
    async with connected(rig.port) as mine, connected(rig.port) as another:
        answering = await streaming(rig, provider, mine, EVENT)
        rig.assembly.store.one(SetState("bot", "STOPPING", "going home", "operator"))
        await addon(rig).go_round()
        assert (await another.call(rig.request())).status == 423
        await answering.piece(EVENT)
        assert await mine.chunk() == EVENT


async def test_other_calls_go_on(rig: Rig, provider: Upstream) -> None:
    """Only the calls of the token that was revoked end."""
    other = token_of("o")
    issue = IssueToken("bot", token_hash(other), "o", "execution", "other", 0, "operator")
    rig.assembly.store.one(issue)
    async with connected(rig.port) as mine, connected(rig.port) as others:
        answering = await streaming(rig, provider, mine, EVENT)
        rig.token, kept = other, rig.token
        going_on = await streaming(rig, provider, others, EVENT)
        rig.assembly.store.one(RevokeToken(token_hash(kept), "lost", "operator"))
        await addon(rig).go_round()
        assert said(await mine.chunk())["code"] == "token_revoked"
        await asyncio.wait_for(answering.closed.wait(), 5)
        await going_on.piece(EVENT)
        assert await others.chunk() == EVENT
        assert not going_on.closed.is_set()


async def test_nobody_is_asked_for_nothing(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks go on by themselves while calls are under way, and the ledger has rest without."""
    looks = asyncio.Queue[int]()
    store, timer = rig.assembly.store, addon(rig)
    stopped = store.stopped
    monkeypatch.setattr(
        store, "stopped", lambda asked: (looks.put_nowait(len(asked)), stopped(asked))[1]
    )
    monkeypatch.setattr(timer, "_every_s", 0.001)
    for _ in range(3):
        timer.done()
        timer.running()
    async with connected(rig.port) as client:
        assert looks.empty()
        answering = await streaming(rig, provider, client, EVENT)
        assert [await looks.get(), await looks.get()] == [1, 1]
        rig.assembly.store.one(RevokeToken(token_hash(rig.token), "lost", "operator"))
        assert said(await client.chunk())["code"] == "token_revoked"
        row = await ended(rig, answering)
    assert json.loads(row.usage)["output_tokens"] > 0


async def test_a_ledger_that_does_not_answer(
    rig: Rig, provider: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that were admitted go on until it says otherwise."""

    def fail(_: object) -> None:
        raise LedgerUnavailable("away")

    async with connected(rig.port) as client:
        answering = await streaming(rig, provider, client, EVENT)
        monkeypatch.setattr(rig.assembly.store, "stopped", fail)
        await addon(rig).go_round()
        await answering.piece(EVENT)
        assert await client.chunk() == EVENT
