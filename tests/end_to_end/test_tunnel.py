"""Hosts that AEX does not govern are tunnelled as they are, and never see a credential of AEX."""

from __future__ import annotations

import base64
import socket

import httpx
import pytest

from tests.end_to_end.books import rows
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT, CHAT_PATH
from tests.end_to_end.tls_server import Stranger, stranger
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_tunnel")


def proxied(gateway: Gateway, agent: Agent, server: Stranger) -> httpx.Client:
    """A client behind the proxy door that trusts the server's own CA only."""
    proxy = f"http://{agent.name}:{agent.token}@127.0.0.1:{gateway.port}"
    return httpx.Client(proxy=proxy, verify=server.client_context(), trust_env=False, timeout=20)


def talk(gateway: Gateway, *lines: str) -> str:
    """Sends a request head as it stands; returns the head of the answer."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer and (data := connection.recv(65536)):
            answer += data
        return answer.decode(errors="replace")


def basic(agent: Agent) -> str:
    pair = base64.b64encode(f"{agent.name}:{agent.token}".encode()).decode()
    return f"proxy-authorization: Basic {pair}"


def test_tls_is_untouched(gateway: Gateway, agent: Agent) -> None:
    """The client of an unlisted host sees that host's own certificate, and is not recorded."""
    with stranger(tls=True) as server, proxied(gateway, agent, server) as client:
        assert client.get(f"https://localhost:{server.port}/x").text == "stranger"
        assert client.get(f"https://localhost:{server.port}/y").text == "stranger"
    assert len(server.heads) == 2
    assert "proxy-authorization" not in "".join(server.heads).lower()
    assert agent.token not in "".join(server.heads)
    assert rows(gateway, agent) == []


def test_governed_hosts_are_opened(
    provider: Provider, gateway: Gateway, agent: Agent, shared_ca_file: str
) -> None:
    """The same client settings fail for a governed host, whose TLS ends at AEX."""
    with (
        stranger(tls=True) as server,
        proxied(gateway, agent, server) as client,
        pytest.raises(httpx.ConnectError, match="certificate"),
    ):
        client.post(f"https://api.openai.com/v1{CHAT_PATH}", json=CHAT)
    assert provider.calls() == []
    with Door("proxy", gateway, shared_ca_file).client(agent) as client:
        assert client.post(CHAT_PATH, json=CHAT).status_code == 200


def test_plain_http_loses_the_credential(gateway: Gateway, agent: Agent) -> None:
    """A plain request through the proxy arrives without what was meant for the proxy."""
    with stranger(tls=False) as server, proxied(gateway, agent, server) as client:
        answer = client.get(f"http://localhost:{server.port}/x", headers={"x-own": "kept"})
    assert answer.text == "stranger"
    (head,) = server.heads
    assert "x-own: kept" in head
    assert "proxy-" not in head.lower()
    assert agent.token not in head


@pytest.mark.parametrize("known", [False, True])
def test_a_proxy_without_a_credential(
    provider: Provider, gateway: Gateway, agent: Agent, shared_ca_file: str, known: bool
) -> None:
    """With no credential on the proxy the key slot decides: a token pays, no other key does."""
    nobody = Agent(agent.name, agent.token if known else "sk-not-of-aex", 0)
    door = Door("proxy", gateway, shared_ca_file)
    proxy = f"http://127.0.0.1:{gateway.port}"
    headers = {"authorization": f"Bearer {nobody.token}"}
    with door.client(nobody, proxy=proxy, headers=headers) as client:
        answer = client.post(CHAT_PATH, json=CHAT)
    assert answer.status_code == (200 if known else 401)
    assert len(provider.calls()) == len(rows(gateway, agent)) == known
    assert known or answer.json()["error"]["message"]


def test_own_pages_are_not_behind_the_proxy(gateway: Gateway, agent: Agent) -> None:
    """The address of AEX itself is no destination of its proxy door."""
    for host in (f"127.0.0.1:{gateway.port}", f"localhost:{gateway.port}"):
        head = talk(gateway, f"GET http://{host}/health HTTP/1.1", f"host: {host}", basic(agent))
        assert head.split()[1] in {"403", "404", "421"}
        head = talk(gateway, f"CONNECT {host} HTTP/1.1", f"host: {host}", basic(agent))
        assert head.split()[1] in {"403", "404", "421"}
    assert httpx.get(f"{gateway.url}/health", trust_env=False).status_code == 200


@pytest.mark.parametrize("scheme", ["basic", "Basic", "BASIC"])
def test_the_scheme_has_no_case(gateway: Gateway, agent: Agent, scheme: str) -> None:
    """The name of the credential's scheme is compared without case."""
    credential = basic(agent).replace("Basic", scheme)
    with stranger(tls=True) as server:
        head = talk(gateway, f"CONNECT localhost:{server.port} HTTP/1.1", credential)
    assert head.startswith("HTTP/1.1 200")


def test_an_encoded_token_is_decoded(gateway: Gateway, agent: Agent) -> None:
    """A user and a password that are percent-encoded, as URLs may have them, are understood."""
    encoded = "".join(f"%{byte:02X}" for byte in agent.token.encode())
    with stranger(tls=True) as server:
        head = talk(
            gateway,
            f"CONNECT localhost:{server.port} HTTP/1.1",
            basic(Agent(agent.name, encoded, 0)),
        )
    assert head.startswith("HTTP/1.1 200")
