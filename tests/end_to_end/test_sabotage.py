"""An exception in any hook and any stage lets no call out, and loses no bill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.books import account, reserves, rows, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import poll
from tests.end_to_end.prompts import CHAT, CHAT_PATH, STREAM, in_thread
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_sabotage")

BEFORE_ADMISSION = [
    "aex_addon.doors:Doors.requestheaders",
    "aex_addon.identity:Identity.of",
    "aex_addon.calls:read_call",
    "aex_addon.bulks:appraise",
    "aex_addon.bulks:Bulks.recalled",
    "aex_addon.pipeline:Pipeline.appraise",
    "aex_addon.admission:token_hash",
    "aex_addon.admission:mint_execution_id",
    "aex_addon.pipeline:Pipeline.request",
    "aex_addon.pipeline:Pipeline._admit",
    "aex_addon.books:Books.admit",
    "ledger.store:Store.execute",
    "providers.openai_chat:OpenAIChat.read",
    "providers.prices:PriceBook.price",
]
AFTER_ADMISSION = [
    "providers.openai_chat:OpenAIChat.patch",
    "aex_addon.calls:send_upstream",
    "aex_addon.destinations:Destinations.allow",
]
AT_CONNECT = [
    "aex_addon.doors:Doors.http_connect",
    "aex_addon.doors:Doors.next_layer",
    "aex_addon.identity:Identity.http_connect",
]
IN_THE_ANSWER = [
    "aex_addon.pipeline:Pipeline.responseheaders",
    "aex_addon.pipeline:Pipeline.response",
    "providers.openai_chat:OpenAIChat.meter",
    "providers.openai_chat_meter:StreamMeter.feed",
    "providers.openai_chat_meter:StreamMeter.finish",
    "providers.openai_chat_meter:StreamMeter.reading",
    "providers.openai_chat_meter:JsonMeter.feed",
    "providers.openai_chat_meter:JsonMeter.reading",
]
POINTS = [*BEFORE_ADMISSION, *AFTER_ADMISSION, *AT_CONNECT, *IN_THE_ANSWER]


class Sabotaged(Gateway):
    """A gateway in which one function at a time can be made to raise."""

    def __init__(self, home: Path, upstream: str) -> None:
        super().__init__(home, upstream)
        self.switch = home.parent / "switch"
        self.set("")
        module = ["-m", "tests.end_to_end.sabotage", str(self.switch), ",".join(POINTS)]
        self.launcher = module

    def set(self, point: str) -> None:
        """From now on this point fails; "" is none."""
        self.switch.write_text(point)


@pytest.fixture(scope="module")
def gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    running = Sabotaged(tmp_path_factory.mktemp("gateway") / "home", provider_process.url)
    yield running.start()
    running.set("")
    running.stop()


@pytest.fixture
def fails(gateway: Sabotaged) -> Iterator[Callable[[str], None]]:
    """Makes a point fail for the rest of the test."""
    yield gateway.set
    gateway.set("")


def ask(door: Door, agent: Agent, body: Any = CHAT) -> httpx.Response | httpx.TransportError:
    with door.client(agent) as client:
        try:
            return client.post(CHAT_PATH, json=body)
        except httpx.TransportError as error:
            return error


def test_no_sabotage(provider: Provider, door: Door, agent: Agent) -> None:
    """The wrapped gateway works as any other while nothing fails."""
    answer = ask(door, agent)
    assert isinstance(answer, httpx.Response)
    assert answer.status_code == 200
    assert settled(door.gateway, agent)[0]["actual_nanousd"] == provider.calls()[0].cost()


@pytest.mark.parametrize("point", BEFORE_ADMISSION)
def test_before_admission(
    provider: Provider, door: Door, agent: Agent, fails: Callable[[str], None], point: str
) -> None:
    """A fault before the ledger is asked is a 503 in the provider's shape; nothing is reserved."""
    fails(point)
    answer = ask(door, agent)
    assert provider.calls() == []
    assert isinstance(answer, httpx.Response)
    assert answer.status_code == 503
    assert answer.json()["error"]["message"]
    assert "Sabotage" not in answer.text
    assert reserves(door.gateway, agent) == 0
    fails("")
    again = ask(door, agent)
    assert isinstance(again, httpx.Response)
    assert again.status_code == 200


@pytest.mark.parametrize("point", AFTER_ADMISSION)
def test_after_admission(
    provider: Provider, door: Door, agent: Agent, fails: Callable[[str], None], point: str
) -> None:
    """A fault between reserve and dispatch sends nothing, and what was reserved is free again."""
    fails(point)
    answer = ask(door, agent)
    assert provider.calls() == []
    assert isinstance(answer, httpx.Response)
    assert answer.status_code == 503
    assert answer.json()["error"]["message"]
    fails("")
    (row,) = settled(door.gateway, agent)
    assert row["state"] == "RELEASED"
    assert (account(door.gateway, agent).spent, account(door.gateway, agent).reserved) == (0, 0)


@pytest.mark.parametrize("point", AT_CONNECT)
def test_at_connect(
    provider: Provider,
    gateway: Gateway,
    agent: Agent,
    shared_ca_file: str,
    fails: Callable[[str], None],
    point: str,
) -> None:
    """A fault while a tunnel is made ends the call, or leaves it governed as any other."""
    fails(point)
    answer = ask(Door("proxy", gateway, shared_ca_file), agent)
    admitted = reserves(gateway, agent)
    assert len(provider.calls()) == admitted
    assert (isinstance(answer, httpx.Response) and answer.status_code == 200) == admitted


@pytest.mark.parametrize("body", [CHAT, STREAM])
@pytest.mark.parametrize("point", IN_THE_ANSWER)
def test_in_the_answer(
    provider: Provider,
    door: Door,
    agent: Agent,
    fails: Callable[[str], None],
    point: str,
    body: Any,
) -> None:
    """A fault after dispatch costs the client no byte, and the bill is in the books in the end."""
    provider.script(hold="headers" if body is CHAT else [0])
    with in_thread(lambda: ask(door, agent, body)) as answers:
        provider.wait_held()
        fails(point)
        provider.release()
    assert isinstance(answers[0], httpx.Response), answers[0]
    assert answers[0].status_code == 200
    assert "said:" in answers[0].text
    assert body is CHAT or answers[0].text.endswith("data: [DONE]\n\n")
    fails("")
    (call,) = provider.calls()
    poll(lambda: rows(door.gateway, agent)[0]["state"] != "RESERVED", "the dispatch on record")
    if rows(door.gateway, agent)[0]["state"] == "DISPATCHED":
        door.gateway.kill()
        door.gateway.start()
    (row,) = settled(door.gateway, agent)
    assert row["state"] == "COMMITTED"
    assert call.cost() <= row["actual_nanousd"] <= row["reserved_nanousd"]
