"""A request becomes a trip: the call in it, and the ways that it may go."""

from __future__ import annotations

from typing import Any

from aex_addon.clock import utc_now
from aex_addon.configuration import Configuration, configure
from aex_addon.doors import PATH
from aex_addon.identity import Credential
from aex_addon.known_secrets import Secrets
from aex_addon.reading import read
from aex_addon.settings import Settings
from aex_addon.trip import Trip
from tests.aex_addon.test_calls import asked

TWO = ["mistral/mistral-embed", "openai/text-embedding-3-small"]


def configured() -> Configuration:
    settings = Settings.model_validate({"routes": {"fast": {"to": TWO}}, "body_limit_mib": 1})
    return configure(settings, {}, Secrets(), utc_now())


def trip(door: str = "base-url", path: str = "/v1/embeddings", **request: Any) -> Trip:
    configuration = configured()
    route = configuration.routes.by_id("openai")
    assert route is not None
    flow = asked(path, request.pop("body", b'{"model": "fast", "input": "x"}'), **request)
    return read(flow, configuration, route, door, Credential("t"))


def test_a_route_s_name_opens_its_ways() -> None:
    """At AEX's own address, best first; what was asked stays as it was asked."""
    found = trip()
    ways = (found.choice, *(way() for way in found.rest))
    assert [way.route.id for way in ways] == ["mistral", "openai"]
    assert found.asked.provider == "openai"
    assert b'"fast"' in found.asked.body


def test_whoever_addresses_a_provider_gets_it() -> None:
    """Through the proxy there is one way, whatever the model is called."""
    found = trip("proxy")
    assert (found.choice.call, found.choice.route.id) == (found.asked, "openai")
    assert (found.choice.alias, found.rest) == ("", ())


def test_what_cannot_be_read_is_a_call_that_is_refused() -> None:
    """A bad path, encoding or key: a trip with the reason, and nothing of query or body."""
    bad: list[dict[str, Any]] = [
        {"path": "/v1/a b?key=secret"},
        {"path": "/v1/x?key=secret", "content_encoding": "magic"},
        {"path": "/v1/x?key=secret", "idempotency_key": "x" * 999},
        {"path": "/v1/x?key=secret", "body": b"x" * (2**20 + 1)},
    ]
    for request in bad:
        found = trip(**request)
        assert found.choice.refusal is not None, request
        assert 400 <= found.choice.refusal.status < 500
        assert (found.rest, found.asked) == ((), found.choice.call)
        assert (found.asked.query, found.asked.body) == ("", b"")
        assert found.asked.path in ("/v1/a b", "/v1/x")


def test_marks_of_the_door_are_what_is_read() -> None:
    """The path is the provider's own, as the door has marked it."""
    flow = asked("/v1/marked")
    flow.request.path = "/openai/v1/else"
    configuration = configured()
    route = configuration.routes.by_id("openai")
    assert route is not None
    assert flow.metadata[PATH] == "/v1/marked"
    assert read(flow, configuration, route, "proxy", Credential("t")).asked.path == "/v1/marked"
