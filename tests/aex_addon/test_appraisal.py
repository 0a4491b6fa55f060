"""Every call has a bound, is known to be free, or is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aex_addon.appraisal import Appraisal, appraise
from aex_addon.settings import Settings
from providers.openai_chat import OPENAI_CHAT
from providers.prices import PriceBook
from providers.registry import PROVIDERS
from providers.wire import Call

AT = datetime(2026, 11, 20, tzinfo=UTC)
BOOK = PriceBook()
FORMATS = PROVIDERS[0].formats
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 64}


def judged(
    path: str = "/v1/chat/completions", body: Any = CHAT, method: str = "POST", **settings: Any
) -> Appraisal:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    call = Call("openai", method, path, "", {}, raw)
    return appraise(call, FORMATS, BOOK, Settings.model_validate(settings), AT)


def test_a_metered_call() -> None:
    """Its quote is the price's own, and its output cap is the request's."""
    found = judged()
    assert found.metered
    assert found.refusal is None
    assert found.price is not None
    quoted = found.price.quote(found.facts)
    assert found.quote.fixed_nanousd == quoted.fixed_nanousd > 0
    assert found.quote.output_rate_picousd == quoted.output_rate_picousd > 0
    assert (found.quote.output_tokens_cap, found.quote.choices) == (64, 1)
    assert found.input_tokens == quoted.input_tokens > 0
    assert found.cap_held


def test_a_cap_that_only_the_request_can_hold() -> None:
    """A cap that the request does not name is not taken for held by itself."""
    uncapped = {key: value for key, value in CHAT.items() if key != "max_tokens"}
    assert not judged(body=uncapped).cap_held


def test_a_cap_that_no_field_takes() -> None:
    """There is nothing to write, and nothing that a smaller budget could make smaller."""
    body = {"model": "gpt-5.2", "input": "hi"}
    found = judged("/v1/responses/compact", body)
    assert found.cap_held
    assert found.quote.affordable_cap(found.quote.cost(0) - 1) == -1


def test_a_free_path() -> None:
    """It costs nothing and is no part of the rate."""
    found = judged("/v1/models", b"", "GET")
    assert (found.metered, found.refusal, found.quote.cost(0)) == (False, None, 0)


@pytest.mark.parametrize(
    ("path", "method"),
    [("/v1/videos", "POST"), ("/v1/../admin", "GET"), ("/", "GET"), ("/v1/models", "POST")],
)
def test_an_unknown_path(path: str, method: str) -> None:
    """What could cost and is not metered is refused, unless the operator lets it pass."""
    refusal = judged(path, b"", method).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "not_metered")
    assert "unmetered_paths" in refusal.message
    assert judged(path, b"", method, unmetered_paths="pass").refusal is None


def test_a_model_without_a_price() -> None:
    """It is refused with the lines that would price it, unless the operator calls it free."""
    body = {**CHAT, "model": "nobody-knows"}
    refusal = judged(body=body).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "model_unpriced")
    assert '[models."nobody-knows"]' in refusal.message
    free = judged(body=body, unpriced_models="free")
    assert (free.refusal, free.price, free.quote.cost(10**6)) == (None, None, 0)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model": 1}', b"\xff", b'{"n": 1e999}'])
def test_a_body_that_no_provider_would_take(body: bytes) -> None:
    """It is refused with a 400 and quotes nothing."""
    found = judged(body=body)
    assert found.refusal is not None
    assert found.refusal.status == 400
    assert found.quote.cost(10**6) == 0
    assert not found.metered


def test_a_provider_that_nobody_speaks_for() -> None:
    """An unknown provider's call is refused, never passed."""
    call = Call("nobody", "POST", "/v1/chat/completions", "", {}, b"{}")
    assert appraise(call, (), BOOK, Settings(), AT).refusal is not None


def test_tools_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are refused, unless the operator sets the limit, which the quote then covers."""
    unbounded = replace(judged().facts, server_calls_max=None)
    monkeypatch.setattr(type(OPENAI_CHAT), "read", lambda self, call: unbounded)
    refusal = judged().refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "not_metered")
    allowed = judged(server_calls_max=2)
    assert (allowed.refusal, allowed.server_calls) == (None, 2)
    assert allowed.input_tokens == 3 * 134_400


def test_sound_that_does_not_tell_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused with its remedy, unless the operator sets the length that is reserved."""
    body = replace(judged().facts, model="whisper-1", has_output=False, seconds_untold=True)
    timed = replace(body, input_tokens_max=0)
    monkeypatch.setattr(type(OPENAI_CHAT), "read", lambda self, call: timed)
    refusal = judged().refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "not_metered")
    assert "audio_seconds_max" in refusal.message
    allowed = judged(audio_seconds_max=60)
    assert (allowed.refusal, allowed.quote.fixed_nanousd) == (None, 60 * 100_000)
    timed = replace(timed, charges={"input_audio_seconds": 10})
    assert judged(audio_seconds_max=5).quote.fixed_nanousd == 10 * 100_000


def tools(*names: str, **settings: Any) -> Appraisal:
    """Calls of these tools at a server with these settings."""
    messages = [
        {"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": {"name": name}}
        for n, name in enumerate(names)
    ]
    call = Call("desk", "POST", "/mcp", "", {}, json.dumps(messages).encode())
    server = {"url": "https://mcp.example.com/mcp", **settings}
    return appraise(call, ("mcp",), BOOK, Settings.model_validate({"mcp": {"desk": server}}), AT)


def test_calls_of_tools() -> None:
    """What the operator says, each by its own name, to the nano-dollar."""
    prices = {"add": "0.01", "odd": "0.000000001"}
    found = tools("add", "odd", "Add", "else", tools=prices, default_usd="0.2")
    assert found.quote.fixed_nanousd == 10_000_000 + 1 + 200_000_000 + 200_000_000
    assert found.quote.affordable_cap(found.quote.fixed_nanousd - 1) == -1
    assert (found.metered, found.cap_held, found.tokens_max) == (True, True, 0)
    assert found.price is not None
    free = tools("add")
    assert (free.metered, free.quote.fixed_nanousd) == (True, 0)
    assert free.price is not None
