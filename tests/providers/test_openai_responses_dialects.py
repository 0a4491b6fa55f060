"""Responses at other hosts: only what is known to be harmless there passes, and is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from providers.openai_dialects import PREAMBLE
from providers.openai_responses import HOSTED_RESPONSES, OPENAI_RESPONSES, PATH, OpenAIResponses
from providers.openai_responses_dialects import HOSTED_DIALECTS
from providers.paths import canonical
from providers.prices import PriceBook
from providers.registry import PROVIDERS, find
from providers.wire import Call, Facts, Grant, Refused, Stored
from tests.providers.catalogue import AT
from tests.providers.contract import WireFormatContract

BY_NAME = {each.name.removesuffix("_responses"): each for each in HOSTED_RESPONSES}
DIALECTS = {dialect.chat.name: dialect for dialect in HOSTED_DIALECTS}
CHARGING = sorted(BY_NAME.keys() - {"local"})
FORGETFUL = sorted(name for name, dialect in DIALECTS.items() if not dialect.keeps)
PICTURE = [
    {"role": "user", "content": [{"type": "input_image", "image_url": "https://x.example/a"}]}
]
FILE = [{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}]
FUNCTION = {"type": "function", "name": "f", "parameters": {}}


def call(model: str = "m", /, **fields: Any) -> Call:
    body = json.dumps({"model": model, "input": "Hello", **fields}).encode()
    earlier = {"resp_1": Stored("m", 1000)}
    return Call("any", "POST", "/own/path", "", {}, body, canonical=PATH, earlier=earlier)


def read(name: str, model: str = "m", /, **fields: Any) -> Facts:
    return BY_NAME[name].read(call(model, **fields))


class TestContract(WireFormatContract):
    """Every dialect but OpenAI's own (which test_openai_responses_meter.py holds to it)."""

    @pytest.fixture(autouse=True, params=sorted(BY_NAME))
    def dialect(self, request: pytest.FixtureRequest) -> None:
        self.wire_format: OpenAIResponses = BY_NAME[request.param]
        self.default = Call("any", "POST", "/own/path", "", {}, b"", canonical=PATH)


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("azure", "/openai/v1/responses"),
        ("azure", "/openai/responses"),
        ("groq", "/openai/v1/responses"),
        ("deepseek", "/v1/responses"),
        ("deepseek", "/responses"),
        ("x-ai", "/v1/responses"),
        ("together", "/v1/responses"),
        ("fireworks", "/inference/v1/responses"),
        ("openrouter", "/api/v1/responses"),
        ("github-copilot", "/responses"),
        ("huggingface", "/v1/responses"),
        ("vllm", "/v1/responses"),
        ("lmstudio", "/v1/responses"),
        ("llamacpp", "/v1/responses"),
        ("ollama", "/v1/responses"),
    ],
)
def test_each_host_has_its_own(provider: str, path: str) -> None:
    """Under its own path, in the dialect of its chat, and only by POST."""
    row = next(each for each in PROVIDERS if each.id == provider)
    theirs, _ = canonical(row.nests, path)
    found = find(Call(provider, "POST", path, "", {}, b"", canonical=theirs), row.formats)
    chat = next(name for name in row.formats if name.endswith("_chat"))
    assert found is not None
    assert found.name == chat.replace("_chat", "_responses")
    listed = find(Call(provider, "GET", path, "", {}, b"", canonical=theirs), row.formats)
    assert listed is None


@pytest.mark.parametrize("name", CHARGING)
@pytest.mark.parametrize(
    "fields",
    [
        {"some_new_option": True},
        {"prompt": {"id": "pmpt_1"}},
        {"background": True},
        {"reasoning": {"mode": "pro"}},
        {"service_tier": "priority"},
        {"service_tier": "ultrafast"},
        {"plugins": [{"id": "web"}]},
        {"models": ["other"]},
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs"]}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        {"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x"}]},
        {"tools": [{"type": "x_search"}]},
        {"tools": [{"type": "openrouter:web_search"}]},
        {"tools": [{"type": "image_generation"}]},
        {"search_parameters": {"mode": "on"}},
    ],
    ids=lambda fields: json.dumps(fields)[:40],
)
def test_what_could_cost_more_is_refused(name: str, fields: dict[str, Any]) -> None:
    """Dearer tiers, tools that the host runs, and whatever is not known."""
    with pytest.raises(Refused) as caught:
        read(name, **fields)
    assert caught.value.denial.status == 403


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("groq", "groq/compound"),
        ("openrouter", "openai/gpt-4o:online"),
        ("openrouter", "openrouter/auto"),
        ("xai", "grok-4.20-multi-agent"),
        ("azure", "gpt-4o-search-preview"),
    ],
)
def test_models_that_search_or_multiply_are_refused(name: str, model: str) -> None:
    """As in the host's chat: nothing in a request bounds what they do."""
    with pytest.raises(Refused) as caught:
        read(name, model)
    assert caught.value.denial.status == 403


@pytest.mark.parametrize("name", FORGETFUL)
@pytest.mark.parametrize("key", ["previous_response_id", "conversation"])
def test_nothing_goes_on_from_what_a_host_does_not_keep(name: str, key: str) -> None:
    """Such a request would be answered with an error, or without what it goes on from."""
    with pytest.raises(Refused, match=key):
        read(name, **{key: "resp_1"})


@pytest.mark.parametrize("name", ["azure", "xai", "fireworks"])
def test_a_call_goes_on_from_what_a_host_keeps(name: str) -> None:
    """What was seen is added; what nobody here saw is bounded by the window."""
    seen = read(name, previous_response_id="resp_1")
    assert seen.input_tokens_max >= read(name).input_tokens_max + 1000
    assert (seen.input_unseen, read(name, previous_response_id="resp_2").input_unseen) == (
        *(False, True),
    )


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_pictures_and_files(name: str) -> None:
    """OpenAI's bounds on pictures hold for its models alone; files are read for a fee elsewhere."""
    chat = DIALECTS[name].chat
    assert read(name, input=PICTURE).input_unseen is not chat.bounds_pictures
    if DIALECTS[name].files:
        assert read(name, input=FILE).input_unseen
    else:
        with pytest.raises(Refused, match="file"):
            read(name, input=FILE)


def test_open_models_may_have_any_vocabulary() -> None:
    """Their templates add a prompt, and their vocabularies may normalise what is sent."""
    wide = "\ufdfa" * 100
    for name in ("groq", "compatible"):
        bound = read(name, input=wide).input_tokens_max
        plain = OPENAI_RESPONSES.read(call(input=wide)).input_tokens_max
        assert bound > plain + PREAMBLE + 1000


def test_one_s_own_server_may_be_asked_anything() -> None:
    """It costs nothing, so its options and tools are its owner's business."""
    facts = read("local", tools=[{"type": "mcp"}, FUNCTION], top_k=3, guided_choice=["a"])
    assert (facts.kind, facts.server_calls_max, facts.premium_tier) == ("metered", 0, False)
    row = next(each for each in PROVIDERS if each.id == "vllm")
    price = PriceBook(providers=[row]).price("vllm", "m", AT)
    assert price.quote(read("local", service_tier="priority")).fixed_nanousd == 0


def test_a_cap_and_the_limit_of_a_seller() -> None:
    """The cap goes into the one field that all of them heed; OpenRouter gets its prices too."""
    grant = Grant(7, usd_per_mtok=(Decimal(1), Decimal(2)))
    for name in sorted(BY_NAME):
        request = call(max_output_tokens=99)
        sent = json.loads(BY_NAME[name].patch(request, BY_NAME[name].read(request), grant))
        assert sent["max_output_tokens"] == 7
        limits = {"max_price": {"prompt": 1, "completion": 2}} if name == "openrouter" else None
        assert sent.get("provider") == limits


def test_azures_path_may_name_the_deployment() -> None:
    """Then it is the path that counts, whatever the body says."""
    request = call("cheap")
    named = replace(request, path_model="dear")
    assert BY_NAME["azure"].read(named).model == "dear"
