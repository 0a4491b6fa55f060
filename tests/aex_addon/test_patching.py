"""The request as it leaves is the one that was admitted."""

from __future__ import annotations

import json

import pytest
from mitmproxy import http

from aex_addon import calls
from aex_addon.aliases import Choice
from aex_addon.appraisal import Appraisal, appraise
from aex_addon.clock import utc_now
from aex_addon.configuration import Configuration, configure
from aex_addon.inflight import InFlight
from aex_addon.known_secrets import Secrets
from aex_addon.patching import patch
from aex_addon.settings import Settings
from ledger.outcomes import Admitted
from providers.wire import Denial, Facts
from tests.aex_addon.test_calls import asked

CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
SIGNATURE = "AWS4-HMAC-SHA256 Credential=AKIA/1/us-east-1/x/aws4_request, Signature=0"


def configured(credentials: str = "key") -> Configuration:
    openai = {"credentials": credentials, "upstream": "http://upstream.example"}
    settings = Settings.model_validate({"providers": {"openai": openai}})
    return configure(settings, {"OPENAI_API_KEY": "sk-key"}, Secrets(), utc_now())


def patched(
    body: bytes, credentials: str = "key", cap: int = 7, **headers: str
) -> tuple[http.HTTPFlow, Denial | None]:
    """A call with this body, admitted with `cap` tokens of output, and then patched."""
    configuration = configured(credentials)
    route = configuration.routes.by_id("openai")
    assert route is not None
    flow = asked(body=body, authorization="Bearer client", accept_encoding="gzip", **headers)
    call = calls.read_call(flow, route, 2**20)
    formats, prices = route.provider.formats, configuration.prices
    appraisal = appraise(call, formats, prices, configuration.settings, utc_now())
    admitted = Admitted("ex_1", "bot", 10**9, cap)
    denial = patch(flow, Choice(route, call), InFlight(admitted, appraisal, "openai"))
    return flow, denial


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_granted_is_written_in(stream: bool) -> None:
    """The cap, and in a stream a wish for usage, in an encoding that can be read; with the key."""
    flow, denial = patched(json.dumps({**CHAT, "stream": stream}).encode())
    assert denial is None
    body = json.loads(flow.request.raw_content or b"")
    assert body["max_completion_tokens"] == 7
    assert body.get("stream_options") == ({"include_usage": True} if stream else None)
    assert flow.request.headers["accept-encoding"] == ("identity" if stream else "gzip")
    assert flow.request.headers["authorization"] == "Bearer sk-key"
    assert flow.request.host == "upstream.example"


def test_what_needs_no_change_goes_byte_for_byte() -> None:
    """The request caps itself, and was granted that."""
    body = json.dumps({**CHAT, "max_completion_tokens": 7}, indent=3).encode()
    assert patched(body)[0].request.raw_content == body


def test_what_the_agent_signed_is_not_changed() -> None:
    """It goes as it is; where it would have to be another, it does not go."""
    capped = json.dumps({**CHAT, "max_completion_tokens": 7}).encode()
    flow, denial = patched(capped, "agent", Authorization=SIGNATURE)
    assert denial is None
    assert flow.request.raw_content == capped
    _, refused = patched(json.dumps(CHAT).encode(), "agent", Authorization=SIGNATURE)
    assert refused is not None
    assert (refused.code, refused.execution_id) == ("signed_body", "ex_1")


def test_a_handshake_has_no_body() -> None:
    """It goes on as one, whatever came with it."""
    configuration = configured()
    route = configuration.routes.by_id("openai")
    assert route is not None
    flow = asked(body=b"x", upgrade="websocket")
    flow.request.method = "GET"
    call = calls.read_call(flow, route, 100)
    admitted = Admitted("ex_1", "bot", 0, 0)
    inflight = InFlight(admitted, Appraisal(Facts("/v1/responses", "socket")), "openai")
    assert patch(flow, Choice(route, call), inflight) is None
    assert flow.request.raw_content == b""
    assert flow.request.headers["upgrade"] == "websocket"
