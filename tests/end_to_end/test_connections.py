"""Who pays is kept per connection or per request, and never mixed up between two agents."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from typing import Any

import httpx
import httpx2
import pytest

from tests.aex_addon.rig import token_of
from tests.end_to_end.books import account, rows, settled
from tests.end_to_end.doors import OWN_KEY, Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT, CHAT_PATH, STREAM, prompt_of
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_connections")


def words(count: int) -> dict[str, Any]:
    return {**CHAT, "messages": prompt_of(count), "max_tokens": 500}


def check_paid(gateway: Gateway, agent: Agent, provider: Provider, count: int, size: int) -> None:
    """The agent paid exactly for its own calls, told apart by the size of their answers."""
    own = [call for call in provider.calls() if call.output_tokens == size + 2]
    assert len(own) == count
    settled(gateway, agent, count)
    assert account(gateway, agent).spent == sum(call.cost() for call in own)


def test_two_agents_interleaved(provider: Provider, door: Door) -> None:
    """Two agents that take turns on their kept connections each pay for their own calls."""
    one, two = door.gateway.create_agent(), door.gateway.create_agent()
    with door.client(one) as first, door.client(two) as second:
        for _ in range(5):
            assert first.post(CHAT_PATH, json=words(3)).status_code == 200
            assert second.post(CHAT_PATH, json=words(20)).status_code == 200
    check_paid(door.gateway, one, provider, 5, 3)
    check_paid(door.gateway, two, provider, 5, 20)


def test_two_agents_at_once(provider: Provider, door: Door) -> None:
    """The same holds when their calls and streams overlap."""
    one, two = door.gateway.create_agent(), door.gateway.create_agent()

    async def scenario() -> None:
        async with door.async_client(one) as first, door.async_client(two) as second:
            bodies = [(first, words(3)), (second, {**words(20), "stream": True})] * 15
            calls = [client.post(CHAT_PATH, json=body) for client, body in bodies]
            assert {answer.status_code for answer in await asyncio.gather(*calls)} == {200}

    asyncio.run(scenario())
    check_paid(door.gateway, one, provider, 15, 3)
    check_paid(door.gateway, two, provider, 15, 20)
    assert {row["door"] for row in rows(door.gateway, one)} == {door.booked_as}


def test_one_connection_two_keys(provider: Provider, gateway: Gateway) -> None:
    """At the base URL the key of each request counts, also on one connection."""
    one, two = gateway.create_agent(), gateway.create_agent()
    limits = httpx.Limits(max_connections=1)
    base = f"{gateway.url}/v1"
    with httpx.Client(base_url=base, limits=limits, trust_env=False, timeout=20) as client:
        for agent, size in [(one, 3), (two, 20)] * 3:
            headers = {"authorization": f"Bearer {agent.token}"}
            assert client.post(CHAT_PATH, json=words(size), headers=headers).status_code == 200
    check_paid(gateway, one, provider, 3, 3)
    check_paid(gateway, two, provider, 3, 20)


def test_a_connection_does_not_carry_over(provider: Provider, gateway: Gateway) -> None:
    """At the base URL a request without a key is refused, whoever used the connection before."""
    agent = gateway.create_agent()
    base = f"{gateway.url}/v1"
    with httpx.Client(base_url=base, trust_env=False, timeout=20) as client:
        headers = {"authorization": f"Bearer {agent.token}"}
        assert client.post(CHAT_PATH, json=CHAT, headers=headers).status_code == 200
        assert client.post(CHAT_PATH, json=CHAT).status_code == 401
    assert len(provider.calls()) == 1


def test_http2(provider: Provider, gateway: Gateway, shared_ca_file: str) -> None:
    """All streams of an HTTP/2 connection belong to who opened it, beside others' at once."""
    one, two, wrong = gateway.create_agent(), gateway.create_agent(), gateway.create_agent()
    stranger = Agent(wrong.name, token_of("w"), 0)
    door = Door("proxy", gateway, shared_ca_file)

    async def scenario(agent: Agent, size: int) -> set[tuple[int, str]]:
        async with httpx2.AsyncClient(
            base_url=door.base_url,
            http2=True,
            proxy=door.proxy(agent),
            verify=ssl.create_default_context(cafile=shared_ca_file),
            headers={"authorization": f"Bearer {OWN_KEY}"},
            limits=httpx2.Limits(max_connections=1),
            trust_env=False,
            timeout=30,
        ) as client:
            bodies = [words(size), {**words(size), "stream": True}] * 6
            calls = [client.post(CHAT_PATH, json=body) for body in bodies]
            answers = await asyncio.gather(*calls)
            assert answers[0].status_code == 200 or answers[0].json()["error"]["message"]
            return {(answer.status_code, answer.http_version) for answer in answers}

    async def at_once() -> list[set[tuple[int, str]]]:
        return await asyncio.gather(scenario(one, 5), scenario(two, 20), scenario(stranger, 7))

    assert asyncio.run(at_once()) == [{(200, "HTTP/2")}, {(200, "HTTP/2")}, {(401, "HTTP/2")}]
    check_paid(gateway, one, provider, 12, 5)
    check_paid(gateway, two, provider, 12, 20)
    assert rows(gateway, wrong) == []


def test_a_stream_that_is_left_harms_no_neighbour(
    provider: Provider, gateway: Gateway, shared_ca_file: str
) -> None:
    """One HTTP/2 stream that is reset is settled alone; the next on the connection works."""
    agent = gateway.create_agent()
    door = Door("proxy", gateway, shared_ca_file)
    with httpx2.Client(
        base_url=door.base_url,
        http2=True,
        proxy=door.proxy(agent),
        verify=ssl.create_default_context(cafile=shared_ca_file),
        limits=httpx2.Limits(max_connections=1),
        trust_env=False,
        timeout=30,
    ) as client:
        provider.script(hold=[2])
        with client.stream("POST", CHAT_PATH, json=STREAM) as answer:
            next(answer.iter_lines())
            provider.wait_held()
        provider.script()
        assert client.post(CHAT_PATH, json=CHAT).status_code == 200
    left, whole = settled(gateway, agent, 2)
    assert (left["state"], left["usage_source"]) == ("COMMITTED", "estimated")
    assert left["actual_nanousd"] >= provider.calls()[0].cost()
    assert whole["actual_nanousd"] == provider.calls()[1].cost()


@pytest.mark.parametrize("where", ["proxy-header", "own-key"])
def test_the_proxy_credential_wins(
    provider: Provider, gateway: Gateway, shared_ca_file: str, where: str
) -> None:
    """Behind the proxy an inner key changes no payer, be it a stranger's or another agent's."""
    agent, other = gateway.create_agent(), gateway.create_agent()
    door = Door("proxy", gateway, shared_ca_file)
    inner = other.token if where == "proxy-header" else OWN_KEY
    with door.client(agent, headers={"authorization": f"Bearer {inner}"}) as client:
        status = client.post(CHAT_PATH, json=CHAT).status_code
    found = rows(gateway, other)
    if status == 200:
        assert len(settled(gateway, agent, 1)) == 1
        assert found == []
    else:
        assert where == "proxy-header"
        assert status in {400, 401, 403}
        assert provider.calls() == []


def written(door: Door, agent: Agent, size: int) -> bytes:
    """A call as the agent writes it at this door."""
    body = json.dumps(words(size)).encode()
    head = (
        f"POST /v1{CHAT_PATH} HTTP/1.1\r\nhost: {door.host}\r\n"
        f"authorization: Bearer {door.key(agent)}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def statuses(connection: socket.socket, count: int) -> list[int]:
    """Of so many answers in turn, each read to its end."""
    found = []
    with connection.makefile("rb") as stream:
        for _ in range(count):
            found.append(int(stream.readline().split()[1]))
            fields = dict(line.lower().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
            stream.read(int(fields.get(b"content-length", 0)))
            while b"transfer-encoding" in fields and (size := int(stream.readline(), 16)):
                stream.read(size + 2)
            if b"transfer-encoding" in fields:
                stream.readline()
    return found


def test_pipelined(provider: Provider, door: Door) -> None:
    """Of requests written at once each is paid by its own key, in a tunnel by who opened it."""
    one, two = door.gateway.create_agent(), door.gateway.create_agent()
    nobody = Agent("nobody", "sk-no-token", 0)
    at_home = door.name == "base_url"
    second, third = (two, nobody) if at_home else (one, one)
    asked = [(one, 3), (second, 20), (third, 7), (one, 3)]
    with door.raw(one) as connection:
        connection.sendall(b"".join(written(door, agent, size) for agent, size in asked))
        assert statuses(connection, 4) == [200, 200, 401 if at_home else 200, 200]
    own = [size for agent, size in asked if agent is one]
    found = settled(door.gateway, one, len(own))
    assert sorted(row["usage"]["output_tokens"] for row in found) == sorted(n + 2 for n in own)
    if at_home:
        check_paid(door.gateway, two, provider, 1, 20)
    else:
        assert rows(door.gateway, two) == []
