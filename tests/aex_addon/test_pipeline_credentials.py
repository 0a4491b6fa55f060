"""Whose key a call carries upstream: AEX's newest one, or the agent's own; never an AEX token."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aex_addon import keeper
from aex_addon.settings_values import ConfigError
from tests.aex_addon.rig import CHAT, Rig, gateway
from tests.aex_addon.token_endpoint import key_file, token_endpoint
from tests.aex_addon.wire import ANSWER, Client, Upstream, connected

BODY = json.dumps(CHAT).encode()
UNCAPPED = json.dumps({key: value for key, value in CHAT.items() if key != "max_tokens"}).encode()
SIGNATURE = "AWS4-HMAC-SHA256 Credential=AKOWN/20260101/us-east-1/bedrock/aws4_request"

Rigged = Callable[..., Any]


@pytest.fixture
def rigged(tmp_path: Path, provider: Upstream) -> Rigged:
    """A gateway whose one provider is configured with these keys."""

    @asynccontextmanager
    async def make(**keys: Any) -> AsyncIterator[Rig]:
        openai = {"upstream": f"http://127.0.0.1:{provider.port}", **keys}
        async with gateway(tmp_path / "home", provider.port, providers={"openai": openai}) as rig:
            yield rig

    return make


def sent(provider: Upstream) -> tuple[str, dict[str, str], bytes]:
    """Target, headers and body of the newest request that arrived."""
    head, _, body = provider.requests[-1].partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    return first.split()[1], {name.lower(): value for name, _, value in pairs}, body


async def test_a_key_in_the_query(rigged: Rigged, provider: Upstream, tmp_path: Path) -> None:
    """It stands in the address that is asked, and nowhere in the ledger."""
    path = tmp_path / "key"
    path.write_text("canary/key-in-the-query")
    path.chmod(0o600)
    provider.json()
    async with rigged(api_key_file=str(path), key_header="?key") as rig:
        async with connected(rig.port) as client:
            token = f"?a=b&key={rig.token}"
            request = rig.request(f"/v1/chat/completions{token}", authorization="")
            assert (await client.call(request)).status == 200
        kept = b"".join(path.read_bytes() for path in rig.assembly.home.path.glob("ledger.db*"))
    target, headers, _ = sent(provider)
    assert target == "/v1/chat/completions?a=b&key=canary%2Fkey-in-the-query"
    assert "authorization" not in headers
    assert b"canary" not in kept


async def test_a_command_is_run_again(
    rigged: Rigged, provider: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the provider refuses its answer, the next call carries the next answer."""
    monkeypatch.setattr(keeper, "PAUSE_S", 0)
    path = tmp_path / "key"
    path.write_text("canary-key-one")
    text = f"print(open({str(path)!r}).read())"
    provider.json(b'{"error": {"message": "canary-key-one is not valid"}}', 401)
    provider.json()
    async with rigged(api_key_command=[sys.executable, "-c", text]) as rig:
        async with connected(rig.port) as client:
            refused = await client.call(rig.request())
            path.write_text("canary-key-two")
            answered = await client.call(rig.request())
        states = [(row.state, row.status_code) for row in rig.executions()]
    assert refused.status == 401
    assert answered.body == ANSWER
    keys = [line for each in provider.requests for line in each.split(b"\r\n") if b"canary" in line]
    assert [key.rpartition(b" ")[2] for key in keys] == [b"canary-key-one", b"canary-key-two"]
    assert states == [("RELEASED", 401), ("COMMITTED", 200)]


async def test_a_helper_that_fails(rigged: Rigged, provider: Upstream) -> None:
    """No call leaves without the key that was to come from it, and that is on record."""
    async with rigged(api_key_command=["false"]) as rig:
        async with connected(rig.port) as client:
            answer = await client.call(rig.request())
        (row,) = rig.executions()
    assert (answer.status, answer.code) == (503, "provider_key_missing")
    assert "exit code 1" in answer.json["error"]["message"]
    assert (row.state, row.status_code) == ("DENIED", 503)
    assert provider.requests == []


async def test_a_file_that_others_may_read(rigged: Rigged, tmp_path: Path) -> None:
    """The gateway does not start."""
    (tmp_path / "key").write_text("canary")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        async with rigged(api_key_file=str(tmp_path / "key")):
            raise AssertionError


async def test_a_service_account(rigged: Rigged, provider: Upstream, tmp_path: Path) -> None:
    """Its access token is got once at the start and goes with every call."""
    provider.json()
    provider.json()
    with token_endpoint() as endpoint:
        path = str(key_file(tmp_path, endpoint.uri))
        google = rigged(credentials="google", api_key_file=path)
        async with google as rig, connected(rig.port) as client:
            for _ in range(2):
                await client.call(rig.request())
        assert len(endpoint.claims) == 1
    assert sent(provider)[1]["authorization"] == "Bearer ya29.canary-token-1"


async def tunnel(rig: Rig) -> Client:
    """A connection inside the proxy door."""
    client = await Client.open(rig.port)
    assert await client.tunnel("api.openai.com:443", rig.basic) == 200
    await client.start_tls(rig.trust(), "api.openai.com")
    return client


async def test_the_agents_own_key(rigged: Rigged, provider: Upstream) -> None:
    """At either door it goes on as it came, while the proxy credential tells who pays."""
    async with rigged(credentials="agent") as rig:
        for door in ("proxy", "base-url"):
            provider.json()
            own = {"authorization": "Bearer sk-own", "x_api_key": "own-too"}
            if door == "proxy":
                client = await tunnel(rig)
                request = rig.request(host="api.openai.com", **own)
            else:
                client = await Client.open(rig.port)
                request = rig.request(proxy_authorization=rig.basic, **own)
            assert (await client.call(request)).status == 200
            await client.close()
            _, headers, _ = sent(provider)
            assert headers["authorization"] == "Bearer sk-own"
            assert headers["x-api-key"] == "own-too"
            assert "proxy-authorization" not in headers
            (row,) = [row for row in rig.executions() if row.door == door]
            assert (row.agent, row.state) == ("bot", "COMMITTED")


async def test_a_token_is_not_the_agents_key(rigged: Rigged, provider: Upstream) -> None:
    """In a key's place it neither pays nor leaves: it is a 401 with what is to be done."""
    async with rigged(credentials="agent") as rig, connected(rig.port) as client:
        alone = await client.call(rig.request())
        beside = await client.call(rig.request(proxy_authorization=rig.basic))
        assert (alone.status, alone.code) == (401, "token_missing")
        assert "Proxy-Authorization" in alone.json["error"]["message"]
        assert (beside.status, beside.code) == (401, "agent_key_missing")
    assert provider.requests == []


async def test_a_body_that_the_agent_signed(rigged: Rigged, provider: Upstream) -> None:
    """It goes as it is, or not at all: what AEX cannot sign anew it does not change."""
    provider.json()
    async with rigged(credentials="agent") as rig, connected(rig.port) as client:
        signed = {"authorization": SIGNATURE, "proxy_authorization": rig.basic}
        changed = await client.call(rig.request(body=UNCAPPED, **signed))
        passed = await client.call(rig.request(body=BODY, x_amz_date="20260101T000000Z", **signed))
        rows = rig.executions()
        assert rig.agent().reserved_nanousd == 0
    assert (changed.status, changed.code) == (403, "signed_body")
    assert passed.status == 200
    (request,) = provider.requests
    assert request.endswith(BODY)
    assert sent(provider)[1]["authorization"] == SIGNATURE
    assert sent(provider)[1]["x-amz-date"] == "20260101T000000Z"
    assert [row.state for row in rows] == ["RELEASED", "COMMITTED"]
    assert rows[0].execution_id == changed.headers["x-aex-execution-id"]


async def test_a_signature_of_the_agents_is_dropped(rigged: Rigged, provider: Upstream) -> None:
    """Where AEX has a key of its own, nothing of the agent's signature goes on."""
    provider.json()
    async with rigged(api_key_env="OPENAI_API_KEY") as rig, connected(rig.port) as client:
        request = rig.request(
            "/v1/chat/completions?X-Amz-Signature=canary&x-amz-security-token=canary&a=b",
            authorization=SIGNATURE,
            proxy_authorization=rig.basic,
            x_amz_date="20260101T000000Z",
            x_amz_security_token="canary",
            x_amz_content_sha256="canary",
        )
        assert (await client.call(request)).status == 200
    target, headers, _ = sent(provider)
    assert target == "/v1/chat/completions?a=b"
    assert headers["authorization"].startswith("Bearer ")
    assert not any(name.startswith("x-amz") for name in headers)
