"""Plain HTTP clients of Python, told nothing but by their environment; run by test_run_clients.py.

Owns: three calls with each client that the arguments name, told as one JSON document: the text of
a JSON call, the pieces of a stream, status and message of a call that is denied; or what it raised.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

URL = "https://api.openai.com/v1/chat/completions"
HEADERS = {
    "authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
    "content-type": "application/json",
}


def by_curl(body: bytes) -> tuple[int, bytes]:
    headers = [word for pair in HEADERS.items() for word in ("-H", ": ".join(pair))]
    words = ["curl", "-sS", "-N", "--max-time", "30", "-w", "\n%{http_code}", *headers]
    done = subprocess.run(
        [*words, "--data-binary", "@-", URL], input=body, capture_output=True, check=True
    )
    content, _, status = done.stdout.rpartition(b"\n")
    return int(status), content


def by_urllib(body: bytes) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(URL, body, HEADERS)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def by_requests(body: bytes) -> tuple[int, bytes]:
    import requests  # noqa: TID251 - the very client

    answer = requests.post(URL, data=body, headers=HEADERS, timeout=30, stream=True)
    return answer.status_code, b"".join(answer.iter_content(None))


def by_httpx(body: bytes) -> tuple[int, bytes]:
    import httpx

    with httpx.stream("POST", URL, content=body, headers=HEADERS, timeout=30) as answer:
        return answer.status_code, b"".join(answer.iter_bytes())


def by_aiohttp(body: bytes) -> tuple[int, bytes]:
    import aiohttp

    async def call() -> tuple[int, bytes]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(URL, data=body, headers=HEADERS) as answer,
        ):
            return answer.status, await answer.read()

    return asyncio.run(call())


def by_reqwest(body: bytes) -> tuple[int, bytes]:
    from pyreqwest.client import SyncClientBuilder

    with SyncClientBuilder().build() as client:
        answer = client.post(URL).headers(HEADERS).body_bytes(body).build().send()
        return answer.status, bytes(answer.bytes())


def ask(client: str, text: str, stream: bool) -> tuple[int, bytes]:
    """Status and content of one call."""
    message = {"role": "user", "content": text}
    document = {"model": "gpt-4o-mini", "messages": [message], "max_tokens": 64, "stream": stream}
    status, content = globals()[f"by_{client}"](json.dumps(document).encode())
    return status, content


def texts(stream: bytes) -> list[str]:
    """The pieces of an answer."""
    lines = [each.removeprefix("data: ") for each in stream.decode().split("\n\n") if each]
    chunks = [json.loads(each) for each in lines if each != "[DONE]"]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return [delta.get("content") or "" for delta in deltas]


def calls(client: str) -> dict[str, Any]:
    """What the three calls came to."""
    try:
        _, whole = ask(client, "Say it.", False)
    except Exception as error:
        return {"failed": type(error).__name__}
    _, streamed = ask(client, "Say it.", True)
    status, refusal = ask(client, "word " * 5000, False)
    pieces = texts(streamed)
    return {
        "json": json.loads(whole)["choices"][0]["message"]["content"],
        "text": "".join(pieces),
        "pieces": len(pieces),
        "denied": [status, json.loads(refusal)["error"]["message"]],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps({client: calls(client) for client in sys.argv[1:]}))
