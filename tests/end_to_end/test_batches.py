"""Batches of the real SDKs, at both doors: booked at their bound, then at what was billed, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.end_to_end import anthropic_sdk
from tests.end_to_end.books import account, query, rows, settled
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_batches")

MODEL = "gpt-4o-mini"
# Dollars per million tokens in a batch, by the catalogue.
OPENAI_USD = ("0.075", "0.30")
ANTHROPIC_USD = ("0.5", "2.5")
WINDOW: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


def file(calls: int = 4, cap: int = 40, url: str = "/v1/chat/completions") -> bytes:
    """A file of calls."""
    lines = []
    for number in range(calls):
        messages = [{"role": "user", "content": f"Tell me about the number {number}."}]
        body = {"model": MODEL, "max_tokens": cap, "messages": messages}
        lines.append({"custom_id": f"q{number}", "method": "POST", "url": url, "body": body})
    return "\n".join(map(json.dumps, lines)).encode()


def upload(client: openai.OpenAI, data: bytes | None = None) -> str:
    return client.files.create(file=("a.jsonl", data or file()), purpose="batch").id


def batch_row(gateway: Gateway, agent: Agent) -> dict[str, Any]:
    """The execution of the agent's one batch."""
    (row,) = [each for each in rows(gateway, agent) if each["endpoint"].endswith("/batches")]
    return row


def requests(calls: int = 4, **fields: Any) -> Any:
    """The requests of a batch of Anthropic's."""
    params = {**anthropic_sdk.CALL, **fields}
    return [{"custom_id": f"q{number}", "params": params} for number in range(calls)]


def test_openai(provider: Provider, door: Door, agent: Agent) -> None:
    """Upload, begin, look, fetch: the bound is spent from the start, the bill in the end."""
    with door.sdk(agent) as client:
        name = upload(client)
        batch = client.batches.create(input_file_id=name, **WINDOW)
        begun = batch_row(door.gateway, agent)
        assert (begun["state"], begun["model"], begun["usage"]) == ("COMMITTED", MODEL, None)
        assert begun["actual_nanousd"] == begun["reserved_nanousd"] > 4 * 40 * 300
        assert account(door.gateway, agent).spent == begun["actual_nanousd"]
        provider.script(batch="in_progress")
        assert client.batches.retrieve(batch.id).status == "in_progress"
        assert batch_row(door.gateway, agent) == begun
        provider.script()
        over = client.batches.retrieve(batch.id)
        assert over.output_file_id is not None
        answers = client.files.content(over.output_file_id).text.splitlines()
        assert len(answers) == 3
        (call,) = [each for each in provider.calls() if each.path == "/v1/batches"]
        booked = batch_row(door.gateway, agent)
        assert booked["actual_nanousd"] == call.cost(*OPENAI_USD) > 0
        assert booked["usage"] == {
            "input_tokens": call.input_tokens,
            "output_tokens": call.output_tokens,
        }
        assert (booked["certainty"], booked["usage_source"]) == ("adjusted", "provider")
        again = client.files.content(over.output_file_id).text.splitlines()
        assert again == answers
    assert batch_row(door.gateway, agent) == booked
    counters = account(door.gateway, agent)
    assert (counters.spent, counters.reserved) == (booked["actual_nanousd"], 0)
    assert all(row["certainty"] == "exact" for row in settled(door.gateway, agent, 6)[2:])


def test_anthropic(provider: Provider, door: Door, agent: Agent) -> None:
    """Begin, look, fetch: `results` of the SDK finds its way through AEX at both doors."""
    with anthropic_sdk.sdk(door, agent) as client:
        batch = client.messages.batches.create(requests=requests())
        begun = batch_row(door.gateway, agent)
        assert begun["actual_nanousd"] == begun["reserved_nanousd"] > 4 * 64 * 2_500
        found = list(client.messages.batches.results(batch.id))
        assert [each.result.type for each in found] == [
            *("succeeded", "succeeded", "expired", "succeeded"),
        ]
        (call,) = [each for each in provider.calls() if each.path.endswith("/batches")]
        booked = batch_row(door.gateway, agent)
        assert booked["actual_nanousd"] == call.cost(*ANTHROPIC_USD) > 0
        assert list(client.messages.batches.results(batch.id)) == found
        client.messages.batches.delete(batch.id)
    assert batch_row(door.gateway, agent) == booked
    assert account(door.gateway, agent).spent == booked["actual_nanousd"]
    asked = [each.path for each in provider.calls()]
    assert asked.count(f"/v1/messages/batches/{batch.id}/results") == 2


def test_the_sum_that_a_batch_tells_is_booked(provider: Provider, door: Door, agent: Agent) -> None:
    """Who only looks at a batch learns its usage, and so does the ledger; results add nothing."""
    with door.sdk(agent) as client:
        batch = client.batches.create(input_file_id=upload(client), **WINDOW)
        provider.script(told=True)
        over = client.batches.retrieve(batch.id)
        (call,) = [each for each in provider.calls() if each.path == "/v1/batches"]
        booked = batch_row(door.gateway, agent)
        assert booked["actual_nanousd"] == call.cost(*OPENAI_USD)
        client.files.content(str(over.output_file_id))
    assert batch_row(door.gateway, agent) == booked


def test_a_batch_that_failed_costs_nothing(provider: Provider, door: Door, agent: Agent) -> None:
    """A file that the provider finds wanting is not worked on."""
    with door.sdk(agent) as client:
        batch = client.batches.create(input_file_id=upload(client), **WINDOW)
        provider.script(batch="failed")
        client.batches.retrieve(batch.id)
    assert account(door.gateway, agent).spent == 0


def test_what_the_budget_cannot_carry_is_denied(
    provider: Provider, door: Door, new_agent: Callable[..., Agent]
) -> None:
    """As a whole, in one attempt, with each SDK's own exception; nothing is sent."""
    poor = new_agent("0.00001")
    client, attempts = door.counted_sdk(poor)
    with client:
        name = upload(client)
        with pytest.raises(openai.APIStatusError, match="budget") as caught:
            client.batches.create(input_file_id=name, **WINDOW)
    assert (caught.value.status_code, len(attempts)) == (402, 2)
    other, tries = anthropic_sdk.counted_sdk(door, poor)
    with other, pytest.raises(anthropic.APIStatusError, match="budget"):
        other.messages.batches.create(requests=requests())
    assert len(tries) == 1
    assert [each.path for each in provider.calls()] == ["/v1/files"]
    assert account(door.gateway, poor).spent == 0


def test_an_unseen_file_is_refused(provider: Provider, door: Door, agent: Agent) -> None:
    """One that was uploaded past AEX, or for something else: with what to do about it."""
    with door.sdk(agent) as client:
        other = client.files.create(file=("a.jsonl", file()), purpose="user_data").id
        for name in ("file-of-another-world", other):
            with pytest.raises(openai.PermissionDeniedError, match="Upload the file through AEX"):
                client.batches.create(input_file_id=name, **WINDOW)
        with pytest.raises(openai.BadRequestError, match="Line 1 of the file"):
            upload(client, file(url="/v1/chat/completions").replace(b'"user"', b'7,"x":"'))
    assert [each.path for each in provider.calls()] == ["/v1/files"]


def test_a_creation_that_the_provider_refuses_is_released(
    provider: Provider, door: Door, agent: Agent
) -> None:
    """A 4xx bills nothing, and no batch is known."""
    with door.sdk(agent) as client:
        name = upload(client)
        provider.script(status=400, body='{"error":{"message":"no"}}')
        with pytest.raises(openai.BadRequestError):
            client.batches.create(input_file_id=name, **WINDOW)
    assert batch_row(door.gateway, agent)["state"] == "RELEASED"
    assert account(door.gateway, agent).spent == 0


def test_only_whole_results_are_booked(provider: Provider, door: Door, agent: Agent) -> None:
    """A part, or an answer that breaks off, changes nothing: the bound stays until all is read."""
    with door.sdk(agent) as client:
        batch = client.batches.create(input_file_id=upload(client), **WINDOW)
        begun = batch_row(door.gateway, agent)
        path = f"/files/{client.batches.retrieve(batch.id).output_file_id}/content"
    with door.client(agent) as plain:
        assert plain.get(path, headers={"range": "bytes=9-"}).status_code == 206
        provider.script(cut={"at": "body", "how": "close"})
        with pytest.raises(httpx.TransportError):
            plain.get(path)
        provider.script()
        settled(door.gateway, agent, 5)
        assert batch_row(door.gateway, agent) == begun
        assert plain.get(path).status_code == 200
    (call,) = [each for each in provider.calls() if each.path == "/v1/batches"]
    assert batch_row(door.gateway, agent)["actual_nanousd"] == call.cost(*OPENAI_USD)


def test_a_batch_outlives_its_gateway(
    provider: Provider, new_gateway: Callable[[], Gateway]
) -> None:
    """After a kill the next one knows the file, the batch and where its results stand."""
    gateway = new_gateway().start()
    agent, other = gateway.create_agent(), gateway.create_agent()
    door = Door("base_url", gateway, "")
    with door.sdk(agent) as client:
        name = upload(client)
        batch = client.batches.create(input_file_id=name, **WINDOW)
        out = str(client.batches.retrieve(batch.id).output_file_id)
    begun = batch_row(gateway, agent)
    gateway.kill()
    gateway.start()
    assert batch_row(gateway, agent) == begun
    with door.sdk(other) as client:
        client.batches.create(input_file_id=name, **WINDOW)
        client.files.content(out)
    (call, _) = [each for each in provider.calls() if each.path == "/v1/batches"]
    assert batch_row(gateway, agent)["actual_nanousd"] == call.cost(*OPENAI_USD)
    assert account(gateway, other).spent == begun["actual_nanousd"]
    gateway.stop()
    assert gateway.audit_passes()
    done = gateway.run("replay", "--verify")
    assert done.returncode == 0, done.stdout


def test_the_books_hold_no_content(provider: Provider, door: Door, agent: Agent) -> None:
    """Of a file its hash and its bounds are kept, of results their counts."""
    with door.sdk(agent) as client:
        batch = client.batches.create(input_file_id=upload(client), **WINDOW)
        client.files.content(str(client.batches.retrieve(batch.id).output_file_id))
    kept = [row["payload"] for row in query(door.gateway, "SELECT payload FROM event_log")]
    assert not any("the number" in text or "Done." in text for text in kept)
