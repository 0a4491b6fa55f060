"""The real google-genai SDK, unmodified, at both doors: the Gemini API metered to the token."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.gemini_generate import ONCE, STREAM
from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import clean_environment
from tests.end_to_end.sdks import interpreter
from tests.end_to_end.speaking_gemini import THOUGHTS
from tests.end_to_end.test_both_doors import COMPARED, check_told
from tests.end_to_end.upstream import REAL_KEY, Provider

pytestmark = pytest.mark.xdist_group("end_to_end_gemini")

AGENT = Path(__file__).parent / "genai_agent.py"
HOST, PREFIX = "generativelanguage.googleapis.com", "/gemini"
MODEL, PRICE = "gemini-2.5-flash", ("0.3", "2.5")
TEXT = "Say three short wörds."
SAID = f"You said: {TEXT}"
FUNCTION = {"name": "look_up", "parameters": {"type": "OBJECT"}}

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def python() -> Path:
    return interpreter("google-genai")


def environment(door: Door, agent: Agent) -> dict[str, str]:
    """What leads the SDK to this door."""
    proxy = door.proxy(agent)
    if proxy is None:
        bases = ("GOOGLE_GEMINI_BASE_URL", PREFIX), ("GOOGLE_VERTEX_BASE_URL", "/vertex")
        urls = {name: door.gateway.url + prefix for name, prefix in bases}
        return {"GEMINI_API_KEY": agent.token, **urls}
    return {
        "GEMINI_API_KEY": door.key(agent),
        "HTTPS_PROXY": proxy,
        "SSL_CERT_FILE": door.ca_file,
    }


@pytest.fixture
def ask(python: Path) -> Ask:
    """Runs the SDK in its own environment; what it gave, or what it raised."""

    def run(door: Door, agent: Agent, do: str, **job: Any) -> Any:
        call = {"model": MODEL, "contents": TEXT, "config": job.pop("config", {})}
        order = {"do": do, "call": call | job.pop("call", {}), **job}
        done = subprocess.run(
            [str(python), str(AGENT), json.dumps(order)],
            env=clean_environment(environment(door, agent)) | {"PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def check(door: Door, agent: Agent, provider: Provider, **expected: Any) -> None:
    """The one call was booked as the provider billed it."""
    (call,) = provider.calls()
    settled_one(door.gateway, agent)
    expected = {"provider": "google", "actual_nanousd": call.cost(*PRICE), **expected}
    check_told(door, agent, call, **expected)
    assert call.header("x-goog-api-key") == REAL_KEY
    assert agent.token not in f"{call.path}{call.headers}"


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_once(provider: Provider, door: Door, agent: Agent, ask: Ask, version: str) -> None:
    """A whole answer costs what the provider bills, in each version of the API."""
    answer = ask(door, agent, "once", api_version=version)["answer"]
    assert answer["text"] == SAID
    (call,) = provider.calls()
    assert call.path == f"/{version}/models/{MODEL}:{ONCE}"
    assert call.document["generationConfig"]["maxOutputTokens"] == 65_535
    check(door, agent, provider, stream=False)


@pytest.mark.parametrize("do", ["once", "stream"])
def test_thoughts_are_output(
    provider: Provider, door: Door, agent: Agent, ask: Ask, do: str
) -> None:
    """What the model thinks is billed, whether or not a summary of it is shown."""
    config = {"thinking_config": {"include_thoughts": True}, "max_output_tokens": 64}
    answer = ask(door, agent, do, config=config)["answer"]
    assert (answer["text"], answer["usage"]["thoughts_token_count"]) == (SAID, THOUGHTS)
    check(door, agent, provider, stream=do == "stream")
    usage = settled_one(door.gateway, agent)["usage"]
    assert usage["output_reasoning_tokens"] == THOUGHTS


def test_stream(provider: Provider, door: Door, agent: Agent, ask: Ask) -> None:
    """A stream passes as it is, and its last usage counts."""
    answer = ask(door, agent, "stream")["answer"]
    assert (answer["text"], answer["chunks"]) == (SAID, 6)
    assert provider.calls()[0].path.endswith(f":{STREAM}?alt=sse")
    check(door, agent, provider, stream=True)


@pytest.mark.parametrize("do", ["once", "stream"])
def test_tools(provider: Provider, door: Door, agent: Agent, ask: Ask, do: str) -> None:
    """A call of a function passes unchanged, and is metered as output."""
    config = {"tools": [{"function_declarations": [FUNCTION]}]}
    assert ask(door, agent, do, config=config)["answer"]["calls"] == ["look_up"]
    check(door, agent, provider, stream=do == "stream")


def test_chat_and_async(provider: Provider, door: Door, agent: Agent, ask: Ask) -> None:
    """A chat's turns and calls in parallel are one execution each, each with its own bill."""
    first, second = ask(door, agent, "chat")["answer"]
    assert (first["text"], second["text"]) == (SAID, "You said: And again?")
    streamed, *whole = ask(door, agent, "together")["answer"]
    assert {one["text"] for one in (streamed, *whole)} == {SAID}
    found = settled(door.gateway, agent, 6)
    assert sorted(row["actual_nanousd"] for row in found) == sorted(
        call.cost(*PRICE) for call in provider.calls()
    )


def test_embeddings(provider: Provider, door: Door, agent: Agent, ask: Ask) -> None:
    """Embeddings cost their input alone."""
    call = {"model": "gemini-embedding-001", "contents": [TEXT, "and another"]}
    assert ask(door, agent, "embed", call=call)["answer"] == [3, 3]
    (booked,) = provider.calls()
    check(door, agent, provider, actual_nanousd=booked.cost("0.15", "0"))


def test_free_paths(provider: Provider, door: Door, agent: Agent, ask: Ask) -> None:
    """Counting and listing pass with the real key, recorded at zero cost."""
    assert ask(door, agent, "count")["answer"] == 6
    assert ask(door, agent, "models", api_version="v1beta")["answer"] == [f"models/{MODEL}"]
    rows = settled(door.gateway, agent, 2)
    assert {(row["state"], row["reserved_nanousd"], row["actual_nanousd"]) for row in rows} == {
        ("COMMITTED", 0, 0)
    }
    assert [call.header("x-goog-api-key") for call in provider.calls()] == [REAL_KEY] * 2


def test_vertex(provider: Provider, door: Door, agent: Agent, ask: Ask) -> None:
    """The same models at Vertex AI, priced the same, with its own key in its own header."""
    client = {"vertexai": True, "api_key": door.key(agent)}
    assert ask(door, agent, "stream", client=client)["answer"]["text"] == SAID
    (call,) = provider.calls()
    assert call.path.endswith(f"/publishers/google/models/{MODEL}:{STREAM}?alt=sse")
    assert call.header("authorization") == f"Bearer {REAL_KEY}"
    settled_one(door.gateway, agent)
    expected = {"provider": "google-vertex", "actual_nanousd": call.cost(*PRICE)}
    check_told(door, agent, call, **expected)


@pytest.mark.parametrize("do", ["once", "stream"])
def test_budget(
    provider: Provider, door: Door, new_agent: Callable[..., Agent], ask: Ask, do: str
) -> None:
    """A call that does not fit is the SDK's own error after one attempt, its message intact."""
    agent = new_agent("0.000001")
    raised = ask(door, agent, do, attempts=3)
    assert (raised["raised"], raised["code"]) == ("ClientError", 402)
    assert raised["status"] == "FAILED_PRECONDITION"
    assert "0.000001" in raised["message"]
    assert raised["headers"]["x-should-retry"] == "false"
    (row,) = settled(door.gateway, agent)
    assert (row["state"], row["execution_id"]) == (
        "DENIED",
        raised["headers"]["x-aex-execution-id"],
    )
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


@pytest.mark.parametrize("do", ["once", "stream"])
def test_bad_token(provider: Provider, door: Door, agent: Agent, ask: Ask, do: str) -> None:
    """An unknown token is the SDK's own error after one attempt, and reaches nobody."""
    raised = ask(door, Agent(agent.name, "aex_" + "A" * 43, 0), do, attempts=3)
    assert (raised["raised"], raised["code"]) == ("ClientError", 401)
    assert raised["status"] == "UNAUTHENTICATED"
    assert provider.calls() == []


def test_rate(provider: Provider, door: Door, new_agent: Callable[..., Agent], ask: Ask) -> None:
    """A call above the rate is repeated as often as the SDK is told to, and then its error."""
    agent = new_agent("5", 1)
    assert ask(door, agent, "once")["answer"]["text"] == SAID
    raised = ask(door, agent, "once", attempts=3)
    assert (raised["raised"], raised["code"]) == ("ClientError", 429)
    assert raised["status"] == "RESOURCE_EXHAUSTED"
    assert 1 <= int(raised["headers"]["retry-after"]) <= 60
    states = [row["state"] for row in settled(door.gateway, agent, 4)]
    assert states == ["COMMITTED", *["DENIED"] * 3]


@pytest.mark.parametrize("what", ["tool", "cache", "spelling"])
def test_what_is_not_metered(
    provider: Provider, door: Door, agent: Agent, ask: Ask, what: str
) -> None:
    """A tool without a bound, storage by the hour, and a cap said twice never leave."""
    if what == "spelling":
        body = {"contents": [], "generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 9}}
        raised = {"code": raw(door, agent, f"{MODEL}:{ONCE}", body).status_code}
    elif what == "cache":
        raised = ask(door, agent, "caches")
    else:
        raised = ask(door, agent, "once", config={"tools": [{"google_search": {}}]})
    assert raised["code"] == (400 if what == "spelling" else 403)
    assert provider.calls() == []
    assert [row["state"] for row in settled(door.gateway, agent)] == ["DENIED"]


def raw(door: Door, agent: Agent, method: str, body: Any, key: str = "") -> httpx.Response:
    """The method called without an SDK; with a key in the query, if one is given."""
    url = f"{door.origin(HOST, PREFIX)}/v1beta/models/{method}"
    headers = {} if key else {"x-goog-api-key": door.key(agent)}
    with door.client(agent, base_url="", headers={"authorization": "", **headers}) as client:
        return client.post(url, json=body, params={"key": key} if key else None)


def test_an_array_is_a_stream(provider: Provider, door: Door, agent: Agent) -> None:
    """Without `alt=sse` the chunks come as one JSON array, and are metered as they come."""
    body = {"contents": {"parts": {"text": TEXT}}}
    answer = raw(door, agent, f"{MODEL}:{STREAM}", body, key=door.key(agent))
    chunks = json.loads(answer.content)
    texts = [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks]
    assert "".join(texts) == SAID
    assert provider.calls()[0].path == f"/v1beta/models/{MODEL}:{STREAM}"
    check(door, agent, provider, stream=True)


def test_rows_are_equal(
    provider: Provider, gateway: Gateway, shared_ca_file: str, ask: Ask
) -> None:
    """The same calls through either door leave the same rows, but for the door's name."""
    rows = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        for do in ("once", "stream", "count"):
            ask(door, agent, do)
        ask(door, agent, "once", call={"model": "no-such-model"})
        settled(gateway, agent, 4)
        found = gateway.executions(agent)
        assert {row["door"] for row in found} == {door.booked_as}
        rows.append([{key: row[key] for key in COMPARED} for row in found])
    assert rows[0] == rows[1]
