"""The same list inside the user's own mitmdump governs as `aex up` does."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import socket
import ssl
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from aex_addon.demo_provider import DemoProvider
from certs import ca
from tests.aex_addon.process import Place, Process, place, started, up
from tests.aex_addon.rig import CHAT, KEY
from tests.aex_addon.wire import upstream

SCRIPT = Path(__file__).resolve().parents[2] / "aex_addon" / "script.py"
MITMDUMP = str(Path(sys.executable).parent / "mitmdump")
# What differs from run to run and says nothing of how a call was governed.
OWN = ("execution_id", "gateway", "created_at", "dispatched_at", "terminal_at")

BODIES = (CHAT, {**CHAT, "stream": True}, {**CHAT, "model": "nobody-knows"})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(port: int, script: Path = SCRIPT, **options: object) -> list[str]:
    chosen = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    return [MITMDUMP, "-s", str(script), "--mode", f"regular@127.0.0.1:{port}", *chosen]


async def serving(process: Process, port: int) -> None:
    """Waits until AEX's own page is answered."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            assert process.process.returncode is None, (await process.ended())[1]
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/health")
                if answer.status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def calls(at: Place, port: int) -> list[httpx.Response]:
    """A JSON call, a stream and a denial: in a tunnel, by whole URLs, and to the base URL."""
    trust = ssl.create_default_context(cafile=str(at.home.bundle))
    proxy = f"http://bot:{at.token}@127.0.0.1:{port}"
    header = {"authorization": f"Bearer {at.token}"}
    bases = {
        "https://api.openai.com": (proxy, {}),
        "http://api.openai.com": (proxy, {}),
        f"http://127.0.0.1:{port}": (None, header),
    }
    answers: list[httpx.Response] = []
    for base, (through, headers) in bases.items():
        async with httpx.AsyncClient(
            base_url=base, proxy=through, headers=headers, verify=trust, trust_env=False
        ) as client:
            answers += [await client.post("/v1/chat/completions", json=body) for body in BODIES]
    return answers


def rows(at: Place) -> list[dict[str, object]]:
    found = sorted(at.executions(), key=lambda row: row.created_at)
    kept = [name for name in found[0]._fields if name not in OWN]
    return [{name: getattr(row, name) for name in kept} for row in found]


async def test_it_governs_as_the_gateway_does(tmp_path: Path) -> None:
    """Answers and ledger rows are those of `aex up`, at both doors, and the end is in order."""
    provider = DemoProvider(KEY)
    at = place(tmp_path, await provider.start(), listen="127.0.0.1:0")
    port = free_port()
    async with started(command(port), at) as process:
        await serving(process, port)
        scripted = await calls(at, port)
        process.signal(signal.SIGINT)
        code, said = await process.ended()
    by_script = rows(at)
    assert (code, at.token in said) == (0, False)
    async with up(at) as (_, own_port):
        own = await calls(at, own_port)
    await provider.stop()
    assert [answer.status_code for answer in scripted] == [200, 200, 403] * 3
    assert [answer.status_code for answer in own] == [200, 200, 403] * 3
    assert by_script == rows(at)[len(by_script) :]
    assert [row["state"] for row in by_script] == ["COMMITTED", "COMMITTED", "DENIED"] * 3
    assert [row["door"] for row in by_script] == ["proxy"] * 6 + ["base-url"] * 3
    assert len(provider.book) == 12


async def test_agents_see_the_leaves_of_aex(tmp_path: Path) -> None:
    """Under mitmdump too a leaf is short-lived, and its key is not the CA's."""
    at = place(tmp_path, 9)
    port = free_port()
    async with started(command(port), at) as process:
        await serving(process, port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        basic = base64.b64encode(f"bot:{at.token}".encode()).decode()
        host = "api.openai.com"
        head = f"CONNECT {host}:443 HTTP/1.1\r\nProxy-Authorization: Basic {basic}\r\n\r\n"
        writer.write(head.encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        trust = ssl.create_default_context(cafile=str(at.home.bundle))
        await writer.start_tls(trust, server_hostname=host)
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
    shown = x509.load_der_x509_certificate(der)
    assert shown.not_valid_after_utc - shown.not_valid_before_utc <= timedelta(days=90)
    assert shown.public_key() != ca.load(at.home.ca_dir).issuing.public_key()


async def test_it_does_not_start_without_aex(tmp_path: Path) -> None:
    """With a config that cannot be used mitmdump ends instead of serving ungoverned."""
    at = place(tmp_path, 9)
    at.home.config.write_text('lisen = "x"\n')
    async with started(command(free_port()), at) as process:
        code, said = await process.ended()
    assert code != 0
    assert "lisen" in said


# What is shown of a flow at these levels: headers, bodies, and every byte that comes and goes.
TALKATIVE = {"flow_detail": 3, "termlog_verbosity": "debug", "proxy_debug": "true"}
OWN_KEYS = {
    "authorization": "Bearer canary-own-key-1",
    "x-api-key": "canary-own-key-2",
    "x-goog-api-key": "canary-own-key-3",
    "cookie": "session=canary-own-key-4; theme=canary-own-key-5",
}
QUERY = "?key=canary-own-key-6&page=2"


async def leaky_calls(at: Place, port: int, elsewhere: int) -> list[int]:
    """Credentials in every place that has one, at both doors, to a stranger, and in a tunnel."""
    trust = ssl.create_default_context(cafile=str(at.home.bundle))
    proxy = f"http://bot:{at.token}@127.0.0.1:{port}"
    own = f"http://127.0.0.1:{port}"
    path = "/v1/chat/completions"
    statuses: list[int] = []
    async with httpx.AsyncClient(proxy=proxy, verify=trust, trust_env=False) as client:
        for base in ("https://api.openai.com", "http://api.openai.com"):
            answer = await client.post(f"{base}{path}{QUERY}", json=CHAT, headers=OWN_KEYS)
            statuses.append(answer.status_code)
        answer = await client.get(f"http://localhost:{elsewhere}/{QUERY}", headers=OWN_KEYS)
        statuses.append(answer.status_code)
        with pytest.raises(httpx.ProxyError):
            await client.get(f"https://127.0.0.1:{port}/", headers=OWN_KEYS)
    async with httpx.AsyncClient(base_url=own, trust_env=False) as client:
        for slot in ({"x-goog-api-key": at.token}, {"x-api-key": at.token}, {}):
            answer = await client.post(f"{path}{QUERY}", json=CHAT, headers=OWN_KEYS | slot)
            statuses.append(answer.status_code)
        answer = await client.post(f"{path}?key={at.token}", json=CHAT)
        statuses.append(answer.status_code)
    return statuses


# The same, but nothing is covered or scrubbed.
BLIND = """
from aex_addon import shown
shown.cover, shown.Scrub = lambda *_: None, lambda _: type("Blind", (), {})()
from aex_addon.script import addons
"""


@dataclass
class Shown:
    """What mitmdump printed and saved, and the credentials that were there to be shown."""

    printed: str
    saved: bytes
    secrets: list[str]


async def shown(folder: Path, script: Path) -> Shown:
    saved = folder / "flows"
    async with upstream() as provider, upstream() as stranger:
        for _ in range(5):
            body = {"error": {"message": f"a line of {KEY}"}}
            provider.json(json.dumps(body).encode(), set_cookie="canary-set-1=1; Secure")
        stranger.json(set_cookie="canary-set-2=1; Path=/")
        at = place(folder, provider.port, listen="127.0.0.1:0")
        port = free_port()
        talkative = command(port, script, **TALKATIVE, save_stream_file=saved)
        async with started(talkative, at) as process:
            # It says more than a pipe holds: what it says is read all along.
            ended = asyncio.ensure_future(process.ended())
            await serving(process, port)
            statuses = await leaky_calls(at, port, stranger.port)
            process.signal(signal.SIGINT)
            code, printed = await ended
    assert (code, statuses) == (0, [200, 200, 200, 200, 200, 401, 200])
    basic = base64.b64encode(f"bot:{at.token}".encode()).decode()
    own = [f"canary-own-key-{number}" for number in range(1, 7)]
    secrets = [*own, "canary-set-1", "canary-set-2", f"Bearer {KEY}", at.token, basic]
    return Shown(printed, saved.read_bytes(), secrets)


async def test_no_credential_is_shown(tmp_path: Path) -> None:
    """However much mitmdump is told to show and to save, no credential is in any of it."""
    found = await shown(tmp_path, SCRIPT)
    assert [secret for secret in found.secrets if secret in found.printed] == []
    assert KEY not in found.printed
    lines = [line.strip().lower() for line in found.printed.splitlines()]
    for name in ("authorization", "x-api-key", "x-goog-api-key", "cookie", "set-cookie"):
        assert f"{name}: [credential]" in lines
    assert "content-type: application/json" in lines
    assert "a line of [key]" in found.printed
    # Answers are saved as they came, with the cookies that they set.
    requests = [secret for secret in found.secrets if not secret.startswith("canary-set")]
    assert [secret for secret in requests if secret.encode() in found.saved] == []


async def test_they_would_be_shown(tmp_path: Path) -> None:
    """Without the redaction every one of them is shown, so the test above is able to fail."""
    script = tmp_path / "blind.py"
    script.write_text(BLIND)
    found = await shown(tmp_path, script)
    assert [secret for secret in found.secrets if secret not in found.printed] == []
    # The proxy's credential is taken off a request before it goes on, so it is not saved anyway.
    saved = [secret for secret in found.secrets if secret.encode() in found.saved]
    assert saved == found.secrets[:-1]
