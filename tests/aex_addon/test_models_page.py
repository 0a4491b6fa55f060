"""`GET /v1/models` at AEX's own address is AEX's answer: what a call there may name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from aex_addon.clock import utc_now
from aex_addon.configuration import configure
from aex_addon.known_secrets import Secrets
from aex_addon.models_page import asks_for_models
from aex_addon.settings import Settings
from providers.wire import Call
from tests.aex_addon.routed import Routed, routed
from tests.aex_addon.wire import Answer, connected


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Routed]:
    async with routed(tmp_path / "home") as running:
        yield running


async def get(two: Routed, path: str, **headers: str) -> Answer:
    raw = two.rig.request(path, b"", content_length="", **headers)
    async with connected(two.rig.port) as client:
        return await client.call(raw.replace(b"POST", b"GET", 1))


@pytest.mark.parametrize("base", ["/v1", "/openai/v1"])
async def test_the_list(two: Routed, base: str) -> None:
    """Aliases first, then the priced models of the provider behind `/v1`; nobody else is asked."""
    answer = await get(two, f"{base}/models")
    assert (answer.status, answer.json["object"]) == (200, "list")
    fast, *others = answer.json["data"]
    assert fast == {"id": "fast", "object": "model", "created": 0, "owned_by": "aex"}
    names = [each["id"] for each in others]
    assert "gpt-4o-mini" in names
    assert "llama-3.3-70b-versatile" not in names
    assert len({"fast", *names}) == len(names) + 1
    assert {each["owned_by"] for each in others} == {"openai"}
    assert two.first.requests == two.second.requests == []


async def test_it_is_booked_as_a_free_call(two: Routed) -> None:
    """With its agent, its door and its end; the answer names it."""
    answer = await get(two, "/v1/models")
    (row,) = two.rows()
    assert (row.provider, row.endpoint, row.door) == ("aex", "/v1/models", "base-url")
    assert (row.state, row.status_code, row.actual_nanousd) == ("COMMITTED", 200, 0)
    assert (row.usage_source, row.certainty) == ("free", "exact")
    assert answer.headers["x-aex-execution-id"] == row.execution_id
    assert not two.rig.pipeline.inflight


@pytest.mark.parametrize(
    ("name", "status"), [("fast", 200), ("gpt-4o-mini", 200), ("fa%73t", 200), ("nope", 404)]
)
async def test_one_model(two: Routed, name: str, status: int) -> None:
    """It is the list's entry; what is not listed is not found, in the SDK's own shape."""
    answer = await get(two, f"/v1/models/{name}")
    assert answer.status == status
    if status == 404:
        assert answer.code == "model_not_found"
    else:
        assert answer.json["object"] == "model"
    (row,) = two.rows()
    assert (row.endpoint, row.status_code) == ("/v1/models/{id}", status)


async def test_who_may_ask(two: Routed) -> None:
    """Only an agent that is served; a denial is booked as every other."""
    assert (await get(two, "/v1/models", authorization="")).status == 401
    assert (await get(two, "/v1/models", authorization="Bearer sk-x")).status == 401
    assert two.rows() == []


async def test_a_key_from_before_there_were_routes(two: Routed) -> None:
    """What it stood for was OpenAI's list; this one is another, and made anew each time."""
    in_force = two.rig.pipeline.parts.in_force
    routed_, kept = in_force(), {"idempotency_key": "models"}
    settings = routed_.settings.model_copy(update={"routes": {}})
    in_force.exchange(replace(routed_, settings=settings))
    two.second.json(b'{"object": "list", "data": []}')
    assert (await get(two, "/v1/models", **kept)).json["data"] == []
    in_force.exchange(routed_)
    for _ in range(2):
        answer = await get(two, "/v1/models", **kept)
        assert (answer.status, answer.json["data"][0]["id"]) == (200, "fast")


async def test_a_provider_s_own_list_passes(two: Routed) -> None:
    """Below a provider's own name it is the provider's."""
    two.first.json(json.dumps({"object": "list", "data": []}).encode())
    assert (await get(two, "/groq/v1/models")).json["data"] == []
    (row,) = two.rows()
    assert (row.provider, row.endpoint) == ("groq", "/v1/models")


@pytest.mark.parametrize(
    ("method", "path", "door", "asks"),
    [
        ("GET", "/v1/models", "base-url", True),
        ("GET", "/v1/models/x", "base-url", True),
        ("GET", "/v1/models", "proxy", False),
        ("POST", "/v1/models", "base-url", False),
        ("GET", "/v1/modelsx", "base-url", False),
    ],
)
def test_what_aex_answers_itself(method: str, path: str, door: str, asks: bool) -> None:
    """Reading the list at AEX's own address, where there are routes, and nothing else."""
    for routes, answers in (({"fast": {"to": ["openai/gpt-4o-mini"]}}, asks), ({}, False)):
        settings = Settings.model_validate({"routes": routes})
        configuration = configure(settings, {}, Secrets(), utc_now())
        call = Call("openai", method, path, "", {}, b"")
        assert asks_for_models(call, door, configuration) is answers
