"""Paths of hosts and what they are in the format's own terms."""

from __future__ import annotations

import pytest

from providers.openai_chat import CHATS
from providers.paths import canonical, of_openai
from providers.provider import Provider
from providers.registry import PROVIDERS, find
from providers.wire import Call

NESTS = {provider.id: provider.nests for provider in PROVIDERS}
FORMATS = {provider.id: provider.formats for provider in PROVIDERS}
CHAT, MODELS, EMBED = "/v1/chat/completions", "/v1/models", "/v1/embeddings"

# Each as the host's documentation has it (the address stands above its row).
DOCUMENTED = [
    ("openai", "/v1/chat/completions", CHAT),
    ("groq", "/openai/v1/audio/transcriptions", "/v1/audio/transcriptions"),
    ("groq", "/openai/v1/chat/completions", CHAT),
    ("groq", "/openai/v1/models", MODELS),
    ("deepseek", "/chat/completions", CHAT),
    ("deepseek", "/v1/chat/completions", CHAT),
    ("deepseek", "/beta/chat/completions", CHAT),
    ("deepseek", "/models", MODELS),
    ("deepseek", "/user/balance", "/v1/user/balance"),
    ("mistral", "/v1/chat/completions", CHAT),
    ("mistral", "/v1/embeddings", EMBED),
    ("mistral", "/v1/models", MODELS),
    ("mistral", "/v1/fim/completions", "/v1/fim/completions"),
    ("mistral", "/v1/ocr", "/v1/ocr"),
    ("x-ai", "/v1/chat/completions", CHAT),
    ("x-ai", "/v1/models", MODELS),
    ("together", "/v1/chat/completions", CHAT),
    ("together", "/v1/embeddings", EMBED),
    ("fireworks", "/inference/v1/chat/completions", CHAT),
    ("fireworks", "/inference/v1/embeddings", EMBED),
    ("fireworks", "/inference/v1/models", MODELS),
    ("openrouter", "/api/v1/chat/completions", CHAT),
    ("openrouter", "/api/v1/models", MODELS),
    ("openrouter", "/api/v1/key", "/v1/key"),
    ("cerebras", "/v1/chat/completions", CHAT),
    ("cerebras", "/v1/models", MODELS),
    ("perplexity", "/chat/completions", CHAT),
    ("perplexity", "/v1/sonar", CHAT),
    ("moonshotai", "/v1/chat/completions", CHAT),
    ("moonshotai", "/v1/users/me/balance", "/v1/users/me/balance"),
    ("azure", "/openai/deployments/gpt-4o/chat/completions", CHAT),
    ("azure", "/openai/deployments/my.embed_2/embeddings", EMBED),
    ("azure", "/openai/v1/chat/completions", CHAT),
    ("azure", "/openai/v1/embeddings", EMBED),
    ("azure", "/openai/models", MODELS),
    ("azure", "/models/chat/completions", CHAT),
    ("github-copilot", "/chat/completions", CHAT),
    ("github-copilot", "/embeddings", EMBED),
    ("github-copilot", "/models", MODELS),
    ("google", "/v1beta/openai/chat/completions", CHAT),
    ("google", "/v1beta/openai/embeddings", EMBED),
    ("google", "/v1beta/openai/models", MODELS),
    ("huggingface", "/v1/chat/completions", CHAT),
    ("huggingface", "/v1/models", MODELS),
    ("vllm", "/v1/chat/completions", CHAT),
    ("lmstudio", "/v1/chat/completions", CHAT),
    ("llamacpp", "/v1/chat/completions", CHAT),
    ("llamacpp", "/chat/completions", CHAT),
    ("ollama", "/v1/chat/completions", CHAT),
]
# What a host has beside these costs money, or is something else there than at OpenAI.
UNSPOKEN = [
    ("POST", "groq", "/openai/v1/audio/speech"),
    ("POST", "groq", "/v1/chat/completions"),
    ("POST", "deepseek", "/beta/completions"),
    ("POST", "deepseek", "/anthropic/v1/messages"),
    ("POST", "mistral", "/v1/moderations"),
    ("POST", "mistral", "/v1/classifications"),
    ("POST", "mistral", "/v1/agents/completions"),
    ("POST", "mistral", "/v1/conversations"),
    ("POST", "x-ai", "/v1/images/generations"),
    ("GET", "x-ai", "/v1/chat/deferred-completion/r"),
    ("POST", "together", "/v1/rerank"),
    ("POST", "fireworks", "/v1/chat/completions"),
    ("GET", "fireworks", "/v1/models"),
    ("POST", "fireworks", "/v1/accounts/a/deployments"),
    ("POST", "openrouter", "/v1/chat/completions"),
    ("GET", "openrouter", "/docs"),
    ("POST", "perplexity", "/search"),
    ("POST", "perplexity", "/v1/sonar/x"),
    ("POST", "perplexity", "/async/chat/completions"),
    ("POST", "azure", "/openai/deployments/d/extensions/chat/completions"),
    ("POST", "azure", "/openai/deployments/d/images/generations"),
    ("POST", "azure", "/openai/deployments/../chat/completions"),
    ("POST", "azure", "/openai/deployments/a%2Fb/chat/completions"),
    ("POST", "azure", "/openai/deployments/chat/completions"),
    ("POST", "azure", "/v1/chat/completions"),
    ("POST", "google", "/v1beta/chat/completions"),
    ("POST", "google", "/v1beta/openai/images/generations"),
    ("POST", "huggingface", "/novita/v3/openai/chat/completions"),
    ("POST", "vllm", "/v1/completions"),
    ("POST", "ollama", "/api/pull"),
    ("DELETE", "ollama", "/api/delete"),
]


@pytest.mark.parametrize(("provider", "path", "theirs"), DOCUMENTED)
def test_documented_paths_have_their_format(provider: str, path: str, theirs: str) -> None:
    """Each host's own path is known for what it is, and one of its formats speaks for it."""
    found, model = canonical(NESTS[provider], path)
    call = Call(
        provider,
        "GET" if "models" in theirs or "balance" in theirs or theirs == "/v1/key" else "POST",
        path,
        "",
        {},
        b"",
        canonical=found,
        path_model=model,
    )
    assert call.route == theirs
    assert find(call, FORMATS[provider]) is not None


@pytest.mark.parametrize(("method", "provider", "path"), UNSPOKEN)
def test_other_paths_have_none(method: str, provider: str, path: str) -> None:
    """What is not known to be one of a host's paths is claimed by no format, so it is refused."""
    found, model = canonical(NESTS[provider], path)
    call = Call(provider, method, path, "", {}, b"", canonical=found, path_model=model)
    assert find(call, FORMATS[provider]) is None


def test_every_host_is_documented_here() -> None:
    """No row is without an example of its chat completions."""
    chats = {each.name for each in CHATS}
    chatting = {id_ for id_, names in FORMATS.items() if chats & set(names)}
    assert chatting <= {provider for provider, _, theirs in DOCUMENTED if theirs == CHAT}


def test_a_deployment_is_the_model() -> None:
    """Azure's path names the model; its other paths leave that to the body."""
    azure = NESTS["azure"]
    path = "/openai/deployments/prod-chat.2/chat/completions"
    assert canonical(azure, path) == (CHAT, "prod-chat.2")
    assert canonical(azure, "/openai/v1/chat/completions") == (CHAT, None)


def test_without_nests_a_path_is_canonical_as_it_is() -> None:
    """The inventor's own paths need no translation."""
    assert canonical((), "/anything") == (None, None)


@pytest.mark.parametrize(
    ("path", "theirs"),
    [("/a", "/z"), ("/a/b", "/y"), ("/a/bc", "/z/bc"), ("/a/b/c", "/y/c"), ("/ab", ""), ("/", "")],
)
def test_the_first_nest_that_fits_counts(path: str, theirs: str) -> None:
    """A nest fits whole segments: itself and what lies below it."""
    assert canonical((("/a/b", "/y"), ("/a", "/z")), path)[0] == theirs


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", "/v1/chat/completions"),
        ("groq", "/openai/v1/chat/completions"),
        ("deepseek", "/v1/chat/completions"),
        ("google", "/v1beta/openai/chat/completions"),
        ("perplexity", "/chat/completions"),
        ("github-copilot", "/chat/completions"),
        ("openrouter", "/api/v1/chat/completions"),
        ("fireworks", "/inference/v1/chat/completions"),
        ("azure", "/openai/v1/chat/completions"),
        ("ollama", "/v1/chat/completions"),
    ],
)
def test_where_a_provider_has_openai_s_paths(provider: str, path: str) -> None:
    """What is asked of it there is what was asked of OpenAI, and it speaks it."""
    (row,) = [each for each in PROVIDERS if each.id == provider]
    assert of_openai(row, CHAT) == path
    found, model = canonical(row.nests, path)
    assert (found or path, model) == (CHAT, None)
    assert find(Call(provider, "POST", path, "", {}, b"", canonical=found), row.formats)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.id)
def test_the_way_back_is_the_way(provider: Provider) -> None:
    """A path that is found for one of OpenAI's is read as that one; what is none has no place."""
    for path in (CHAT, "/v1/embeddings", "/v1/responses"):
        theirs = of_openai(provider, path)
        assert theirs is not None
        assert (canonical(provider.nests, theirs)[0] or theirs) == path
    assert of_openai(provider, "/health") is None
