"""Where AEX cannot keep its books, nothing leaves, and the client is told in its own terms."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.end_to_end.books import account, ledger_file, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import free_port
from tests.end_to_end.prompts import CHAT, STREAM
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_fail_closed")

DoorOf = Callable[[Gateway], Door]


@contextmanager
def locked(gateway: Gateway) -> Iterator[None]:
    """Another process's connection holds the ledger's one write lock."""
    with closing(sqlite3.connect(ledger_file(gateway), isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


@pytest.fixture
def own(new_gateway: Callable[[], Gateway]) -> Gateway:
    """A gateway that may be broken."""
    return new_gateway().start()


def check_refused(door: Door, agent: Agent, provider: Provider, body: Any = CHAT) -> None:
    """The SDK raises its own server error, retryable, and the provider has seen no call."""
    sdk = door.sdk(agent, max_retries=0, timeout=60)
    with sdk, pytest.raises(openai.InternalServerError) as raised:
        sdk.chat.completions.create(**body)
    error = raised.value
    assert error.status_code == 503
    assert isinstance(error.body, dict)
    assert {"message", "type", "code"} <= error.body.keys()
    assert error.response.headers["x-should-retry"] == "true"
    assert provider.calls() == []


@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_a_locked_ledger(
    provider: Provider, door: Door, gateway: Gateway, agent: Agent, body: Any
) -> None:
    """While the ledger is locked calls are refused; as soon as it is free they pass again."""
    with locked(gateway):
        check_refused(door, agent, provider, body)
    with door.sdk(agent) as sdk:
        assert sdk.chat.completions.create(**CHAT).choices
    (row,) = [row for row in settled(gateway, agent) if row["state"] == "COMMITTED"]
    assert row["actual_nanousd"] == provider.calls()[0].cost()


def test_locked_while_a_call_is_in_flight(
    provider: Provider, door: Door, gateway: Gateway, agent: Agent
) -> None:
    """An answer is delivered though its settlement must wait; it is booked once that can be."""
    provider.script(hold=[2])
    with door.sdk(agent, max_retries=0) as sdk:
        stream = sdk.chat.completions.create(**STREAM)
        provider.wait_held()
        with locked(gateway):
            provider.release()
            assert len(list(stream)) == 8
    row = settled_one(gateway, agent)
    assert (row["state"], row["actual_nanousd"]) == ("COMMITTED", provider.calls()[0].cost())


def test_a_ledger_that_is_gone(provider: Provider, own: Gateway, door_of: DoorOf) -> None:
    """With its file taken away under the gateway, no call leaves."""
    door, agent = door_of(own), own.create_agent()
    for path in own.home.glob("ledger.db*"):
        path.rename(path.with_name(f"moved-{path.name}"))
    check_refused(door, agent, provider)


def test_a_ledger_that_is_another(provider: Provider, own: Gateway, door_of: DoorOf) -> None:
    """With an older copy put in its place under the gateway, no call leaves."""
    door, agent = door_of(own), own.create_agent()
    copy = own.home / "older.db"
    with closing(sqlite3.connect(ledger_file(own))) as db:
        db.execute("VACUUM INTO ?", (str(copy),))
    for path in own.home.glob("ledger.db*"):
        path.unlink()
    shutil.move(copy, ledger_file(own))
    check_refused(door, agent, provider)


def test_no_provider_key(
    provider: Provider, new_gateway: Callable[[], Gateway], door_of: DoorOf
) -> None:
    """Without a key the provider's own host is not asked, and the denial says what is missing."""
    gateway = new_gateway()
    del gateway.environment["OPENAI_API_KEY"]
    kept = [line for line in gateway.config.read_text().splitlines() if "upstream" not in line]
    gateway.write_config("\n".join(kept) + "\n")
    gateway.start()
    door, agent = door_of(gateway), gateway.create_agent()
    with door.sdk(agent, max_retries=0) as sdk, pytest.raises(openai.APIStatusError) as raised:
        sdk.chat.completions.create(**CHAT)
    assert raised.value.status_code == 503
    assert "OPENAI_API_KEY" in str(raised.value)
    assert provider.calls() == []
    assert account(gateway, agent).spent == 0


def test_an_upstream_of_ones_own_needs_no_key(
    provider: Provider, new_gateway: Callable[[], Gateway], door_of: DoorOf
) -> None:
    """An upstream that the operator chose is asked without a key, and never with the token."""
    gateway = new_gateway()
    del gateway.environment["OPENAI_API_KEY"]
    gateway.start()
    door, agent = door_of(gateway), gateway.create_agent()
    with door.sdk(agent, max_retries=0) as sdk, pytest.raises(openai.AuthenticationError):
        sdk.chat.completions.create(**CHAT)
    (call,) = provider.calls()
    assert call.header("authorization") is None
    assert settled_one(gateway, agent)["state"] == "RELEASED"


def test_an_upstream_that_is_away(
    provider: Provider, new_gateway: Callable[[], Gateway], door_of: DoorOf
) -> None:
    """A provider that cannot be reached got no byte: the call is a 5xx and is released."""
    gateway = new_gateway()
    text = gateway.config.read_text().replace(provider.url, f"http://127.0.0.1:{free_port()}")
    gateway.write_config(text)
    gateway.start()
    door, agent = door_of(gateway), gateway.create_agent()
    with door.sdk(agent, max_retries=0) as sdk, pytest.raises(openai.InternalServerError) as raised:
        sdk.chat.completions.create(**CHAT)
    assert raised.value.status_code in {502, 503, 504}
    assert isinstance(raised.value.body, dict)
    row = settled_one(gateway, agent)
    assert (row["state"], row["actual_nanousd"]) == ("RELEASED", 0)


Break = Callable[[Gateway], Any]


def unknown_key(gateway: Gateway) -> str:
    gateway.write_config(gateway.config.read_text().replace("listen =", "lisen ="))
    return "listen"


def no_toml(gateway: Gateway) -> str:
    gateway.write_config("listen = [")
    return "aex.toml"


def bad_price(gateway: Gateway) -> str:
    gateway.write_config(gateway.config.read_text().replace('"0.15"', '"-0.15"'))
    return "input_usd_per_mtok"


def garbage_ledger(gateway: Gateway) -> str:
    ledger_file(gateway).write_bytes(b"this is no database" * 1000)
    ledger_file(gateway).chmod(0o600)
    return "ledger.db"


def folder_as_ledger(gateway: Gateway) -> str:
    ledger_file(gateway).mkdir(mode=0o700)
    return "ledger.db"


def ledger_elsewhere(gateway: Gateway) -> str:
    nowhere = Path("/dev/null/ledger.db")
    gateway.write_config(gateway.config.read_text().replace("/ledger.db", f"/{nowhere}"))
    return "/dev/null"


@pytest.mark.parametrize(
    "broken",
    [unknown_key, no_toml, bad_price, garbage_ledger, folder_as_ledger, ledger_elsewhere],
)
def test_what_cannot_start(
    provider: Provider, new_gateway: Callable[[], Gateway], broken: Break
) -> None:
    """A broken config or ledger ends the start with a line that names it, and no traceback."""
    gateway = new_gateway()
    named = broken(gateway)
    child = gateway.launch()
    assert child.process.wait(30) != 0
    said = child.output()
    assert named in said
    assert "Traceback" not in said
    assert provider.calls() == []


def test_a_second_gateway_on_one_home(own: Gateway, new_gateway: Callable[[], Gateway]) -> None:
    """A second instance on a home says so and leaves the first one working."""
    second = new_gateway()
    second.home, second.environment = own.home, own.environment
    child = second.launch()
    assert child.process.wait(30) != 0
    assert "Traceback" not in child.output()
    assert own.child is not None
    assert own.child.alive
    assert own.create_agent().token
