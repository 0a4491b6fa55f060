"""What the pages are handed works from their threads, and does not hold the gateway up."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from aex_addon.web_acts import Runner, hand_over
from aex_addon.web_tokens import web_tokens
from ledger.admin_commands import CreditAgent, SetState
from ledger.outcomes import Done, Rejected
from tests.aex_addon.rig import CHAT, Rig
from tests.aex_addon.wire import Upstream, connected
from web.handed import CannotRun


async def test_a_command_from_a_thread(rig: Rig) -> None:
    """It is carried out by the gateway's own store, in its batches; a refusal comes back as one."""
    handed = hand_over(rig.assembly, dict)
    done = await asyncio.to_thread(handed.execute, CreditAgent("bot", 5, "more", "web:operator"))
    assert done == Done("bot")
    assert rig.agent().budget_nanousd == 10**9 + 5
    refused = await asyncio.to_thread(handed.execute, SetState("no", "PAUSED", "x", "web:operator"))
    assert isinstance(refused, Rejected)


async def test_what_is_handed_over(rig: Rig) -> None:
    """The tokens are the home's, and logs leave them out; new agent tokens differ."""
    handed = hand_over(rig.assembly, lambda: {"gateway": "g"})
    for role, token in web_tokens(rig.assembly.home).items():
        who = handed.auth.bearer(f"Bearer {token}")
        assert who is not None
        assert who.role == role
        assert token not in rig.assembly.routes.secrets.blot(f"it was {token}")
    assert handed.mint().secret != handed.mint().secret
    with handed.open_reader() as reader:
        assert [agent.name for agent in reader.agents()] == ["bot"]


async def test_a_process_of_its_own(rig: Rig) -> None:
    """The whole log is read apart; what fails there is told in its words."""
    run = Runner(rig.assembly.environ, rig.assembly.home.path)
    told = await asyncio.to_thread(run, ("replay", "--json"))
    assert json.loads(told)["agents"][0]["name"] == "bot"
    with pytest.raises(CannotRun, match="there is no execution 'nope'"):
        await asyncio.to_thread(run, ("prove", "nope"))


async def test_one_at_a_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look at the whole log is refused while the first is under way."""
    run = Runner(rig.assembly.environ, rig.assembly.home.path)
    began, goes_on = threading.Event(), threading.Event()

    class Slow:
        returncode, stdout, stderr = 0, "done", ""

    def slow(*_: object, **__: object) -> Slow:
        began.set()
        assert goes_on.wait(30)
        return Slow()

    monkeypatch.setattr("aex_addon.web_acts.subprocess.run", slow)
    first = asyncio.ensure_future(asyncio.to_thread(run, ("replay",)))
    await asyncio.to_thread(began.wait, 30)
    with pytest.raises(CannotRun, match="under way"):
        run(("replay",))
    goes_on.set()
    assert await first == "done"
    assert run(("replay",)) == "done"


async def test_the_configuration_is_looked_at_when_it_changes(rig: Rig) -> None:
    """A mistake shows, without what stands in the file, and is gone once it is mended."""
    handed, config = hand_over(rig.assembly, dict), rig.assembly.home.config
    assert handed.config() == ""
    config.write_text('listen = "sk-secret"\n')
    config.chmod(0o600)
    assert "cannot be loaded" in handed.config()
    assert "secret" not in handed.config()
    config.write_text("drain_seconds = 9\n")
    assert handed.config() == ""


async def test_reloading(rig: Rig) -> None:
    """All of the file or none of it, with whoever asked and why on record."""
    handed, config = hand_over(rig.assembly, dict), rig.assembly.home.config
    assert handed.reload is not None
    before = rig.assembly.parts.configuration
    config.write_text("drain_seconds = 'long'\n")
    config.chmod(0o600)
    with pytest.raises(CannotRun, match=r"stays as it is: .*drain_seconds"):
        await asyncio.to_thread(handed.reload, "web:operator", "the new quarter")
    assert rig.assembly.parts.configuration is before
    config.write_text("drain_seconds = 9\n")
    told = await asyncio.to_thread(handed.reload, "web:operator", "the new quarter")
    assert "drain_seconds" in told["changed"]
    assert rig.assembly.parts.settings.drain_seconds == 9
    with rig.reader() as reader:
        (logged,) = reader.log(kind="gateway.configured")
    said = logged.event.data()
    assert (said["actor"], said["reason"]) == ("web:operator", "the new quarter")


async def test_what_was_seen(rig: Rig, provider: Upstream) -> None:
    """A call, a denial and a free call are counted where they happen, with what AEX added."""
    observed = hand_over(rig.assembly, dict).observed
    provider.json()
    async with connected(rig.port) as client:
        assert (await client.call(rig.request())).status == 200
        body = json.dumps(CHAT | {"model": "no-such-model"}).encode()
        assert (await client.call(rig.request(body=body))).status == 403
    (row,) = [row for row in rig.executions() if row.state == "COMMITTED"]
    call = ("bot", "openai", "gpt-4o-mini")
    assert dict(observed.admissions.items()) == {
        (*call, "admitted"): 1,
        ("bot", "openai", "", "model_unpriced"): 1,
    }
    assert dict(observed.cost.items()) == {call: row.actual_nanousd}
    tokens = {(*call, "input_tokens"): 3, (*call, "output_tokens"): 2}
    assert dict(observed.tokens.items()) == tokens
    assert observed.accuracy.total == row.actual_nanousd / row.reserved_nanousd
    counts = {name: sum(found.counts) for name, found in observed.added.items()}
    assert counts == {"admission": 2, "settlement": 1}
    assert sum(observed.first_byte["openai"].counts) == 1
    assert sum(observed.answer["openai"].counts) == 1
    assert observed.commit_seconds.total > 0
    assert observed.batch_size.total >= 3


async def test_pages_over_the_wire(rig: Rig) -> None:
    """An operator's program acts through the real listener; without a token nobody does."""
    token = web_tokens(rig.assembly.home)["operator"]
    body = json.dumps({"state": "PAUSED", "reason": "it loops"}).encode()
    path = "/admin/agents/bot/state"
    async with connected(rig.port) as client:
        request = rig.request(path, body, authorization="", content_type="application/json")
        assert (await client.call(request)).status == 401
        request = rig.request(
            path, body, authorization=f"Bearer {token}", content_type="application/json"
        )
        assert (await client.call(request)).json["lifecycle_state"] == "PAUSED"
        assert (await client.call(rig.request())).status == 423
        foreign = rig.request(
            path,
            body,
            authorization=f"Bearer {token}",
            content_type="application/json",
            origin="http://evil.example",
        )
        assert (await client.call(foreign)).status == 403
