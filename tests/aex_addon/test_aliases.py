"""A name for a model leads where aex.toml says, to those who speak the same API, and unchanged."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from aex_addon.aliases import HOME, Aliases
from aex_addon.clock import utc_now
from aex_addon.configuration import Configuration, configure
from aex_addon.known_secrets import Secrets
from aex_addon.settings import Settings
from aex_addon.settings_values import ConfigError
from providers.wire import Call

GROQ, MINI = "groq/llama-3.3-70b-versatile", "openai/gpt-4o-mini"


def made(routes: dict[str, Any], **more: Any) -> Configuration:
    settings = Settings.model_validate({"routes": routes, **more})
    return configure(settings, {}, Secrets(), utc_now())


def table(*to: str, **more: Any) -> Aliases:
    return made({"fast": {"to": list(to)}}, **more).aliases


def call(path: str = "/v1/chat/completions", body: bytes = b"", method: str = "POST") -> Call:
    return Call("openai", method, path, "", {}, body)


def choices(aliases: Aliases, asked: Call, provider: str = HOME) -> Any:
    route = made({}).routes.by_id(provider)
    assert route is not None
    first, others = aliases.choices(asked, route)
    return (first, *(way() for way in others))


def test_a_name_leads_to_its_models() -> None:
    """In their order, each at its own provider's path, with nothing changed but the name."""
    document = {"model": "fast", "messages": [{"role": "user", "content": "hé"}], "n": 1.5}
    asked = call(body=json.dumps(document).encode())
    first, second = choices(table(GROQ, MINI), asked)
    assert (first.route.id, first.call.path) == ("groq", "/openai/v1/chat/completions")
    assert (second.route.id, second.call.path) == ("openai", "/v1/chat/completions")
    assert json.loads(first.call.body) == {**document, "model": "llama-3.3-70b-versatile"}
    assert json.loads(second.call.body) == {**document, "model": "gpt-4o-mini"}
    assert (first.alias, first.refusal, first.call.route) == ("fast", None, asked.path)
    assert first.call.host == "api.groq.com"
    assert first.route_tag != second.route_tag
    assert len(first.route_tag) == 16


@pytest.mark.parametrize(
    "asked",
    [
        call(body=b'{"model": "gpt-4o-mini"}'),
        call(body=b'{"model": ["fast"]}'),
        call(body=b'{"model": "fast", "model": "fast"}'),
        call(body=b"--boundary"),
        call("/v1/models/fast", method="GET"),
    ],
)
def test_what_names_no_alias(asked: Call) -> None:
    """It goes on byte for byte, to whom it was addressed."""
    (choice,) = choices(table(GROQ), asked)
    assert (choice.call, choice.alias, choice.route.id) == (asked, "", HOME)


def test_only_the_plain_base_url_knows_aliases() -> None:
    """Whoever names a provider in the address gets that provider."""
    asked = call(body=b'{"model": "fast"}')
    (choice,) = choices(table(GROQ), asked, "mistral")
    assert choice.call is asked


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/embeddings", "/v1/images/generations"])
def test_nothing_is_translated(path: str) -> None:
    """A provider that does not speak what was asked is not asked; the denial says who and what."""
    (choice,) = choices(table(GROQ), call(path, b'{"model": "fast"}'))
    assert (choice.refusal.status, choice.refusal.code) == (403, "route_mismatch")
    assert "'fast' leads to groq, which does not speak" in choice.refusal.message
    assert choice.model == "llama-3.3-70b-versatile"


def test_a_provider_of_one_s_own() -> None:
    """Its API is what stands below its address, as an SDK is given it."""
    models = {"m": {"provider": "mine", "input_usd_per_mtok": "1"}}
    for upstream, path in (
        ("https://llm.example/api/v4", "/api/v4/chat/completions"),
        ("https://llm.example", "/chat/completions"),
    ):
        mine = {"mine": {"upstream": upstream, "formats": ["openai"]}}
        (choice,) = choices(
            table("mine/m", providers=mine, models=models), call(body=b'{"model": "fast"}')
        )
        assert (choice.call.path, choice.refusal) == (path, None)
    box = {"vllm": {"upstream": "http://box.example/gpu"}}
    (choice,) = choices(table("vllm/m", providers=box), call(body=b'{"model": "fast"}'))
    assert choice.call.path == "/gpu/v1/chat/completions"


@pytest.mark.parametrize(
    ("to", "told"),
    [
        (["nope/x"], "'nope/x' names no provider that AEX knows"),
        (["tools/x"], "'tools/x' names no provider that AEX knows"),
        (["grok/x"], "did you mean 'groq'?"),
        (["azure/x"], "'azure/x' has no address; name it as upstream of [providers.azure]"),
        (["anthropic/claude-sonnet-4-5"], "speaks none of OpenAI's APIs"),
        (["groq/no-such-model"], "'groq/no-such-model' has no price."),
        ([MINI, "cohere/command-r"], "'cohere/command-r' speaks none"),
    ],
)
def test_mistakes_are_told_before_any_call(to: list[str], told: str) -> None:
    """Each with its route; nothing is in force that could only fail."""
    with pytest.raises(ConfigError) as refused:
        table(*to)
    assert 'aex.toml: routes."fast": ' in str(refused.value)
    assert told in str(refused.value)


def test_all_mistakes_are_told_at_once() -> None:
    """One line each."""
    with pytest.raises(ConfigError) as refused:
        made({"a": {"to": ["nope/x", "groq/nope"]}, "b": {"to": ["azure/x"]}, "\n": {"to": [MINI]}})
    assert len(refused.value.problems) == 4


def test_an_agent_s_own_key_cannot_follow() -> None:
    """AEX's own address carries a token in the place of the key."""
    with pytest.raises(ConfigError, match="takes the agent's own key"):
        table(GROQ, providers={"groq": {"credentials": "agent"}})


def test_models_without_a_price_may_be_let_through() -> None:
    """Where the operator says so, they are in routes too."""
    found = table("groq/no-such-model", unpriced_models="free")
    assert found.of("fast") is not None
    assert [alias.name for alias in found] == ["fast"]
    assert found.of("slow") is None


def test_a_body_is_written_for_the_way_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those for the other targets are written when one of them is asked, if ever."""
    written: list[str] = []

    def dumps(document: dict[str, Any], **options: Any) -> str:
        written.append(document["model"])
        return json.dumps(document, **options)

    monkeypatch.setattr("aex_addon.aliases.json", SimpleNamespace(dumps=dumps))
    route = made({}).routes.by_id(HOME)
    assert route is not None
    first, others = table(GROQ, MINI).choices(call(body=b'{"model": "fast"}'), route)
    assert (written, len(others)) == ([first.model], 1)
    assert others[0]().model == written[1]
