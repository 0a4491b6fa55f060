"""Hosts that speak OpenAI's formats: the real SDK, unmodified, at both doors of one gateway."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest

from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.conftest import ca_file
from tests.end_to_end.doors import TIMEOUT, Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import PROMPT
from tests.end_to_end.speaking_hosts import HIDDEN, STATED_USD
from tests.end_to_end.upstream import REAL_KEY, Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_hosts")

CONFIG = """\
listen = "127.0.0.1:{port}"

{moved}
[providers.azure]
upstream = "{url}"
hosts = ["my-team.openai.azure.com"]
api_key_env = "OPENAI_API_KEY"

[providers.vllm]
upstream = "{url}/v1"
api_key_env = "OPENAI_API_KEY"

[providers.mine]
upstream = "{url}/api/v4"
hosts = ["llm.mine.example"]
formats = ["openai"]
price_as = "groq"
api_key_env = "OPENAI_API_KEY"
key_header = "api-key"

[models."prod-chat"]
provider = "azure"
price_as = "gpt-4o-mini"
"""
MOVED = """\
[providers.{id}]
upstream = "{url}/as/{id}"
api_key_env = "OPENAI_API_KEY"
"""


@dataclass(frozen=True)
class Host:
    """One host: its name, the base URL of an OpenAI SDK there, a model and what that costs."""

    id: str
    name: str
    base: str
    model: str
    input_usd: str
    output_usd: str
    cap_key: str = "max_tokens"
    asks_usage: bool = False

    def bill(self, call: ProviderCall) -> int:
        """Nano-dollars, by what the real host says of its usage."""
        if self.id in ("openrouter", "perplexity"):
            return round(STATED_USD * 10**9)
        hidden = HIDDEN if self.id in ("x-ai", "google") else 0
        rate = round(float(self.output_usd) * 1000)
        if self.id == "deepseek":
            hit = call.input_tokens // 2
            return call.cost(self.input_usd, self.output_usd) - hit * (270 - 130)
        return call.cost(self.input_usd, self.output_usd) + hidden * rate


HOSTS = [
    Host(
        "groq",
        "api.groq.com",
        "/openai/v1",
        "llama-3.1-8b-instant",
        "0.05",
        "0.08",
        "max_completion_tokens",
    ),
    Host(
        "deepseek",
        "api.deepseek.com",
        "",
        "deepseek-v3.1-terminus",
        "0.27",
        "0.95",
        asks_usage=True,
    ),
    Host("mistral", "api.mistral.ai", "/v1", "mistral-small-latest", "0.15", "0.60"),
    Host("x-ai", "api.x.ai", "/v1", "grok-3", "3", "15", "max_completion_tokens", asks_usage=True),
    Host("openrouter", "openrouter.ai", "/api/v1", "openai/gpt-4o", "2.5", "10"),
    Host("perplexity", "api.perplexity.ai", "", "sonar", "1", "1"),
    Host(
        "google",
        "generativelanguage.googleapis.com",
        "/v1beta/openai",
        "gemini-2.5-flash",
        "0.30",
        "2.50",
        asks_usage=True,
    ),
]
PREFIXES = {"google": "/gemini"}


@pytest.fixture(scope="module")
def gateway(
    provider_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One that knows the hosts, each with the fake provider in its place."""
    running = Gateway(tmp_path_factory.mktemp("hosts") / "home", provider_process.url)
    url = provider_process.url
    moved = "\n".join(MOVED.format(id=host.id, url=url) for host in HOSTS)
    running.write_config(CONFIG.format(port=running.port, url=url, moved=moved))
    yield running.start()
    running.stop()


def base_url(door: Door, host: Host) -> str:
    return door.origin(host.name, PREFIXES.get(host.id, f"/{host.id}")) + host.base


def sdk(door: Door, agent: Agent, url: str, **options: Any) -> openai.OpenAI:
    """The real SDK, pointed at a host as its users point it."""
    with door.entered(agent):
        key = door.key(agent)
        return openai.OpenAI(base_url=url, api_key=key, timeout=TIMEOUT, **options)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.id)
def test_each_host(provider: Provider, door: Door, agent: Agent, host: Host) -> None:
    """Calls go to the host's own path with its key, and are booked as the host bills them."""
    asked: dict[str, Any] = {"model": host.model, "messages": PROMPT, "max_tokens": 64}
    with sdk(door, agent, base_url(door, host), max_retries=0) as client:
        whole = client.chat.completions.create(**asked)
        chunks: list[Any] = list(client.chat.completions.create(**asked, stream=True))
    assert whole.choices[0].message.content == "You said: Say three short wörds."
    assert all(chunk.choices for chunk in chunks)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "You said: Say three short wörds."
    calls = provider.calls()
    for call, row in zip(calls, settled(door.gateway, agent, 2), strict=True):
        assert call.path == f"/as/{host.id}{host.base}/chat/completions"
        assert call.header("authorization") == f"Bearer {REAL_KEY}"
        assert agent.token not in str(call.headers)
        assert ("stream_options" in call.document) is (call.stream and host.asks_usage)
        told = ("provider", "model", "endpoint", "state", "usage_source", "certainty")
        assert [row[name] for name in told] == [
            *(host.id, host.model, "/v1/chat/completions", "COMMITTED", "provider", "exact"),
        ]
        assert row["actual_nanousd"] == host.bill(call) <= row["reserved_nanousd"]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.id)
def test_a_cap_that_the_host_heeds(provider: Provider, gateway: Gateway, host: Host) -> None:
    """Where the budget cannot carry the longest answer, the cap goes to the host's own option."""
    agent = gateway.create_agent("0.025")
    door = Door("base_url", gateway, "")
    with sdk(door, agent, base_url(door, host), max_retries=0) as client:
        client.chat.completions.create(model=host.model, messages=PROMPT)
    (call,) = provider.calls()
    caps = [key for key in call.document if key.startswith("max_")]
    assert caps == [host.cap_key]
    row = settled_one(gateway, agent)
    assert row["reserved_nanousd"] <= agent.budget_nanousd


@pytest.mark.parametrize("host", HOSTS[:3], ids=lambda host: host.id)
def test_a_denial(provider: Provider, door: Door, gateway: Gateway, host: Host) -> None:
    """A call that does not fit is a 402 after one attempt, in the shape that the SDK reads."""
    agent = gateway.create_agent("0.000001")
    attempts: list[object] = []
    with door.entered(agent):
        counting = openai.DefaultHttpx2Client(event_hooks={"request": [attempts.append]})
    client = sdk(door, agent, base_url(door, host), http_client=counting)
    with client, pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model=host.model, messages=PROMPT, max_tokens=64)
    assert (raised.value.status_code, len(attempts)) == (402, 1)
    assert agent.name in raised.value.message
    assert provider.calls() == []
    assert nothing_reserved(gateway, agent)


@pytest.mark.parametrize("path", ["/groq/v1", "/groq/openai/v1"])
def test_two_ways_to_write_a_base_url(
    provider: Provider, gateway: Gateway, agent: Agent, path: str
) -> None:
    """`/NAME/v1` is what OpenAI SDKs expect, and the host's own path below `/NAME` works too."""
    door = Door("base_url", gateway, "")
    with sdk(door, agent, gateway.url + path) as client:
        assert client.chat.completions.create(model="llama-3.1-8b-instant", messages=PROMPT)
        assert list(client.models.list())
    paths = [call.path for call in provider.calls()]
    assert paths == ["/as/groq/openai/v1/chat/completions", "/as/groq/openai/v1/models"]


@pytest.mark.parametrize(
    ("url", "model", "extra"),
    [
        ("openrouter.ai/api/v1", "openai/gpt-4o:online", {}),
        ("openrouter.ai/api/v1", "openai/gpt-4o", {"models": ["openai/o1"]}),
        ("openrouter.ai/api/v1", "openai/gpt-4o", {"plugins": [{"id": "web"}]}),
        ("api.groq.com/openai/v1", "groq/compound", {}),
        ("api.perplexity.ai", "sonar-deep-research", {}),
        ("api.x.ai/v1", "grok-3", {"search_parameters": {"mode": "on"}}),
    ],
)
def test_what_could_cost_more_never_leaves(
    provider: Provider, door: Door, agent: Agent, url: str, model: str, extra: dict[str, Any]
) -> None:
    """Searches, routers and other models are a 403 that names what to leave out."""
    host = next(host for host in HOSTS if url.startswith(host.name))
    client = sdk(door, agent, base_url(door, host))
    with client, pytest.raises(openai.PermissionDeniedError, match="not metered"):
        client.chat.completions.create(model=model, messages=PROMPT, extra_body=extra)
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def test_openrouter_may_not_choose_a_dearer_seller(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """The price that was reserved is the most that a seller of the model may ask."""
    host = next(host for host in HOSTS if host.id == "openrouter")
    with sdk(door, agent, base_url(door, host)) as client:
        client.chat.completions.create(model=host.model, messages=PROMPT, max_tokens=8)
    (call,) = provider.calls()
    assert call.document["provider"] == {"max_price": {"prompt": 2.5, "completion": 10}}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_an_azure_deployment(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """Azure's own SDK client: the path names the model, which is priced as the operator says."""
    endpoint = door.origin("my-team.openai.azure.com", "/azure")
    with door.entered(agent):
        client = openai.AzureOpenAI(
            azure_endpoint=endpoint,
            api_key=door.key(agent),
            api_version="2024-10-21",
            timeout=TIMEOUT,
        )
    with client:
        answer: Any = client.chat.completions.create(
            model="prod-chat", messages=PROMPT, stream=stream
        )
        assert list(answer) if stream else answer.choices
        with pytest.raises(openai.PermissionDeniedError, match="No price is known"):
            client.chat.completions.create(model="gpt-4o-mini", messages=PROMPT)
    (call,) = provider.calls()
    assert call.path.startswith("/openai/deployments/prod-chat/chat/completions?api-version=")
    assert call.header("api-key") == REAL_KEY
    assert call.header("authorization") is None
    row = settled(door.gateway, agent, 2)[0]
    assert (row["provider"], row["model"]) == ("azure", "prod-chat")
    assert row["actual_nanousd"] == call.cost()


ANSWERING = [host for host in HOSTS if host.id in ("groq", "x-ai", "openrouter")]


@pytest.mark.parametrize("host", ANSWERING, ids=lambda host: host.id)
def test_responses_at_each_host(provider: Provider, door: Door, agent: Agent, host: Host) -> None:
    """Responses go to the host's own path with a cap, and are booked as the host bills them."""
    asked: dict[str, Any] = {"model": host.model, "input": PROMPT, "max_output_tokens": 64}
    with sdk(door, agent, base_url(door, host), max_retries=0) as client:
        whole = client.responses.create(**asked)
        events = list(client.responses.create(**asked, stream=True))
        with pytest.raises(openai.PermissionDeniedError, match="not metered"):
            client.responses.create(**asked, tools=[{"type": "web_search"}])
    assert whole.output_text == "You said: Say three short wörds."
    assert events[-1].type == "response.completed"
    calls = provider.calls()
    for call, row in zip(calls, settled(door.gateway, agent, 3)[:2], strict=True):
        assert call.path == f"/as/{host.id}{host.base}/responses"
        assert call.header("authorization") == f"Bearer {REAL_KEY}"
        told = ("provider", "model", "endpoint", "state", "usage_source", "certainty")
        assert [row[name] for name in told] == [
            *(host.id, host.model, "/v1/responses", "COMMITTED", "provider", "exact"),
        ]
        assert row["actual_nanousd"] == host.bill(call) <= row["reserved_nanousd"]


@pytest.mark.parametrize("version", ["v1", "2025-04-01-preview"])
def test_responses_at_azure(provider: Provider, door: Door, agent: Agent, version: str) -> None:
    """Both of Azure's ways to them: OpenAI's own client at `/openai/v1`, and Azure's client."""
    endpoint = door.origin("my-team.openai.azure.com", "/azure")
    own = {"api_key": door.key(agent), "timeout": TIMEOUT}
    with door.entered(agent):
        client = (
            openai.OpenAI(base_url=f"{endpoint}/openai/v1", **own)
            if version == "v1"
            else openai.AzureOpenAI(azure_endpoint=endpoint, api_version=version, **own)
        )
    with client:
        first = client.responses.create(model="prod-chat", input=PROMPT)
        again = client.responses.create(
            model="prod-chat", input=PROMPT, previous_response_id=first.id
        )
    assert first.output_text == again.output_text == "You said: Say three short wörds."
    calls = provider.calls()
    base = "/openai/v1/responses" if version == "v1" else "/openai/responses?api-version="
    assert all(call.path.startswith(base) for call in calls)
    assert [call.header("api-key") for call in calls] == [REAL_KEY] * 2
    rows = settled(door.gateway, agent, 2)
    assert [row["actual_nanousd"] for row in rows] == [call.cost() for call in calls]
    assert all(row["actual_nanousd"] <= row["reserved_nanousd"] for row in rows)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_provider_of_one_s_own(
    provider: Provider, door: Door, agent: Agent, stream: bool
) -> None:
    """A few lines of aex.toml make a host: governed, with a base URL, priced and keyed."""
    url = door.origin("llm.mine.example", "/mine")
    url += "/api/v4" if door.name == "proxy" else ""
    with sdk(door, agent, url) as client:
        answer: Any = client.chat.completions.create(
            model="llama-3.1-8b-instant", messages=PROMPT, stream=stream
        )
        assert list(answer) if stream else answer.choices
        assert list(client.models.list())
    call, models = provider.calls()
    assert (call.path, models.path) == ("/api/v4/chat/completions", "/api/v4/models")
    assert call.header("api-key") == REAL_KEY
    row = settled(door.gateway, agent, 2)[0]
    assert (row["provider"], row["actual_nanousd"]) == ("mine", call.cost("0.05", "0.08"))


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_free_server(provider: Provider, gateway: Gateway, stream: bool) -> None:
    """One's own server costs nothing, is counted, and gets no cap that it may refuse."""
    agent = gateway.create_agent("0.000001")
    door = Door("base_url", gateway, "")
    with sdk(door, agent, f"{gateway.url}/vllm/v1") as client:
        answer: Any = client.chat.completions.create(
            model="any/model", messages=PROMPT, stream=stream, extra_body={"guided_choice": ["a"]}
        )
        assert list(answer) if stream else answer.choices
    (call,) = provider.calls()
    assert call.path == "/v1/chat/completions"
    assert not any(key.startswith("max_") for key in call.document)
    row = settled_one(gateway, agent)
    assert (row["reserved_nanousd"], row["actual_nanousd"], row["usage_source"]) == (
        0,
        0,
        "provider",
    )
    assert row["usage"]["output_tokens"] == call.output_tokens > 0


def test_a_provider_without_a_key(provider: Provider, door: Door, agent: Agent) -> None:
    """A host that is governed and has no key is a 503 that says which; it is never dialled."""
    url = door.origin("api.cerebras.ai", "/cerebras") + "/v1"
    client = sdk(door, agent, url, max_retries=0)
    with client, pytest.raises(openai.InternalServerError, match="CEREBRAS_API_KEY") as raised:
        client.chat.completions.create(model="gpt-oss-120b", messages=PROMPT, max_tokens=8)
    assert raised.value.code == "provider_key_missing"
    assert nothing_reserved(door.gateway, agent)


def test_one_key_under_two_paths(provider: Provider, door: Door, agent: Agent) -> None:
    """A repeated call under another of the host's paths for it gets the recorded answer."""
    host = next(host for host in HOSTS if host.id == "deepseek")
    keyed = {"idempotency-key": "once"}
    answers = []
    for path in ("", "/v1"):
        with sdk(door, agent, base_url(door, host) + path) as client:
            answers.append(
                client.chat.completions.create(
                    model=host.model, messages=PROMPT, max_tokens=64, extra_headers=keyed
                )
            )
    assert answers[0] == answers[1]
    assert len(provider.calls()) == 1
    assert settled_one(door.gateway, agent)["actual_nanousd"] > 0


@pytest.mark.parametrize("status", [301, 307, 308])
def test_no_redirect_moves_a_call(
    provider: Provider, door: Door, agent: Agent, status: int
) -> None:
    """A redirect is the client's to follow, with its own credential; AEX takes no key elsewhere."""
    provider.script(status=status, headers={"location": f"{provider.url}/elsewhere"})
    with door.client(agent, base_url=base_url(door, HOSTS[0])) as client:
        answer = client.post(
            "/chat/completions", json={"model": "llama-3.1-8b-instant", "messages": PROMPT}
        )
    assert answer.status_code == status
    assert len(provider.calls()) == 1
    assert REAL_KEY not in str(answer.headers)
    assert settled_one(door.gateway, agent)["state"] == "RELEASED"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-host": "api.x.ai"},
        {"forwarded": "host=api.x.ai"},
        {"x-original-url": "/as/x-ai/v1/chat/completions"},
        {"x-rewrite-url": "http://api.x.ai/"},
        {"api-key": "sk-other", "x-api-key": "sk-other"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_or_field_moves_a_call(
    provider: Provider, door: Door, agent: Agent, headers: dict[str, str]
) -> None:
    """Whatever a request says of destinations, the table decides, and its key alone goes along."""
    body = {"model": "llama-3.1-8b-instant", "messages": PROMPT, "user": "http://api.x.ai/v1"}
    with door.client(agent, base_url=base_url(door, HOSTS[0]), headers=headers) as client:
        assert client.post("/chat/completions", json=body).status_code == 200
    (call,) = provider.calls()
    assert call.path == "/as/groq/openai/v1/chat/completions"
    assert call.header("host") == httpx.URL(provider.url).netloc.decode()
    assert "sk-other" not in str(call.headers)


def test_rows_are_equal(provider: Provider, gateway: Gateway) -> None:
    """The same calls to a host through either door leave the same rows."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, ca_file(gateway)), gateway.create_agent()
        for host in HOSTS:
            with sdk(door, agent, base_url(door, host), max_retries=0) as client:
                client.chat.completions.create(model=host.model, messages=PROMPT, max_tokens=9)
                list(
                    client.chat.completions.create(
                        model=host.model, messages=PROMPT, max_tokens=9, stream=True
                    )
                )
        rows = settled(gateway, agent, 2 * len(HOSTS))
        told.append(
            [
                [row[key] for key in ("provider", "model", "endpoint", "stream", "state", "usage")]
                + [row["actual_nanousd"], row["reserved_nanousd"]]
                for row in rows
            ]
        )
    assert told[0] == told[1]
