"""Dialects: a host's answers are read as it means them, and its costly options do not pass."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from providers.openai_chat import CHATS, PATH, OpenAIChat
from providers.openai_dialect import HARMLESS
from providers.openai_dialects import DIALECTS, PREAMBLE
from providers.registry import PROVIDERS
from providers.wire import Call, Facts, Grant, Refused
from tests.providers.contract import WireFormatContract

BY_NAME = {chat.name.removesuffix("_chat"): chat for chat in CHATS}
HOSTS = sorted(BY_NAME.keys() - {"openai"})
HELLO = [{"role": "user", "content": "Hello"}]
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": "https://x.example/a"}]}]


def call(**fields: Any) -> Call:
    body = json.dumps({"model": "m", "messages": HELLO, **fields}).encode()
    return Call("any", "POST", "/own/path", "", {}, body, canonical=PATH)


def read(name: str, **fields: Any) -> Facts:
    return BY_NAME[name].read(call(**fields))


def written(name: str, grant: Grant, **fields: Any) -> dict[str, Any]:
    """What a patch changes in the body."""
    request, chat = call(**fields), BY_NAME[name]
    before = json.loads(request.body)
    after = json.loads(chat.patch(request, chat.read(request), grant))
    return {key: value for key, value in after.items() if before.get(key) != value}


class TestContract(WireFormatContract):
    """Every dialect but OpenAI's own (which test_openai_chat_meter.py holds to it)."""

    @pytest.fixture(autouse=True, params=HOSTS)
    def dialect(self, request: pytest.FixtureRequest) -> None:
        self.wire_format: OpenAIChat = BY_NAME[request.param]
        self.default = Call("any", "POST", "/own/path", "", {}, b"", canonical=PATH)


def test_each_dialect_is_spoken_under_its_own_name() -> None:
    """No two dialects share a name, and a provider of the table speaks each of them."""
    names = [dialect.name for dialect in DIALECTS]
    assert len(names) == len(set(names))
    spoken = {name for provider in PROVIDERS for name in provider.formats}
    assert {f"{name}_chat" for name in names} <= spoken


def test_nobody_speaks_two_dialects() -> None:
    """A provider has one way of chat completions, so that a call has one meaning."""
    chats = {chat.name for chat in CHATS}
    for provider in PROVIDERS:
        assert len(chats & set(provider.formats)) <= 1


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("azure", {"data_sources": [{"type": "azure_search"}]}),
    ("groq", {"model": "groq/compound"}),
    ("groq", {"model": "compound-beta-mini"}),
    ("groq", {"compound_custom": {"tools": {}}}),
    ("groq", {"search_settings": {}}),
    ("groq", {"service_tier": "performance"}),
    ("groq", {"service_tier": "auto"}),
    ("groq", {"tools": [{"type": "browser_search"}]}),
    ("groq", {"tools": [{"type": "code_interpreter"}]}),
    ("mistral", {"safe_prompt": True}),
    ("mistral", {"prompt_mode": "reasoning"}),
    ("mistral", {"guardrails": [{}]}),
    ("mistral", {"service_tier": "auto"}),
    ("mistral", {"tools": [{"type": "image_generation"}]}),
    ("xai", {"search_parameters": {"mode": "auto"}}),
    ("xai", {"deferred": True}),
    ("xai", {"tools": [{"type": "live_search"}]}),
    ("together", {"safety_model": "m"}),
    ("together", {"echo": True}),
    ("fireworks", {"service_tier": "priority"}),
    ("fireworks", {"speculation": "text"}),
    ("openrouter", {"models": ["dear/model"]}),
    ("openrouter", {"plugins": [{"id": "web"}]}),
    ("openrouter", {"route": "fallback"}),
    ("openrouter", {"preset": "mine"}),
    ("openrouter", {"model": "openai/gpt-4o:online"}),
    ("openrouter", {"model": "openrouter/auto"}),
    ("openrouter", {"model": "openai/gpt-4o@preset/dear"}),
    ("openrouter", {"service_tier": "priority"}),
    ("openrouter", {"modalities": ["image", "text"]}),
    ("openrouter", {"tools": [{"type": "openrouter:web_search"}]}),
    ("cerebras", {"service_tier": "priority"}),
    ("perplexity", {"model": "sonar-deep-research"}),
    ("perplexity", {"web_search_options": {"search_type": "pro"}}),
    ("perplexity", {"web_search_options": {"search_type": "auto"}}),
    ("perplexity", {"web_search_options": "high"}),
    ("perplexity", {"stream_mode": "concise"}),
    ("perplexity", {"thread_id": "t"}),
    ("moonshot", {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]}),
    ("google", {"model": "gemini-3-pro-image-preview"}),
    ("google", {"extra_body": {"google": {"cached_content": "cachedContents/1"}}}),
    ("compatible", {"an_option_of_tomorrow": 1}),
    ("compatible", {"service_tier": "priority"}),
    ("compatible", {"web_search_options": {}}),
    *((name, {"prediction": {"type": "content"}}) for name in HOSTS if name != "local"),
    *((name, {"modalities": ["text", "audio"]}) for name in HOSTS),
    *((name, {"messages": [{"content": [{"type": "file"}]}]}) for name in HOSTS),
    *((name, {"messages": [{"content": [{"type": "video_url"}]}]}) for name in HOSTS),
]


@pytest.mark.parametrize(("name", "fields"), REFUSED, ids=lambda value: str(value)[:50])
def test_what_could_cost_more_is_refused(name: str, fields: dict[str, Any]) -> None:
    """Searches, tools, dearer tiers and other models never start unmetered."""
    with pytest.raises(Refused) as caught:
        read(name, **fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")


PASSING: list[tuple[str, dict[str, Any]]] = [
    ("groq", {"reasoning_format": "parsed", "documents": [], "service_tier": "on_demand"}),
    ("mistral", {"random_seed": 1, "safe_prompt": False, "service_tier": "standard_only"}),
    ("xai", {"deferred": False, "reasoning_effort": "high", "search_parameters": None}),
    ("together", {"chat_template_kwargs": {"enable_thinking": False}}),
    ("fireworks", {"thinking": {"type": "disabled"}, "service_tier": "auto"}),
    ("openrouter", {"provider": {"order": ["together"]}, "model": "deepseek/deepseek-chat:nitro"}),
    ("perplexity", {"web_search_options": {"search_type": "fast", "search_context_size": "high"}}),
    ("perplexity", {"web_search_options": {"search_context_size": "low"}, "search_mode": "sec"}),
    ("deepseek", {"thinking": {"type": "enabled"}}),
    ("local", {"guided_json": {}, "tools": [{"type": "anything"}], "web_search_options": {}}),
    *((name, dict.fromkeys(sorted(HARMLESS - {"model", "messages"}))) for name in HOSTS),
    *((name, {"some_new_option": None}) for name in HOSTS),
]


@pytest.mark.parametrize(("name", "fields"), PASSING, ids=lambda value: str(value)[:50])
def test_what_is_known_to_be_harmless_passes(name: str, fields: dict[str, Any]) -> None:
    """A host's own options that change no price are no reason to refuse; nor is null."""
    assert read(name, **fields).kind == "metered"


def test_a_refusal_names_the_option_and_never_its_value() -> None:
    """The agent is told what to leave out; an odd name is not repeated."""
    with pytest.raises(Refused, match="`speculation`"):
        read("fireworks", speculation="secret")
    with pytest.raises(Refused) as caught:
        read("groq", **{"odd `name`\n": "secret"})
    assert "odd" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", HOSTS)
def test_the_cap_is_written_where_the_host_heeds_it(name: str) -> None:
    """Without one the host's own key is written; a key that it ignores neither counts nor caps."""
    dialect = next(each for each in DIALECTS if each.name == name)
    changes = written(name, Grant(5))
    assert {key for key in changes if key.startswith("max_")} == {dialect.caps[0]}
    for key in ("max_tokens", "max_completion_tokens"):
        facts, after = read(name, **{key: 9}), written(name, Grant(5), **{key: 9})
        if key in dialect.caps:
            assert (facts.output_tokens_cap, after) == (9, {key: 5})
        else:
            assert (facts.output_tokens_cap, after[dialect.caps[0]]) == (None, 5)


def test_together_is_told_to_shorten_rather_than_refuse() -> None:
    """A cap that AEX set may be longer than what is left of the window; the client's wish wins."""
    key = "context_length_exceeded_behavior"
    assert written("together", Grant(5)) == {"max_tokens": 5, key: "truncate"}
    assert written("together", Grant(5), **{key: "error"}) == {"max_tokens": 5}
    assert written("together", Grant(5), max_tokens=9) == {"max_tokens": 5}


@pytest.mark.parametrize("name", HOSTS)
def test_usage_is_asked_for_only_where_that_is_understood(name: str) -> None:
    """Where usage comes by itself the body stays as it is, and nothing is hidden."""
    asks = next(each for each in DIALECTS if each.name == name).asks_usage
    changes = written(name, Grant(), stream=True)
    assert changes == ({"stream_options": {"include_usage": True}} if asks else {})
    assert read(name, stream=True).usage_wanted is not asks


def test_one_model_of_many_sellers_has_a_price_limit() -> None:
    """OpenRouter may choose only among those no dearer than the price that was admitted."""
    grant = Grant(usd_per_mtok=(Decimal(3), Decimal("15.5")))
    ours = {"prompt": 3, "completion": 15.5}
    assert written("openrouter", grant) == {"provider": {"max_price": ours}}
    provider = {"order": ["together"], "max_price": {"prompt": 1, "completion": 99, "image": 2}}
    assert written("openrouter", grant, provider=provider) == {
        "provider": {**provider, "max_price": {"prompt": 1, "completion": 15.5, "image": 2}}
    }
    for odd in ("1", True, None, [1], 10**30):
        limits = {"max_price": {"prompt": odd, "completion": odd}}
        assert written("openrouter", grant, provider=limits)["provider"]["max_price"] == ours
    for odd in ("x", [], 3):
        with pytest.raises(Refused, match="must be an object"):
            read("openrouter", provider=odd)
        with pytest.raises(Refused, match="must be an object"):
            read("openrouter", provider={"max_price": odd})
    assert written("groq", grant) == {}


def test_pictures_are_bounded_by_what_is_published() -> None:
    """Where no maximum per picture is known the model's window bounds them, and that is said."""
    for name in HOSTS:
        facts = read(name, messages=PICTURE)
        assert facts.modalities == {"text", "image"}
        assert facts.input_unseen is (name not in ("azure", "local"))


def test_room_for_templates_and_normal_forms() -> None:
    """Open models' templates may add a prompt, and their vocabularies may lengthen a text."""
    wide = [{"role": "user", "content": "\ufdfa" * 10}]
    plain = read("azure", messages=wide).input_tokens_max
    assert read("groq", messages=wide).input_tokens_max >= plain + PREAMBLE + 10 * 30
    assert read("local", messages=wide).input_tokens_max >= plain + 10 * 30


def test_the_path_s_model_is_the_model() -> None:
    """A deployment named by the path is what is priced, whatever the body says."""
    request = replace(call(model="cheap"), path_model="dear")
    assert BY_NAME["azure"].read(request).model == "dear"
