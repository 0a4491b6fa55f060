"""What must stand before the first call, and what a stop leaves behind."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import apsw
import pytest

from aex_addon.assembly import Assembly, assemble, prepare
from aex_addon.home import Home, HomeError
from aex_addon.settings import Settings
from aex_addon.settings_tables import ProviderSettings
from aex_addon.settings_values import ConfigError
from ledger.admin_commands import CreateAgent
from ledger.commands import Admit, Quote
from ledger.errors import IntegrityBroken
from ledger.outcomes import Admitted
from ledger.read import Reader
from ledger.state import Execution
from tests.aex_addon.rig import settings_for


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


async def assembled(home: Home, **settings: Any) -> Assembly:
    return assemble(home, settings_for(9, **settings), {}, asyncio.get_running_loop())


def kinds(home: Home) -> list[str]:
    with Reader("sqlite:///ledger.db", home.path) as reader:
        return [logged.event.type for logged in reader.log()]


def row(home: Home) -> Execution:
    with Reader("sqlite:///ledger.db", home.path) as reader:
        (execution,) = reader.executions()
        (agent,) = reader.agents()
    assert agent.spent_nanousd == execution.actual_nanousd
    assert agent.reserved_nanousd == (0 if execution.terminal_at else 30)
    return execution


async def leave_open(home: Home) -> None:
    """A gateway that dies with one call under way."""
    lost = await assembled(home)
    lost.store.one(CreateAgent("bot", 10**9, 0, 0, "test", "hash", "tok"))
    facts = ("ex_1", "hash", None, "gw", "proxy", "openai", "m", "/v1/x", False, "f")
    outcome = lost.store.one(Admit(*facts, Quote(30), 1, True))
    assert isinstance(outcome, Admitted)
    lost.parts.books.close()
    lost.lock.close()


async def test_a_start_and_a_stop(home: Home) -> None:
    """A new home gets its certificates, bundle and ledger; both ends of the run are in the log."""
    made = await assembled(home)
    assert home.bundle.exists()
    assert home.ca_dir.is_dir()
    assert home.path.stat().st_mode & 0o777 == 0o700
    made.close()
    assert [kind for kind in kinds(home) if "gateway" in kind] == [
        "gateway.started",
        "gateway.stopped",
    ]


async def test_who_stopped_is_not_taken_for_lost(home: Home) -> None:
    """A gateway that ended in order is watched no more by those that come after it."""
    made = await assembled(home)
    made.store.beat(made.parts.gateway, 7)
    made.close()
    again = await assembled(home)
    assert again.store.beats() == {}
    again.close()


async def test_preparing_twice(home: Home) -> None:
    """What is there already is kept: nobody's trust is broken by a second start."""
    prepare(home, settings_for(9), {})
    before = {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()}
    prepare(home, settings_for(9), {})
    assert {path: path.read_bytes() for path in before} == before


async def test_a_second_instance(home: Home) -> None:
    """It is refused with a line that says what to do, and the first one goes on."""
    first = await assembled(home)
    with pytest.raises(HomeError, match=r"another gateway serves .*`aex daemon stop`") as raised:
        await assembled(home)
    assert "\n" not in str(raised.value)
    assert first.store.open_executions() == []
    first.close()
    (await assembled(home)).close()


@pytest.mark.parametrize(
    ("policy", "state", "certainty", "booked"),
    [("charge", "COMMITTED", "uncertain", 30), ("release", "RELEASED", "", 0)],
)
async def test_recovery(home: Home, policy: str, state: str, certainty: str, booked: int) -> None:
    """What a lost gateway left open is settled once at the next start, as the operator says."""
    await leave_open(home)
    assert row(home).state == "DISPATCHED"
    for _ in range(2):
        (await assembled(home, recovery=policy)).close()
        found = row(home)
        assert (found.state, found.certainty, found.actual_nanousd) == (state, certainty, booked)
    assert sum(kind.startswith("execution.") for kind in kinds(home)) == 3


async def test_books_that_do_not_add_up(home: Home) -> None:
    """Nothing is served from a broken chain, and the home is let go again."""
    (await assembled(home)).close()
    ledger = apsw.Connection(str(home.path / "ledger.db"))
    triggers = ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        ledger.execute(f'DROP TRIGGER "{name}"')
    ledger.execute("UPDATE event_log SET time_ns = time_ns + 1 WHERE seq = 2")
    ledger.close()
    for _ in range(2):
        with pytest.raises(IntegrityBroken, match="aex audit"):
            await assembled(home)


async def test_a_ledger_that_others_can_read(home: Home) -> None:
    """It is refused with the command that closes it."""
    (await assembled(home)).close()
    (home.path / "ledger.db").chmod(0o644)
    with pytest.raises(HomeError, match="chmod 600"):
        await assembled(home)


async def test_the_event_loop_never_waits_for_a_lock(home: Home) -> None:
    """Serving asks a busy ledger again later; only starting and stopping wait for their turn."""
    made = await assembled(home)
    assert made.store.engine.rows("PRAGMA busy_timeout") == [(0,)]
    made.close()


async def test_models_of_the_config(home: Home) -> None:
    """Their prices are the operator's."""
    from aex_addon.clock import utc_now

    model = {"provider": "openai", "input_usd_per_mtok": "1", "output_usd_per_mtok": "2"}
    made = await assembled(home, models={"mine": model})
    assert made.parts.configuration.prices.price("openai", "mine", utc_now()).source == "config"
    made.close()


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ({"m": {"provider": "opnai", "input_usd_per_mtok": "1"}}, "no provider is called 'opnai'"),
        ({"m": {"provider": "openai"}}, 'models."m": needs input_usd_per_mtok, or price_as'),
        ({"m": {"provider": "openai", "price_as": "gpt-0"}}, "has no 'gpt-0' of openai"),
    ],
)
async def test_models_of_nobody(home: Home, models: dict[str, Any], told: str) -> None:
    """A price for a provider or by a name that there is not is a mistake of the configuration."""
    with pytest.raises(ConfigError, match=re.escape(told)):
        await assembled(home, models=models)
    (await assembled(home)).close()


async def test_prices_by_another_name(home: Home) -> None:
    """A deployment is priced as the model that the operator says it is."""
    from aex_addon.clock import utc_now

    providers = {"azure": {"upstream": "https://me.openai.azure.com"}}
    models = {"prod-chat": {"provider": "azure", "price_as": "gpt-4o"}}
    made = assemble(
        home,
        Settings.model_validate({"providers": providers, "models": models}),
        {},
        asyncio.get_running_loop(),
    )
    price = made.parts.configuration.prices.price("azure", "prod-chat", utc_now())
    assert price.model_id == "gpt-4o"
    assert made.routes.by_host("me.openai.azure.com") is not None
    made.close()


def test_a_new_table_means_a_new_authority(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """Another governed host makes another CA, and the log says why; the first CA is no news."""
    settings = settings_for(9)
    prepare(home, settings, {})
    assert not caplog.records
    azure = {"azure": ProviderSettings(upstream="https://me.openai.azure.com")}
    more = settings.model_copy(update={"providers": {**settings.providers, **azure}})
    prepare(home, more, {})
    (record,) = caplog.records
    assert "agents must trust anew" in record.getMessage()
    assert "It does not permit me.openai.azure.com." in record.getMessage()
