"""What travels: the provider's key and nothing of AEX upward, the provider's bytes downward."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import httpx
import pytest

from tests.end_to_end.books import settled_one
from tests.end_to_end.doors import OWN_KEY, Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.processes import ROOT, clean_environment
from tests.end_to_end.prompts import (
    CHAT,
    CHAT_PATH,
    STREAM,
    STREAM_ASKED,
    events,
    in_thread,
    prompt_of,
)
from tests.end_to_end.upstream import REAL_KEY, Provider

pytestmark = pytest.mark.xdist_group("end_to_end_wire_bytes")


def direct(provider: Provider, body: object) -> bytes:
    """The provider's own bytes, with no gateway between; leaves the book empty again."""
    headers = {"authorization": f"Bearer {REAL_KEY}", "accept-encoding": "identity"}
    url = f"{provider.url}/v1{CHAT_PATH}"
    answer = httpx.post(url, json=body, headers=headers, trust_env=False)
    provider.reset()
    return answer.content


@pytest.mark.parametrize("body", [CHAT, STREAM_ASKED])
def test_bytes_are_the_providers(
    provider: Provider, door: Door, agent: Agent, body: dict[str, object]
) -> None:
    """A whole answer, or a stream whose usage was asked for, arrives byte for byte."""
    expected = direct(provider, body)
    with door.client(agent) as client:
        answer = client.post(CHAT_PATH, json=body)
    assert answer.content == expected
    assert answer.headers["x-request-id"] == "req_demo000001"
    assert settled_one(door.gateway, agent)["actual_nanousd"] == provider.calls()[0].cost()


def test_only_the_usage_event_is_hidden(provider: Provider, door: Door, agent: Agent) -> None:
    """A stream whose usage was not asked for lacks the one extra event and nothing else."""
    blocks = direct(provider, STREAM_ASKED).split(b"\n\n")
    expected = b"\n\n".join(block for block in blocks if b'"choices": []' not in block)
    assert len(expected) < len(b"\n\n".join(blocks))
    with door.client(agent) as client:
        answer = client.post(CHAT_PATH, json=STREAM)
    assert answer.content == expected


def test_bytes_arrive_as_they_are_sent(provider: Provider, door: Door, agent: Agent) -> None:
    """The first event is in the client's hands while the provider has not sent the second."""
    provider.script(hold=[1, 2])
    with door.client(agent) as client, client.stream("POST", CHAT_PATH, json=STREAM) as answer:
        lines = (line for line in answer.iter_lines() if line)
        assert '"role": "assistant"' in next(lines)
        assert provider.wait_held()[0].events == 1
        provider.release()
        assert '"content": "You"' in next(lines)
        assert provider.wait_held()[0].events == 2
        provider.release()
        assert list(lines)[-1] == "data: [DONE]"
    assert settled_one(door.gateway, agent)["state"] == "COMMITTED"


@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_only_the_real_key_goes_up(
    provider: Provider, door: Door, agent: Agent, body: dict[str, object]
) -> None:
    """The provider gets its own key and no trace of the agent's token, name or own key."""
    with door.client(agent) as client:
        assert client.post(CHAT_PATH, json=body).status_code == 200
    (call,) = provider.calls()
    assert call.header("authorization") == f"Bearer {REAL_KEY}"
    assert [name for name, _ in call.headers].count("authorization") == 1
    assert call.header("host") in {"api.openai.com", f"127.0.0.1:{provider.port}"}
    basic = base64.b64encode(f"{agent.name}:{agent.token}".encode()).decode()
    everything = repr((call.path, call.headers, call.body))
    for secret in (agent.token, agent.name, basic, OWN_KEY, "proxy-auth", "x-aex"):
        assert secret.lower() not in everything.lower()


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_curl(provider: Provider, door: Door, agent: Agent, http: str) -> None:
    """curl is metered as the SDK is, whichever HTTP it speaks."""
    data = ("-H", "content-type: application/json", "-d", json.dumps(STREAM_ASKED))
    done = door.curl(agent, CHAT_PATH, http, *data)
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    assert status == "200"
    assert events(body.encode())[-1]["usage"]["prompt_tokens"] > 0
    assert settled_one(door.gateway, agent)["actual_nanousd"] == provider.calls()[0].cost()


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_encoded_answers(
    provider: Provider, door: Door, agent: Agent, encoding: str, body: dict[str, object]
) -> None:
    """An answer in any content encoding is read by the client and metered exactly."""
    provider.script(encoding=encoding)
    with door.client(agent, headers={"accept-encoding": encoding}) as client:
        answer = client.post(CHAT_PATH, json=body)
    assert "said:" in answer.text
    row = settled_one(door.gateway, agent)
    assert (row["usage_source"], row["actual_nanousd"]) == ("provider", provider.calls()[0].cost())


def test_encoded_events_arrive_as_they_are_sent(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """Compression delays no event: the first is readable before the second is sent."""
    provider.script(encoding="gzip", hold=[1])
    with door.client(agent) as client, client.stream("POST", CHAT_PATH, json=STREAM) as answer:
        # Kept: whoever lets go of it hangs up.
        lines = answer.iter_lines()
        assert '"role": "assistant"' in next(line for line in lines if line)
        assert provider.wait_held()[0].events == 1
        provider.release()


def test_a_long_answer_is_not_cut(provider: Provider, door: Door, agent: Agent) -> None:
    """Two hundred pieces arrive in order and are billed one by one."""
    body = {**STREAM, "messages": prompt_of(200), "max_tokens": 500}
    with door.client(agent) as client:
        found = events(client.post(CHAT_PATH, json=body).content)
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in found)
    assert text == "You said: " + " ".join(f"w{i}" for i in range(200))
    (call,) = provider.calls()
    assert call.output_tokens == 202
    assert settled_one(door.gateway, agent)["actual_nanousd"] == call.cost()


def test_answers_do_not_wait_for_each_other(provider: Provider, door: Door, agent: Agent) -> None:
    """A call whose answer is held does not delay another call of the same agent."""
    provider.script(hold="headers")
    with door.client(agent) as client, in_thread(lambda: client.post(CHAT_PATH, json=CHAT)) as slow:
        provider.wait_held()
        provider.script()
        with door.client(agent) as other:
            assert other.post(CHAT_PATH, json=CHAT).status_code == 200
        assert slow == []
        provider.release()
    assert slow[0].status_code == 200


SDK_PROGRAM = """
import openai
answer = openai.OpenAI().chat.completions.create(
    model="gpt-4o-mini", messages=[{"role": "user", "content": "hello"}]
)
print(answer.choices[0].message.content)
"""


def test_what_aex_env_prints_is_enough(provider: Provider, door: Door, agent: Agent) -> None:
    """A program that knows nothing of AEX is governed by the variables of `aex env` alone."""
    told = door.gateway.run("env", "--agent", agent.name, "--shell", "json")
    assert told.returncode == 0, told.stderr
    variables = json.loads(told.stdout)["set"]
    if door.name == "proxy":
        del variables["OPENAI_BASE_URL"]  # it leads to the other door
    answer = subprocess.run(
        [sys.executable, "-c", SDK_PROGRAM],
        env=clean_environment(variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.stdout.strip() == "You said: hello", answer.stderr
    (call,) = provider.calls()
    assert call.header("authorization") == f"Bearer {REAL_KEY}"
    row = settled_one(door.gateway, agent)
    assert (row["door"], row["actual_nanousd"]) == (door.booked_as, call.cost())
