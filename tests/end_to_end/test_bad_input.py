"""What no provider would take is refused before anything is reserved or sent."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.books import reserves, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT, CHAT_PATH
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_bad_input")

MEGA = 1024 * 1024


def raw(field: str, value: str) -> bytes:
    """A good body with one field written as it stands, also where JSON has no such thing."""
    document = json.dumps({**CHAT, field: "@"})
    return document.replace('"@"', value).encode()


def without(field: str) -> bytes:
    return json.dumps({key: value for key, value in CHAT.items() if key != field}).encode()


def nested(depth: int) -> bytes:
    return raw("metadata", '{"a":' * depth + "1" + "}" * depth)


BODIES: dict[str, bytes] = {
    "empty": b"",
    "not json": b"model=gpt-4o-mini",
    "half json": json.dumps(CHAT).encode()[:-1],
    "json and more": json.dumps(CHAT).encode() + b"}",
    "two documents": json.dumps(CHAT).encode() * 2,
    "a list": b"[]",
    "a list of calls": json.dumps([CHAT]).encode(),
    "a string": b'"model"',
    "a number": b"1",
    "null": b"null",
    "not utf-8": raw("user", '"\xff"').replace(b"\xc3\xbf", b"\xff"),
    "utf-16": json.dumps(CHAT).encode("utf-16"),
    "deep lists": b"[" * 200_000,
    "deep objects": nested(20_000),
    "no model": without("model"),
    "null model": raw("model", "null"),
    "numeric model": raw("model", "4"),
    "list of models": raw("model", '["gpt-4o-mini"]'),
    "empty model": raw("model", '""'),
    "model with a surrogate": raw("model", '"gpt-4o-mini\\ud800"'),
    "no messages": without("messages"),
    "null messages": raw("messages", "null"),
    "messages as text": raw("messages", '"hello"'),
    "messages as an object": raw("messages", '{"role":"user","content":"x"}'),
    "empty messages": raw("messages", "[]"),
    "numeric message": raw("messages", "[1]"),
    "lone surrogate": raw("messages", '[{"role":"user","content":"\\ud83d"}]'),
    "lone low surrogate": raw("messages", '[{"role":"user","content":"a\\udc00b"}]'),
    "numeric content": raw("messages", '[{"role":"user","content":7}]'),
    "cap as text": raw("max_tokens", '"abc"'),
    "cap as digits": raw("max_tokens", '"64"'),
    "infinite cap": raw("max_tokens", "1e999"),
    "Infinity": raw("max_tokens", "Infinity"),
    "NaN": raw("max_tokens", "NaN"),
    "NaN elsewhere": raw("temperature", "NaN"),
    "negative cap": raw("max_tokens", "-1"),
    "cap with a fraction": raw("max_tokens", "1.5"),
    "boolean cap": raw("max_tokens", "true"),
    "cap as a list": raw("max_tokens", "[64]"),
    "huge cap": raw("max_tokens", "1" + "0" * 40),
    "a million digits": raw("max_tokens", "9" * MEGA),
    "new cap as text": raw("max_completion_tokens", '"abc"'),
    "negative new cap": raw("max_completion_tokens", "-5"),
    "negative choices": raw("n", "-1"),
    "no choices": raw("n", "0"),
    "choices as text": raw("n", '"2"'),
    "infinite choices": raw("n", "1e999"),
    "a billion choices": raw("n", "1000000000"),
    "stream as text": raw("stream", '"yes"'),
    "stream as a number": raw("stream", "1"),
    "stream options as text": raw("stream", 'true,"stream_options":"x"'),
}


@pytest.fixture(scope="module")
def suspect(gateway: Gateway) -> Agent:
    return gateway.create_agent()


@pytest.fixture
def send(provider: Provider, door: Door, suspect: Agent) -> Iterator[Callable[..., httpx.Response]]:
    """Sends a body and checks the law of this file on the answer."""
    headers = {"content-type": "application/json"}
    with door.client(suspect, headers=headers) as client:

        def check(content: bytes, **more: str) -> httpx.Response:
            before = reserves(door.gateway, suspect)
            answer = client.post(CHAT_PATH, content=content, headers=more)
            assert 400 <= answer.status_code < 500, answer.text
            error: dict[str, Any] = answer.json()["error"]
            assert error["message"]
            assert error["type"] == "invalid_request_error"
            assert answer.headers["x-should-retry"] == "false"
            assert provider.calls() == []
            assert reserves(door.gateway, suspect) == before
            return answer

        yield check


@pytest.mark.parametrize("name", BODIES)
def test_bad_bodies(send: Callable[..., httpx.Response], name: str) -> None:
    """A body that is no call is a 4xx in the provider's shape, free and unsent."""
    assert send(BODIES[name]).status_code in {400, 413, 422}


def test_a_body_of_100_megabytes(send: Callable[..., httpx.Response]) -> None:
    """A body above the limit is refused without being parsed."""
    assert send(raw("user", '"' + "x" * 100 * MEGA + '"')).status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb(send: Callable[..., httpx.Response], encoding: str) -> None:
    """A small body that unpacks to a huge one is refused without being unpacked whole."""
    body = raw("user", '"' + "x" * 200 * MEGA + '"')
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    assert len(packed) < MEGA
    status = send(packed, **{"content-encoding": encoding}).status_code
    assert status in {400, 413, 415}


@pytest.mark.parametrize("encoding", ["gzip", "x-made-up", "gzip, gzip"])
def test_an_encoding_that_is_none(send: Callable[..., httpx.Response], encoding: str) -> None:
    """A body that is not in the encoding it claims, or in none that is known, is refused."""
    status = send(json.dumps(CHAT).encode(), **{"content-encoding": encoding}).status_code
    assert status in {400, 415}


def test_good_input_still_passes(provider: Provider, door: Door, agent: Agent) -> None:
    """The same body without a fault is admitted, so the refusals above are about the faults."""
    with door.client(agent) as client:
        content = raw("user", '"x"')
        answer = client.post(
            CHAT_PATH, content=content, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 200
    assert settled(door.gateway, agent)[0]["actual_nanousd"] == provider.calls()[0].cost()


def test_a_packed_good_body_is_metered(provider: Provider, door: Door, agent: Agent) -> None:
    """A request that is honestly gzip'd is either metered exactly or refused as unsupported."""
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    with door.client(agent) as client:
        content = gzip.compress(json.dumps(CHAT).encode())
        answer = client.post(CHAT_PATH, content=content, headers=headers)
    spent = [row["actual_nanousd"] for row in settled(door.gateway, agent)]
    if answer.status_code == 200:
        assert spent == [call.cost() for call in provider.calls()]
    else:
        assert answer.status_code == 415
        assert provider.calls() == []
