"""The load of the benchmark: keep-alive connections through CONNECT and TLS.

Owns: the request, the reading of answers (each must be the upstream's, to the byte), and what a
round of them costs the proxy.
Refuses to know: which proxies there are, how rounds are compared.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from pathlib import Path

from scripts.lib.bench_proxies import Subject
from scripts.lib.bench_upstream import ANSWER

TICKS = os.sysconf("SC_CLK_TCK")
BODY = json.dumps(
    {
        "model": "bench-model",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "a question of usual length " * 8}],
    }
).encode()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """The answer's body, by its length or in chunks."""
    if b"chunked" not in head.lower():
        return await reader.readexactly(len(ANSWER))
    data = b""
    while size := int(await reader.readline(), 16):
        data += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return data


async def client(subject: Subject, context: ssl.SSLContext, requests: int) -> None:
    """One keep-alive connection through CONNECT and TLS, `requests` calls in a row."""
    reader, writer = await asyncio.open_connection("127.0.0.1", subject.port)
    writer.write(
        b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: api.openai.com:443\r\n"
        + subject.headers
        + b"\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(context, server_hostname="api.openai.com")
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\n"
        b"content-type: application/json\r\nauthorization: Bearer sk-dummy\r\ncontent-length: "
        + str(len(BODY)).encode()
        + b"\r\n\r\n"
        + BODY
    )
    for _ in range(requests):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{subject.name} answered {head.splitlines()[0]!r}")
        if await body(reader, head) != ANSWER:
            raise SystemExit(f"{subject.name} altered the answer")
    writer.close()


async def load(subject: Subject, context: ssl.SSLContext, connections: int, requests: int) -> None:
    """One round: notes CPU time per request and requests per second."""
    each = requests // connections
    cpu, wall = cpu_seconds(subject.process.pid), time.perf_counter()
    await asyncio.gather(*(client(subject, context, each) for _ in range(connections)))
    count = each * connections
    used = cpu_seconds(subject.process.pid) - cpu
    subject.cpu_ms.setdefault(connections, []).append(used / count * 1000)
    subject.rate.setdefault(connections, []).append(count / (time.perf_counter() - wall))
