"""A call whose provider fails before its answer begins is tried at the next one, and booked right.

Every try is an execution of its own, admitted anew and linked to the first.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aex_addon import books
from ledger.errors import LedgerUnavailable
from tests.aex_addon.rig import KEY, OTHER_KEY, gateway
from tests.aex_addon.routed import FAST, FIRST, SECOND, Routed, providers, routed
from tests.aex_addon.wire import ANSWER, Script, connected, upstream


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Routed]:
    async with routed(tmp_path / "home") as running:
        yield running


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The connection is reset with the request read and no byte of an answer sent."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """No answer; it sees AEX hang up."""
    await reader.read()


def broken(status: str, body: bytes) -> Script:
    """An answer that begins, and ends in a reset."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: text/event-stream\r\n"
        writer.write(head.encode() + b"transfer-encoding: chunked\r\n\r\n" + body)
        await writer.drain()
        await reset(reader, writer)

    return script


async def test_the_first_is_asked_as_long_as_it_answers(two: Routed) -> None:
    """One try, at the first provider, under the name that the model has there."""
    two.first.json()
    answer = await two.ask()
    assert (answer.status, answer.body) == (200, ANSWER)
    assert json.loads(two.first.requests[0].partition(b"\r\n\r\n")[2])["model"] == FIRST
    assert two.first.requests[0].startswith(b"POST /openai/v1/chat/completions ")
    (row,) = two.rows()
    assert (row.provider, row.model, row.door) == ("groq", FIRST, "base-url")
    assert (row.state, row.retry_of) == ("COMMITTED", "")
    assert two.second.requests == []


@pytest.mark.parametrize("status", [502, 503, 504, 529])
async def test_a_status_that_the_route_heeds(two: Routed, status: int) -> None:
    """The try is released with its proof; the client sees the second's answer alone."""
    two.first.json(b'{"error": {"message": "busy"}}', status)
    two.second.json()
    answer = await two.ask()
    assert (answer.status, answer.body) == (200, ANSWER)
    first, second = two.rows()
    assert (first.state, first.status_code, first.provider) == ("RELEASED", status, "groq")
    assert first.reason == f"the provider answered {status}, which it does not bill"
    assert (second.state, second.provider, second.model) == ("COMMITTED", "openai", SECOND)
    assert second.certainty == "exact"
    assert (second.retry_of, second.fingerprint) == (first.execution_id, first.fingerprint)
    assert answer.headers["x-aex-execution-id"] == second.execution_id


async def test_nobody_listens(two: Routed) -> None:
    """No byte left, so nothing is booked for the first."""
    two.first.stop()
    two.second.json()
    assert (await two.ask()).status == 200
    first, second = two.rows()
    assert (first.state, first.actual_nanousd) == ("RELEASED", 0)
    assert first.reason == "no connection to the provider stood; no byte left"
    assert (second.state, second.retry_of) == ("COMMITTED", first.execution_id)


@pytest.mark.parametrize("fault", [reset, close])
async def test_a_connection_that_breaks(two: Routed, fault: Script) -> None:
    """It may have been billed, and is booked so; the next try has a reserve of its own."""
    two.first.answers.append(fault)
    two.second.json()
    assert (await two.ask()).status == 200
    first, second = two.rows()
    assert (first.state, first.certainty) == ("COMMITTED", "uncertain")
    assert first.actual_nanousd == first.reserved_nanousd > 0
    assert (second.state, second.certainty) == ("COMMITTED", "exact")
    # The figures that are exported hold both.
    observed = two.rig.pipeline.parts.observed
    assert [sum(each.counts) for each in (observed.answer["groq"], observed.answer["openai"])] == [
        *(1, 1)
    ]
    assert sum(cost for _, cost in observed.cost.items()) == two.rig.agent().spent_nanousd


async def test_an_answer_that_does_not_come(tmp_path: Path) -> None:
    """After the route's patience the provider is left, and its connection closed."""
    async with routed(tmp_path / "home", {"answer_within_seconds": 1}) as two:
        two.first.answers.append(silence)
        two.second.json()
        assert (await two.ask()).status == 200
        first, second = two.rows()
        assert (first.certainty, second.certainty) == ("uncertain", "exact")
        while two.first.writers:  # noqa: ASYNC110 - its end is seen there
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("status", "on"),
    [(400, [429]), (401, [500]), (404, [502]), (429, [503]), (500, [502])],
)
async def test_what_the_route_does_not_heed(tmp_path: Path, status: int, on: list[int]) -> None:
    """An agent's own mistakes are told to it, and nobody else is asked."""
    async with routed(tmp_path / "home", {"fall_back_on": on}) as two:
        two.first.json(b'{"error": {}}', status)
        answer = await two.ask()
        assert (answer.status, answer.body) == (status, b'{"error": {}}')
        assert [row.state for row in two.rows()] == ["RELEASED"]
        assert two.second.requests == []


async def test_a_rate_limit_that_the_route_heeds(tmp_path: Path) -> None:
    """429 is a provider's, and another may have room."""
    async with routed(tmp_path / "home", {"fall_back_on": [429]}) as two:
        two.first.json(b"{}", 429, retry_after="30")
        two.second.json()
        assert (await two.ask()).status == 200
        assert [row.status_code for row in two.rows()] == [429, 200]


@pytest.mark.parametrize("body", [b"", b"d\r\ndata: {}\n\nda\r\n"])
async def test_an_answer_that_has_begun_is_never_replaced(two: Routed, body: bytes) -> None:
    """Its head is the client's already: the break is passed on, and booked as ever."""
    two.first.answers.append(broken("200 OK", body))
    async with connected(two.rig.port) as client:
        await client.send(two.call(stream=True))
        status, headers = await client.head()
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        await client.reader.read()
    while two.rig.pipeline.inflight:  # noqa: ASYNC110 - the settlement follows the break
        await asyncio.sleep(0.01)
    (row,) = two.rows()
    assert (row.state, row.certainty, row.provider) == ("COMMITTED", "estimated", "groq")
    assert two.second.requests == []


async def test_while_an_answer_comes_nothing_is_kept_for_others(two: Routed) -> None:
    """Neither the request as it came nor what others would be asked: a stream may last for long."""
    seen = asyncio.Event()

    async def begun(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        await seen.wait()
        writer.close()

    two.first.answers.append(begun)
    async with connected(two.rig.port) as client:
        await client.send(two.call(stream=True))
        await client.head()
        (trip,) = two.rig.pipeline.trips.values()
        assert (trip.rest, trip.came) == ((), None)
        seen.set()
        await client.reader.read()


async def test_what_is_left_of_a_refusal_is_not_the_next_answer(two: Routed) -> None:
    """The rest of an error that comes late, and its broken end, reach nobody."""
    two.first.answers.append(broken("503 Busy", b"5\r\nerror\r\n"))
    two.second.json()
    async with connected(two.rig.port) as client:
        assert (await client.call(two.call())).body == ANSWER
        two.first.json()
        assert (await client.call(two.call())).body == ANSWER
    assert [row.provider for row in two.rows()] == ["groq", "openai", "groq"]


async def test_nobody_is_left(two: Routed) -> None:
    """The last fault is what the client is told, in its provider's words."""
    two.first.json(b'{"error": "first"}', 503)
    two.second.json(b'{"error": "second"}', 503)
    answer = await two.ask()
    assert (answer.status, answer.body) == (503, b'{"error": "second"}')
    assert [row.state for row in two.rows()] == ["RELEASED", "RELEASED"]
    assert two.rig.agent().spent_nanousd == 0


async def test_both_are_unreachable(two: Routed) -> None:
    """The client gets a 502 that it may repeat, for nothing was sent."""
    two.first.stop()
    two.second.stop()
    answer = await two.ask()
    assert (answer.status, answer.code) == (502, "upstream_failed")
    assert answer.headers["x-should-retry"] == "true"
    first, second = two.rows()
    assert {first.state, second.state} == {"RELEASED"}
    assert answer.headers["x-aex-execution-id"] == second.execution_id


async def test_a_provider_that_comes_back(two: Routed) -> None:
    """The client's connection does not remember that nobody listened."""
    two.first.stop()
    two.second.json()
    async with connected(two.rig.port) as client:
        assert (await client.call(two.call())).status == 200
        back = await asyncio.start_server(two.first.serve, "127.0.0.1", two.first.port)
        async with back:
            two.first.json()
            assert (await client.call(two.call())).status == 200
            for writer in two.first.writers:
                writer.close()
    assert [row.provider for row in two.rows()] == ["groq", "openai", "groq"]


async def test_the_next_try_is_admitted_anew(tmp_path: Path) -> None:
    """A try that may have been billed is booked at its reserve; the rest must carry the next."""
    dearer = {"to": [f"groq/{FIRST}", "openai/gpt-4o"]}
    async with routed(tmp_path / "home", dearer, budget_nanousd=900_000) as two:
        two.first.answers.append(reset)
        answer = await two.ask()
        assert (answer.status, answer.code) == (402, "budget_exceeded")
        first, second = two.rows()
        assert (first.certainty, second.state) == ("uncertain", "DENIED")
        assert second.retry_of == first.execution_id
        assert two.second.requests == []


async def test_a_provider_that_cannot_take_the_call(tmp_path: Path) -> None:
    """It is passed over, and the first fault is told as if nobody stood by."""
    turned = {"to": [f"openai/{SECOND}", f"groq/{FIRST}"]}
    async with routed(tmp_path / "home", turned) as two:
        two.second.json(b'{"error": "busy"}', 503)
        # OpenAI's options are known; what is new at a compatible host may cost.
        answer = await two.ask(some_option=1)
        assert (answer.status, answer.body) == (503, b'{"error": "busy"}')
        (row,) = two.rows()
        assert (row.provider, row.state, row.status_code) == ("openai", "RELEASED", 503)
        assert two.first.requests == []


async def test_each_provider_is_shown_its_own_key(tmp_path: Path) -> None:
    """Nothing that was put in for the first goes to the second, whichever header it stands in."""
    async with upstream() as first, upstream() as second:
        where = providers(first.port, second.port)
        where["groq"] |= {"key_header": "x-first-key", "api_key_env": "FIRST_KEY"}
        changes = {"providers": where, "routes": {"fast": FAST}}
        async with gateway(tmp_path / "home", second.port, **changes) as rig:
            two = Routed(rig, first, second)
            first.json(b"{}", 503)
            second.json()
            assert (await two.ask()).status == 200
            (asked_first,), (asked_second,) = first.requests, second.requests
            assert b"x-first-key: " + OTHER_KEY.encode() in asked_first.lower()
            assert KEY.encode() not in asked_first
            assert b"authorization: bearer " + KEY.encode() in asked_second.lower()
            assert OTHER_KEY.encode() not in asked_second
            assert rig.token.encode() not in asked_first + asked_second


async def test_an_agent_s_token_is_shown_to_nobody(tmp_path: Path) -> None:
    """Wherever AEX's own address takes it, also where only the provider of that has its key."""
    async with upstream() as first, upstream() as second:
        where = providers(first.port, second.port)
        where["openai"] |= {"key_header": "x-own-key"}
        changes = {"providers": where, "routes": {"fast": FAST}}
        async with gateway(tmp_path / "home", second.port, **changes) as rig:
            two = Routed(rig, first, second)
            body = two.call().partition(b"\r\n\r\n")[2]
            path = "/v1/chat/completions"
            for raw in (
                rig.request(path, body, authorization="", x_own_key=rig.token),
                rig.request(f"{path}?x-own-key={rig.token}&a=b", body, authorization=""),
            ):
                first.json(b"{}", 503)
                second.json()
                async with connected(rig.port) as client:
                    assert (await client.call(raw)).status == 200
            assert len(first.requests) == len(second.requests) == 2
            assert rig.token.encode() not in b"".join([*first.requests, *second.requests])
            assert first.requests[1].startswith(b"POST /openai/v1/chat/completions?a=b ")


@pytest.mark.parametrize(("refuses", "again"), [(True, "true"), (False, "false")])
async def test_a_ledger_that_stores_nothing_any_more(
    two: Routed, monkeypatch: pytest.MonkeyPatch, refuses: bool, again: str
) -> None:
    """The client is told so, and to ask again only where the first try cost nothing; it does not
    hang until that try is booked, which it is later."""
    store = two.rig.assembly.store
    execute, broken_disk = store.execute, asyncio.Event()

    def failing(commands: Any) -> Any:
        if broken_disk.is_set():
            raise LedgerUnavailable("the disk is full")
        return execute(commands)

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broken_disk.set()
        if not refuses:
            await reset(reader, writer)
            return
        writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}")

    monkeypatch.setattr(store, "execute", failing)
    monkeypatch.setattr(books, "SETTLEMENT_PATIENCE_S", 0.05)
    two.first.answers.append(answering)
    answer = await two.ask()
    assert (answer.status, answer.code) == (503, "gateway_unavailable")
    assert answer.headers["x-should-retry"] == again
    broken_disk.clear()
    assert await two.rig.pipeline.parts.books.drained(10)
    (row,) = two.rows()
    ends = ("RELEASED", 503) if refuses else ("COMMITTED", 0)
    assert (row.state, row.status_code) == ends
    assert two.second.requests == []


async def test_the_client_goes_away_between_two_tries(two: Routed) -> None:
    """Each of the two is settled once; what never left is released."""
    held = asyncio.Event()

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.set()
        await reader.read()

    two.first.json(b"{}", 503)
    two.second.answers.append(answering)
    async with connected(two.rig.port) as client:
        await client.send(two.call())
        await held.wait()
    while two.rig.pipeline.inflight:  # noqa: ASYNC110 - the settlement follows the break
        await asyncio.sleep(0.01)
    first, second = two.rows()
    assert (first.state, second.state, second.certainty) == ("RELEASED", "COMMITTED", "uncertain")


async def test_many_at_once(two: Routed) -> None:
    """Faults of all kinds, side by side: two executions each, all settled, nothing held."""
    for number in range(24):
        if number % 3:
            two.first.json(b"{}", 503)
        else:
            two.first.answers.append(reset)
        two.second.json()
    answers = await asyncio.gather(*(two.ask() for _ in range(24)))
    assert [answer.status for answer in answers] == [200] * 24
    rows = two.rows()
    by_id = {row.execution_id: row for row in rows}
    seconds = [row for row in rows if row.retry_of]
    assert len(rows) == 48
    assert len({row.retry_of for row in seconds}) == len(seconds) == 24
    assert all(by_id[row.retry_of].provider == "groq" for row in seconds)
    assert {row.state for row in seconds} == {"COMMITTED"}
