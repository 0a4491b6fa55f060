"""The configuration is exchanged while the gateway runs: all of it or none, and on record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aex_addon.reload import AT_START, Report, differences, summary
from aex_addon.settings import Settings
from ledger.errors import LedgerBusy
from tests.aex_addon.rig import CHAT, Rig, gateway
from tests.aex_addon.routed import FIRST, SECOND, providers
from tests.aex_addon.wire import ANSWER, Upstream, connected, upstream

CANARY = "sk-canary-in-a-file"


class Running:
    """A gateway whose aex.toml a test writes."""

    def __init__(self, rig: Rig, provider: Upstream) -> None:
        self.rig, self.provider = rig, provider

    def write(self, *lines: str, upstream_port: int | None = None, key: str = "") -> None:
        where = providers(self.provider.port, upstream_port or self.provider.port)
        text = ['listen = "127.0.0.1:0"', "drain_seconds = 5", *lines]
        for name, row in where.items():
            source = f'api_key_file = "{key}"' if key else 'api_key_env = "OPENAI_API_KEY"'
            text += [f"[providers.{name}]", f'upstream = "{row["upstream"]}"', source]
        self.rig.assembly.home.config.write_text("\n".join(text) + "\n")

    async def reload(self, actor: str = "test") -> Report:
        return await self.rig.assembly.reloader.reload(actor)

    async def ask(self, model: str) -> int:
        body = json.dumps({**CHAT, "model": model}).encode()
        async with connected(self.rig.port) as client:
            return (await client.call(self.rig.request(body=body))).status

    def noted(self) -> list[dict[str, Any]]:
        with self.rig.reader() as reader:
            told = [each.event for each in reader.log()]
        return [event.data() for event in told if event.type == "gateway.configured"]


@pytest.fixture
async def running(tmp_path: Path, provider: Upstream) -> AsyncIterator[Running]:
    where = providers(provider.port, provider.port)
    async with gateway(tmp_path / "home", provider.port, providers=where, egress={}) as rig:
        yield Running(rig, provider)


def fast(*to: str) -> str:
    return f"routes.fast.to = {json.dumps(list(to))}"


async def test_a_route_comes_changes_and_goes(running: Running) -> None:
    """From the reload on, and with no restart; the log tells who, and which keys."""
    assert await running.ask("fast") == 403
    running.write(fast(f"groq/{FIRST}"))
    assert await running.reload("cli:joe") == Report(added=("routes.fast",))
    running.provider.json()
    assert await running.ask("fast") == 200
    running.write(fast(f"openai/{SECOND}"))
    assert await running.reload() == Report(changed=("routes.fast.to",))
    running.provider.json()
    assert await running.ask("fast") == 200
    running.write()
    assert await running.reload() == Report(removed=("routes.fast",))
    assert await running.ask("fast") == 403
    models = [row.model for row in running.rig.executions()]
    assert models == ["fast", FIRST, SECOND, "fast"]
    first, *_ = running.noted()
    assert first == {
        "actor": "cli:joe",
        "added": "routes.fast",
        "changed": "",
        "gateway": running.rig.assembly.parts.gateway,
        "removed": "",
        "restart": "",
    }


async def test_a_price_changes(running: Running) -> None:
    """The next call is reserved and billed by the new one, and the one before is not touched."""
    running.write('[models.m]\nprovider = "openai"\ninput_usd_per_mtok = "1"')
    assert (await running.reload()).added == ("models.m",)
    running.provider.json()
    assert await running.ask("m") == 200
    running.write('[models.m]\nprovider = "openai"\ninput_usd_per_mtok = "10"')
    assert (await running.reload()).changed == ("models.m.input_usd_per_mtok",)
    running.provider.json()
    assert await running.ask("m") == 200
    before, after = running.rig.executions()
    assert after.actual_nanousd == 10 * before.actual_nanousd > 0
    assert after.reserved_nanousd == 10 * before.reserved_nanousd


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["drain_second = 4", "body_limit = 1"], ["drain_second", "body_limit"]),
        (["this is no TOML"], ["aex.toml:3"]),
        ([fast("nope/x", "azure/y")], ["'nope/x' names no", "'azure/y' has no address"]),
        (['[models.m]\nprovider = "nope"'], ["no provider is called 'nope'"]),
        (
            [f'[models.{name}]\nprovider = "openai"\nprice_as = "none-{name}"' for name in "ab"],
            ["none-a", "none-b"],
        ),
    ],
)
async def test_a_mistake_changes_nothing(
    running: Running, lines: list[str], told: list[str]
) -> None:
    """Every one of them is told; what was in force still is, and nothing is on record."""
    before = running.rig.assembly.parts.configuration
    running.write(*lines)
    report = await running.reload()
    assert not report.ok
    assert len(report.problems) == len(told)
    for part, problem in zip(told, sorted(report.problems, key=_line), strict=True):
        assert part in problem
    assert running.rig.assembly.parts.configuration is before
    assert running.noted() == []


def _line(problem: str) -> list[str]:
    return problem.split(":")[:2]


async def test_a_file_that_is_gone_means_the_defaults(running: Running) -> None:
    """As at a start."""
    running.write(fast(f"groq/{FIRST}"))
    await running.reload()
    running.rig.assembly.home.config.unlink()
    assert "routes.fast" in (await running.reload()).removed


async def test_what_waits_for_a_restart(running: Running) -> None:
    """It is told, and everything else takes effect: listener, ledger, new governed hosts."""
    running.write(
        'ledger = "sqlite:///other.db"',
        "checkpoint_every_events = 7",
        "body_limit_mib = 1",
        '[providers.mine]\nupstream = "https://llm.example/v1"\nformats = ["openai"]',
    )
    report = await running.reload()
    waits = ("ledger", "checkpoint_every_events", "the governed host llm.example")
    assert report.restart == waits
    assert set(report.added) == {"body_limit_mib", "providers.mine"}
    found = running.rig.assembly.parts.configuration
    assert found.settings.ledger == "sqlite:///ledger.db"
    assert found.routes.by_host("llm.example") is None
    assert found.routes.by_base_url("/mine/v1/models") is not None
    assert running.rig.master.options.body_size_limit == "1m"
    assert (await running.reload()).restart == waits


async def test_a_tool_has_another_price(running: Running) -> None:
    """From the next call on; which keys have changed is told, and no price."""
    server = '[mcp.desk]\nurl = "http://127.0.0.1:1/mcp"\n'
    running.write(server)
    assert await running.reload() == Report(added=("mcp.desk",))
    running.write(f'{server}default_usd = "0.5"\n')
    assert await running.reload() == Report(changed=("mcp.desk.default_usd",))
    found = running.rig.assembly.parts.configuration
    assert found.settings.mcp["desk"].default_usd == Decimal("0.5")
    assert found.routes.by_base_url("/desk/mcp") == ("desk", "/mcp")


async def test_a_host_that_comes_back(running: Running) -> None:
    """The certificate authority of the run still speaks for it."""
    running.write('[providers.groq]\nhosts = ["groq.example"]'.replace("groq]", "cerebras]"))
    report = await running.reload()
    assert report.restart == ("the governed host groq.example",)
    assert running.rig.assembly.routes.by_host("api.cerebras.ai") is None
    running.write()
    assert (await running.reload()).restart == ()
    assert running.rig.assembly.routes.by_host("api.cerebras.ai") is not None


async def test_a_call_under_way_ends_as_it_began(running: Running) -> None:
    """Its price and its provider are those of its beginning, whatever is in force at its end."""
    reached, go = asyncio.Event(), asyncio.Event()

    async def held(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await go.wait()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(ANSWER) + ANSWER)

    running.provider.answers.append(held)
    running.write('[models.m]\nprovider = "openai"\ninput_usd_per_mtok = "1"')
    await running.reload()
    calling = asyncio.ensure_future(running.ask("m"))
    await reached.wait()
    async with upstream() as elsewhere:
        price = '[models.m]\nprovider = "openai"\ninput_usd_per_mtok = "50"'
        running.write(price, upstream_port=elsewhere.port)
        assert "providers.openai.upstream" in (await running.reload()).changed
        go.set()
        assert await calling == 200
        elsewhere.json()
        assert await running.ask("m") == 200
        assert len(elsewhere.requests) == 1
    first, second = running.rig.executions()
    assert second.actual_nanousd == 50 * first.actual_nanousd > 0


async def test_keys_are_read_anew(running: Running, tmp_path: Path) -> None:
    """And shown nowhere: not in the report, the log, or an answer that repeats the old one."""
    key = tmp_path / "key"
    key.write_text(CANARY)
    key.chmod(0o600)
    running.write(key=str(key))
    report = await running.reload()
    assert report.ok
    assert CANARY not in repr(report) + json.dumps(running.noted())
    running.provider.json()
    assert await running.ask(SECOND) == 200
    assert CANARY.encode() in running.provider.requests[-1]
    key.write_text("sk-the-next-canary")
    await running.reload()
    running.provider.json()
    assert await running.ask(SECOND) == 200
    assert b"sk-the-next-canary" in running.provider.requests[-1]
    assert running.rig.assembly.routes.secrets.blot(CANARY) == "[key]"
    key.chmod(0o644)
    report = await running.reload()
    assert not report.ok
    assert "open to other users" in report.problems[0]
    running.provider.json()
    assert await running.ask(SECOND) == 200


async def test_without_a_record_nothing_changes(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configuration that the ledger knows nothing of is in force nowhere."""

    async def fail(_command: Any) -> Any:
        raise LedgerBusy("busy")

    before = running.rig.assembly.parts.configuration
    monkeypatch.setattr(running.rig.assembly.parts.books, "admit", fail)
    running.write(fast(f"groq/{FIRST}"))
    assert (await running.reload()).problems == ("the ledger cannot record it: busy",)
    assert running.rig.assembly.parts.configuration is before


def test_differences_name_keys_and_no_values() -> None:
    """Rows that came or went, and the keys of those that changed; defaults are no difference."""
    old = Settings.model_validate(
        {
            "providers": {"openai": {"upstream": "http://secret.example"}, "groq": {}},
            "denial_status": {"budget_exceeded": 429},
            "drain_seconds": 4,
        }
    )
    new = Settings.model_validate(
        {
            "providers": {"openai": {"upstream": "http://other.example", "price_as": "x"}},
            "denial_status": {"budget_exceeded": 402},
            "log_level": "debug",
        }
    )
    found = differences(old, new)
    assert found.changed == (
        "denial_status.budget_exceeded",
        "providers.openai.price_as",
        "providers.openai.upstream",
    )
    assert (found.added, found.removed) == (("log_level",), ("drain_seconds", "providers.groq"))
    assert "example" not in repr(found)
    assert differences(new, new) == Report()
    assert summary(Report()) == "nothing has changed"
    assert summary(found).startswith("added log_level; changed denial_status.budget_exceeded, ")


def test_what_is_made_at_the_start_is_known() -> None:
    """Each such key exists."""
    assert set(AT_START) <= Settings.model_fields.keys()
