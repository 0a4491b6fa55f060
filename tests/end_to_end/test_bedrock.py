"""The real boto3, unmodified, at both doors: every kind of call is metered to the token."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import anthropic
import pytest
from botocore.exceptions import ClientError, EventStreamError

from providers import bedrock_errors
from providers.eventstream import CONTENT_TYPE, frame
from providers.wire import Denial
from tests.end_to_end.bedrock_sdk import (
    CALL,
    CLAUDE,
    LLAMA,
    NOVA,
    OWN_ID,
    OWN_SECRET,
    PROMPT,
    SAID,
    TOOLS,
    environment,
    sdk,
    variables,
)
from tests.end_to_end.books import nothing_reserved, settled, settled_one
from tests.end_to_end.doors import OWN_KEY, Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.speaking_bedrock import ACCESS_KEY, SESSION_TOKEN
from tests.end_to_end.upstream import REAL_KEY, Provider, ProviderCall

pytestmark = pytest.mark.xdist_group("end_to_end_bedrock")

NewAgent = Callable[..., Agent]
# Dollars per million tokens, in the United States.
PRICES = {NOVA: ("0.06", "0.24"), CLAUDE: ("1.1", "5.5"), LLAMA: ("0.72", "0.72")}
COMPARED = (
    *("provider", "model", "endpoint", "stream", "state", "status_code"),
    *("reserved_nanousd", "actual_nanousd", "usage", "usage_source"),
)


def cost(call: ProviderCall) -> int:
    """What the provider bills for a call without caches."""
    assert call.model is not None
    return call.cost(*PRICES[call.model])


def booked(door: Door, agent: Agent, call: ProviderCall) -> dict[str, Any]:
    """The agent's one row, which is what the provider billed."""
    row = settled_one(door.gateway, agent)
    assert (row["provider"], row["model"], row["stream"]) == ("aws", call.model, call.stream)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "provider")
    assert row["usage"]["input_tokens"] == call.input_tokens
    assert row["usage"]["output_tokens"] == call.output_tokens
    assert row["reserved_nanousd"] >= row["actual_nanousd"] == cost(call) > 0
    return row


def ask(client: Any, stream: bool = False, **changed: Any) -> tuple[str, Any]:
    """A turn of Converse: the text, or the input of a tool; and the usage."""
    if not stream:
        answer = client.converse(**{**CALL, **changed})
        (block,) = answer["output"]["message"]["content"]
        told = json.dumps(block["toolUse"]["input"]) if "toolUse" in block else block["text"]
        return told, answer["usage"]
    with closing(client.converse_stream(**{**CALL, **changed})["stream"]) as frames:
        events = list(frames)
    deltas = [each["contentBlockDelta"]["delta"] for each in events if "contentBlockDelta" in each]
    pieces = [each["toolUse"]["input"] if "toolUse" in each else each["text"] for each in deltas]
    return "".join(pieces), events[-1]["metadata"].get("usage")


@pytest.mark.parametrize("stream", [False, True])
def test_converse(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """An answer reaches the client as it was sent, whole or in frames, and costs what is billed."""
    with sdk(door, agent) as (client, _):
        text, usage = ask(client, stream)
    (call,) = provider.calls()
    assert text == SAID
    assert usage["inputTokens"] == call.input_tokens
    assert call.path == f"/model/{NOVA.replace(':', '%3A')}/converse{'-stream' if stream else ''}"
    assert call.document == {name: CALL[name] for name in ("messages", "inferenceConfig")}
    booked(door, agent, call)


def test_frames_of_single_bytes(provider: Provider, door: Door, agent: Agent) -> None:
    """However a stream is cut on its way, it is the same stream and the same row."""
    provider.script(sse="bytes")
    with sdk(door, agent) as (client, _):
        assert ask(client, True)[0] == SAID
    booked(door, agent, provider.calls()[0])


@pytest.mark.parametrize("stream", [False, True])
def test_tools(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """A tool call and its result go both ways unharmed."""
    with sdk(door, agent) as (client, _):
        told, _usage = ask(client, stream, toolConfig=TOOLS)
        asked = json.loads(told)
        assert asked == {"echo": PROMPT[0]["content"][0]["text"]}
        use = {"toolUseId": "tooluse_demo", "name": "look_up", "input": asked}
        result = {"toolUseId": "tooluse_demo", "content": [{"json": {"done": True}}]}
        turns = [
            *PROMPT,
            {"role": "assistant", "content": [{"toolUse": use}]},
            {"role": "user", "content": [{"toolResult": result}]},
        ]
        ask(client, stream, toolConfig=TOOLS, messages=turns)
    rows = settled(door.gateway, agent, 2)
    assert [row["actual_nanousd"] for row in rows] == [cost(call) for call in provider.calls()]


BODIES = {
    CLAUDE: {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "Say three short wörds."}],
    },
    LLAMA: {"prompt": "Say three short wörds.", "max_gen_len": 64},
}


@pytest.mark.parametrize("model", BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_invoke(provider: Provider, door: Door, agent: Agent, model: str, stream: bool) -> None:
    """A maker's own body is metered by the body, by headers, or by the last frame."""
    body = json.dumps(BODIES[model])
    with sdk(door, agent) as (client, _):
        if stream:
            answer = client.invoke_model_with_response_stream(modelId=model, body=body)
            said = "".join(event["chunk"]["bytes"].decode() for event in answer["body"])
        else:
            said = client.invoke_model(modelId=model, body=body)["body"].read().decode()
    assert "wörds" in said
    (call,) = provider.calls()
    assert call.document == BODIES[model]
    booked(door, agent, call)


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_of_anthropic(provider: Provider, door: Door, agent: Agent, stream: bool) -> None:
    """It shows its bearer token without TLS too, and signs where it has access keys."""
    told: dict[str, Any] = {
        "model": CLAUDE,
        "max_tokens": 64,
        "messages": BODIES[CLAUDE]["messages"],
    }
    own = environment(door, agent)
    if door.name == "base_url":
        own |= {
            "AWS_BEARER_TOKEN_BEDROCK": agent.token,
            "ANTHROPIC_BEDROCK_BASE_URL": own.pop("AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
        }
    with variables(own | {"SSL_CERT_FILE": door.ca_file}), anthropic.AnthropicBedrock() as client:
        if stream:
            with client.messages.stream(**told) as events:
                assert "".join(events.text_stream) == SAID
        else:
            assert client.messages.create(**told).content[0].text == SAID  # type: ignore[union-attr]
    booked(door, agent, provider.calls()[0])


def test_counting_is_free(provider: Provider, door: Door, agent: Agent) -> None:
    """It passes, and costs nothing."""
    with sdk(door, agent) as (client, _):
        counted = client.count_tokens(modelId=CLAUDE, input={"converse": {"messages": PROMPT}})
    assert counted["inputTokens"] > 0
    assert len(provider.calls()) == 1
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["actual_nanousd"]) == ("COMMITTED", 0)


@pytest.mark.parametrize("action", ["converse", "converse_stream", "invoke_model"])
def test_budget(provider: Provider, door: Door, new_agent: NewAgent, action: str) -> None:
    """A call that does not fit the budget fails after one attempt, its message intact."""
    agent = new_agent("0.000001")
    wanted = CALL if "converse" in action else {"modelId": LLAMA, "body": json.dumps(BODIES[LLAMA])}
    with sdk(door, agent) as (client, attempts), pytest.raises(ClientError) as raised:
        getattr(client, action)(**wanted)
    assert type(raised.value).__name__ == "ServiceQuotaExceededException"
    assert len(attempts) == 1
    told = raised.value.response
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert agent.name in told["Error"]["Message"]
    (row,) = settled(door.gateway, agent)
    assert (row["state"], row["status_code"]) == ("DENIED", 402)
    assert told["ResponseMetadata"]["RequestId"] == row["execution_id"]
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


def test_rate(provider: Provider, door: Door, new_agent: NewAgent) -> None:
    """A call above the rate is throttled with a short wait, after which the SDK tries again."""
    agent = new_agent("5", 60)
    calls = 0
    with sdk(door, agent) as (client, attempts):
        while len(attempts) == calls and calls < 300:
            ask(client)
            calls += 1
    assert len(attempts) == calls + 1
    rows = settled(door.gateway, agent, calls + 1)
    assert [row["status_code"] for row in rows if row["state"] == "DENIED"] == [429]
    assert len(provider.calls()) == calls


PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"
GUARDRAIL = {"guardrailIdentifier": "g", "guardrailVersion": "1"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"modelId": PROFILE}, "own id"),
        ({"modelId": "no.such-model-v1:0"}, "price"),
        ({"guardrailConfig": GUARDRAIL}, "guardrail"),
        ({"performanceConfig": {"latency": "optimized"}}, "optimized"),
        ({"serviceTier": {"type": "priority"}}, "priority"),
        ({"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}, "runs itself"),
    ],
)
def test_what_has_no_bound_is_refused(
    provider: Provider, door: Door, agent: Agent, changed: dict[str, Any], said: str
) -> None:
    """Nothing leaves, the SDK raises its own exception once, and says what is the matter."""
    with sdk(door, agent) as (client, attempts), pytest.raises(ClientError) as raised:
        ask(client, **changed)
    assert len(attempts) == 1
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    assert said in raised.value.response["Error"]["Message"]
    assert provider.calls() == []
    assert nothing_reserved(door.gateway, agent)


@pytest.mark.parametrize(
    "path", ["/guardrail/g/version/1/apply", "/async-invoke", f"/model/{NOVA}/rerank"]
)
def test_what_is_not_metered_is_refused(
    provider: Provider, door: Door, agent: Agent, path: str
) -> None:
    """In the shape of the host's errors."""
    own = door.origin("bedrock-runtime.us-east-1.amazonaws.com", "/bedrock")
    with door.client(agent, base_url=own) as client:
        answer = client.post(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_metered")
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert provider.calls() == []


def test_no_credential_of_the_agents_goes_upstream(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """Neither its signature nor what came with it; the provider sees AEX's own key."""
    with sdk(door, agent) as (client, _):
        ask(client)
    (call,) = provider.calls()
    assert call.header("authorization") == f"Bearer {REAL_KEY}"
    assert call.header("x-amz-date") is None
    sent = json.dumps([call.headers, call.body])
    for secret in (agent.token, OWN_ID, OWN_SECRET, OWN_KEY):
        assert secret not in sent


def test_a_client_that_leaves_pays_for_what_is_known(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """What was delivered is booked, and no more than the reserve."""
    provider.script(hold=[4])
    with sdk(door, agent) as (client, _):
        stream = client.converse_stream(**CALL)["stream"]
        next(iter(stream))
        provider.wait_held()
        stream.close()
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert row["usage"]["output_tokens"] >= call.output_tokens > 0
    assert cost(call) <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_an_exception_in_the_middle_of_a_stream(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """The SDK raises its own exception, with the message as it was sent."""
    kind = {":event-type": "messageStart", ":message-type": "event"}
    start = frame({**kind, ":content-type": "application/json"}, b'{"role":"assistant"}')
    body = start + bedrock_errors.error_event(Denial(402, "budget_exceeded", "No more."))
    provider.script(status=200, body_hex=body.hex(), headers={"content-type": CONTENT_TYPE})
    with sdk(door, agent) as (client, attempts), pytest.raises(EventStreamError) as raised:
        ask(client, True)
    assert len(attempts) == 1
    assert raised.value.response["Error"] == {"Code": "validationException", "Message": "No more."}
    row = settled_one(door.gateway, agent)
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")


@pytest.mark.parametrize("how", ["missing", "null", "string", "negative"])
@pytest.mark.parametrize("stream", [False, True])
def test_usage_that_cannot_be_read(
    provider: Provider, door: Door, agent: Agent, how: str, stream: bool
) -> None:
    """An upper bound is booked and marked, never less than was billed."""
    provider.script(usage=how)
    action = "converse-stream" if stream else "converse"
    own = door.origin("bedrock-runtime.us-east-1.amazonaws.com", "/bedrock")
    with door.client(agent, base_url=own) as client:
        answer = client.post(f"/model/{NOVA}/{action}", json={"messages": PROMPT})
        assert b"short" in answer.content
    row = settled_one(door.gateway, agent)
    (call,) = provider.calls()
    assert (row["state"], row["usage_source"]) == ("COMMITTED", "estimated")
    assert cost(call) <= row["actual_nanousd"] <= row["reserved_nanousd"]


def test_rows_are_equal(provider: Provider, gateway: Gateway, shared_ca_file: str) -> None:
    """The same calls through either door leave the same rows, but for the door's name."""
    told = []
    for name in ("proxy", "base_url"):
        door, agent = Door(name, gateway, shared_ca_file), gateway.create_agent()
        with sdk(door, agent) as (client, _):
            ask(client)
            ask(client, True)
            client.invoke_model(modelId=CLAUDE, body=json.dumps(BODIES[CLAUDE]))
            with pytest.raises(ClientError):
                ask(client, modelId="no.such-model-v1:0")
            provider.script(status=400)
            with pytest.raises(ClientError):
                ask(client)
            provider.script()
        settled(gateway, agent, 5)
        rows = gateway.executions(agent)
        told.append([{key: row[key] for key in COMPARED} for row in rows])
        assert {row["door"] for row in rows} == {door.booked_as}
    assert told[0] == told[1]


@pytest.fixture
def signing(new_gateway: Callable[[], Gateway]) -> Callable[[str], Gateway]:
    """A gateway without an API key for Bedrock, but with an access key that has this secret."""

    def make(secret: str) -> Gateway:
        made = new_gateway()
        before, own, rest = made.config.read_text().partition('[providers."aws"]')
        made.write_config(before + own + rest.replace('api_key_env = "OPENAI_API_KEY"', "", 1))
        made.environment |= {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
            "AWS_REGION": "us-east-1",
        }
        return made.start()

    return make


def test_what_is_sent_is_signed(
    provider: Provider,
    door_of: Callable[[Gateway], Door],
    signing: Callable[[str], Gateway],
) -> None:
    """By AEX's access key, over the body with the cap that AEX wrote; the agent's own is gone."""
    door = door_of(signing(REAL_KEY))
    agent = door.gateway.create_agent("0.0008")
    with sdk(door, agent) as (client, _):
        text, _usage = ask(client, inferenceConfig={"maxTokens": 4_000})
    assert text == SAID
    (call,) = provider.calls()
    assert call.document["inferenceConfig"]["maxTokens"] < 4_000
    assert str(call.header("authorization")).startswith(
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/"
    )
    assert call.header("x-amz-security-token") == SESSION_TOKEN
    booked(door, agent, call)


def test_the_provider_does_check(
    provider: Provider,
    door_of: Callable[[Gateway], Door],
    signing: Callable[[str], Gateway],
) -> None:
    """A signature by another secret is refused, so that the test before could fail."""
    door = door_of(signing("another-secret"))
    agent = door.gateway.create_agent()
    with sdk(door, agent) as (client, attempts), pytest.raises(ClientError):
        ask(client)
    assert len(attempts) == 1
    assert provider.calls()[0].status == 401
