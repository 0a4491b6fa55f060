"""Routes: the real openai SDK names a model of aex.toml's, at the door that knows such names."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from tests.end_to_end.books import account, query, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import PROMPT, in_thread
from tests.end_to_end.upstream import Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_routes")

SAID = "You said: Say three short wörds."
CONFIG = """\
listen = "127.0.0.1:{port}"

[providers.openai]
upstream = "{url}"
api_key_env = "OPENAI_API_KEY"

[providers.groq]
upstream = "{url}/as/groq"
api_key_env = "OPENAI_API_KEY"

[providers.mistral]                        # where nobody listens
upstream = "http://127.0.0.1:{closed}"
api_key_env = "OPENAI_API_KEY"

[routes.fast]
to = ["groq/llama-3.1-8b-instant"]

[routes.sturdy]
to = ["mistral/mistral-small-latest", "groq/llama-3.1-8b-instant", "openai/gpt-4o-mini"]

[routes.embedder]
to = ["mistral/mistral-embed", "openai/text-embedding-3-small"]

[routes.thinker]
to = ["openai/gpt-4o-mini"]
"""


@pytest.fixture(scope="module")
def closed() -> Iterator[int]:
    """A port where nobody listens, and nobody else can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def configured(gateway: Gateway, provider: Provider, closed: int) -> Gateway:
    text = CONFIG.format(port=gateway.port, url=provider.url, closed=closed)
    gateway.write_config(text)
    return gateway.start()


@pytest.fixture(scope="module")
def gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory, closed: int
) -> Iterator[Gateway]:
    made = Gateway(tmp_path_factory.mktemp("routes") / "home", provider_process.url)
    yield configured(made, provider_process, closed)
    made.stop()


@pytest.fixture
def home(gateway: Gateway) -> Door:
    """The door that knows names of routes."""
    return Door("base_url", gateway, "")


def chat(client: openai.OpenAI, model: str, stream: bool = False) -> str:
    asked: dict[str, Any] = {"model": model, "messages": PROMPT, "max_tokens": 64}
    if not stream:
        whole = client.chat.completions.create(**asked)
        return whole.choices[0].message.content or ""
    chunks: list[Any] = list(client.chat.completions.create(**asked, stream=True))
    return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)


def of_groq(call: ProviderCall) -> int:
    return call.cost("0.05", "0.08")


@pytest.mark.parametrize("stream", [False, True], ids=["JSON", "stream"])
def test_a_name_for_a_model(provider: Provider, home: Door, agent: Agent, stream: bool) -> None:
    """The SDK names the route; the provider is asked for its own model, and its price is booked."""
    with home.sdk(agent) as client:
        assert chat(client, "fast", stream) == SAID
    (call,) = provider.calls()
    assert call.path == "/as/groq/openai/v1/chat/completions"
    assert call.document["model"] == "llama-3.1-8b-instant"
    (row,) = settled(home.gateway, agent)
    assert (row["provider"], row["model"]) == ("groq", "llama-3.1-8b-instant")
    assert (row["certainty"], row["actual_nanousd"]) == ("exact", of_groq(call))
    story = home.gateway.json("executions", "show", row["execution_id"])["events"]
    noted = story[0]["payload"]
    assert (noted["alias"], noted["model"], len(noted["route_tag"])) == ("fast", row["model"], 16)


@pytest.mark.parametrize("stream", [False, True], ids=["JSON", "stream"])
def test_a_provider_that_is_down(
    provider: Provider, home: Door, agent: Agent, stream: bool
) -> None:
    """The SDK makes one request and sees one answer; the ledger holds both tries."""
    client, attempts = home.counted_sdk(agent)
    with client:
        assert chat(client, "sturdy", stream) == SAID
    assert len(attempts) == 1
    (call,) = provider.calls()
    first, second = settled(home.gateway, agent, 2)
    assert (first["provider"], first["state"], first["actual_nanousd"]) == (
        *("mistral", "RELEASED", 0),
    )
    assert (second["provider"], second["actual_nanousd"]) == ("groq", of_groq(call))
    assert second["retry_of"] == first["execution_id"]
    assert account(home.gateway, agent).reserved == 0


def test_other_apis_of_openai_s_kind(provider: Provider, home: Door, agent: Agent) -> None:
    """Embeddings and responses have routes too, where their provider speaks them."""
    with home.sdk(agent) as client:
        assert client.embeddings.create(model="embedder", input="x", encoding_format="float").data
        assert client.responses.create(model="thinker", input="Hello").output_text
    endpoints = [(call.path, call.document["model"]) for call in provider.calls()]
    assert endpoints == [
        ("/v1/embeddings", "text-embedding-3-small"),
        ("/v1/responses", "gpt-4o-mini"),
    ]


def test_what_a_route_s_provider_does_not_speak(
    provider: Provider, home: Door, agent: Agent
) -> None:
    """The SDK raises its own exception after one attempt; nothing is translated or sent."""
    client, attempts = home.counted_sdk(agent)
    with client, pytest.raises(openai.PermissionDeniedError) as raised:
        client.embeddings.create(model="fast", input="Hello")
    assert (raised.value.code, len(attempts)) == ("route_mismatch", 1)
    assert "leads to groq, which does not speak /v1/embeddings" in str(raised.value)
    (row,) = settled(home.gateway, agent)
    assert (row["state"], row["provider"]) == ("DENIED", "groq")
    assert provider.calls() == []


def test_the_models_that_may_be_named(provider: Provider, home: Door, agent: Agent) -> None:
    """`models.list()` gives what a call here may name, and `retrieve` one of it."""
    with home.sdk(agent) as client:
        listed = [model.id for model in client.models.list()]
        assert listed[:4] == ["fast", "sturdy", "embedder", "thinker"]
        assert client.models.retrieve("sturdy").owned_by == "aex"
        assert client.models.retrieve("gpt-4o-mini").owned_by == "openai"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("no-such-model")
    assert provider.calls() == []
    rows = settled(home.gateway, agent, 4)
    assert {(row["provider"], row["actual_nanousd"]) for row in rows} == {("aex", 0)}


def test_the_proxy_door_knows_no_routes(
    provider: Provider, gateway: Gateway, agent: Agent, shared_ca_file: str
) -> None:
    """Who addresses a provider gets that provider: its models, its list, and no other's."""
    door = Door("proxy", gateway, shared_ca_file)
    client, attempts = door.counted_sdk(agent)
    with client:
        assert next(model.id for model in client.models.list()) == "gpt-4o-mini"
        with pytest.raises(openai.PermissionDeniedError) as raised:
            chat(client, "fast")
    assert (raised.value.code, len(attempts)) == ("model_unpriced", 2)
    assert [call.path for call in provider.calls()] == ["/v1/models"]


def test_many_at_once(provider: Provider, home: Door, new_agent: Callable[..., Agent]) -> None:
    """Tries of many requests side by side: each is settled once, to the nano-dollar."""
    agent = new_agent("1")
    with home.sdk(agent) as client, ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda n: chat(client, "sturdy", bool(n % 2)), range(40)))
    assert set(texts) == {SAID}
    rows = settled(home.gateway, agent, 80)
    released = {row["execution_id"] for row in rows if row["state"] == "RELEASED"}
    billed = [row for row in rows if row["state"] == "COMMITTED"]
    assert {row["retry_of"] for row in billed} == released
    assert len(released) == len(billed) == 40
    assert sum(row["actual_nanousd"] for row in billed) == sum(map(of_groq, provider.calls()))
    counters = account(home.gateway, agent)
    assert (counters.reserved, counters.spent) == (0, sum(r["actual_nanousd"] for r in billed))
    assert home.gateway.audit_passes()


def test_killed_in_the_second_try(
    provider: Provider, new_gateway: Callable[[], Gateway], closed: int
) -> None:
    """What the first try came to stays; the second is charged and marked, and nothing is lost."""
    own = configured(new_gateway(), provider, closed)
    door, agent = Door("base_url", own, ""), own.create_agent()
    provider.script(hold="headers")
    with door.sdk(agent, max_retries=0) as client, in_thread(lambda: chat(client, "sturdy")):
        provider.wait_held()
        own.kill()
    own.start()
    first, second = settled(own, agent, 2)
    assert (first["state"], first["actual_nanousd"]) == ("RELEASED", 0)
    assert (second["state"], second["certainty"]) == ("COMMITTED", "uncertain")
    assert second["actual_nanousd"] == second["reserved_nanousd"] > 0
    ends = "SELECT execution_id FROM reservations WHERE entry <> 'reserve'"
    assert len({row["execution_id"] for row in query(own, ends)}) == 2
    assert own.audit_passes()
