"""The provider table: who lives where, and which format speaks for a call."""

from __future__ import annotations

import pytest

from providers import registry
from providers.mcp_server import server
from providers.openai_chat import OPENAI_CHAT
from providers.paths import canonical
from providers.subscriptions import METERED
from providers.wire import Call

OPENAI = next(provider for provider in registry.PROVIDERS if provider.id == "openai")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("POST /v1/chat/completions", "openai_chat"),
        ("POST /v1/embeddings", "openai_embeddings"),
        ("GET /v1/models", "openai_free"),
        ("GET /v1/chat/completions/chatcmpl-1", "openai_free"),
        ("POST /v1/some/new/thing", None),
        ("GET /v1/chat/completions/", None),
    ],
)
def test_each_call_has_one_format_or_none(line: str, name: str | None) -> None:
    """A call goes to the format, of those its provider speaks, that claims it; others to none."""
    method, _, path = line.partition(" ")
    call = Call("openai", method, path, "", {}, b"")
    found = registry.find(call, OPENAI.formats)
    assert (found.name if found else None) == name
    assert registry.find(call, ()) is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("POST /v1/models/gemini-3.8-flash:generateContent", "gemini_generate"),
        ("POST /v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse", "gemini_generate"),
        ("POST /v1beta/models/gemini-3.8-flash:streamGenerateContent", "gemini_array"),
        ("POST /v1beta/models/gemini-embedding-001:batchEmbedContents", "gemini_embed"),
        ("POST /v1beta/models/gemini-3.8-flash:countTokens", "gemini_free"),
        ("GET /v1beta/models", "gemini_free"),
        ("POST /v1beta/interactions", None),
        ("POST /v1beta/models/veo-3.1:predictLongRunning", None),
        ("POST /v1beta/openai/chat/completions", None),
    ],
)
def test_googles_hosts_speak_gemini(line: str, name: str | None) -> None:
    """Each call of the two hosts has one format or none."""
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    for provider in registry.PROVIDERS:
        if provider.id in ("google", "google-vertex"):
            found = registry.find(Call("", method, path, query, {}, b""), provider.formats)
            assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("POST /v2/chat", "cohere_chat"),
        ("POST /v1/chat", "cohere_chat_v1"),
        ("POST /v1/embed", "cohere_embed"),
        ("POST /v2/rerank", "cohere_rerank"),
        ("POST /v1/tokenize", "cohere_free"),
        ("POST /v1/embeddings", None),
    ],
)
def test_coheres_calls(line: str, name: str | None) -> None:
    """Both versions of Cohere's API, and none of OpenAI's paths."""
    method, _, path = line.partition(" ")
    cohere = next(provider for provider in registry.PROVIDERS if provider.id == "cohere")
    found = registry.find(Call("cohere", method, path, "", {}, b""), cohere.formats)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("POST /v1/chat/completions", "mistral_chat"),
        ("POST /v1/fim/completions", "mistral_fim"),
        ("POST /v1/ocr", "mistral_ocr"),
        ("POST /v1/embeddings", "compatible_embeddings"),
        ("GET /v1/models", "compatible_free"),
        ("POST /v1/agents/completions", None),
        ("POST /v1/chat/moderations", None),
        ("POST /v1/files", None),
    ],
)
def test_mistrals_calls(line: str, name: str | None) -> None:
    """Its own endpoints beside those that it shares with OpenAI."""
    method, _, path = line.partition(" ")
    mistral = next(provider for provider in registry.PROVIDERS if provider.id == "mistral")
    found = registry.find(Call("mistral", method, path, "", {}, b""), mistral.formats)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("provider", "line", "name"),
    [
        ("openai", "POST /v1/batches", "openai_batches"),
        ("openai", "POST /v1/files", "openai_batches"),
        ("groq", "POST /openai/v1/batches", "groq_batches"),
        ("groq", "GET /openai/v1/files/f/content", "groq_batches"),
        ("anthropic", "POST /v1/messages/batches", "anthropic_batches"),
        ("azure", "POST /openai/v1/batches", None),
        ("together", "POST /v1/batches", None),
        ("fireworks", "POST /inference/v1/batches", None),
        ("mistral", "POST /v1/batch/jobs", None),
        ("mistral", "POST /v1/files", None),
        ("google", "POST /v1beta/models/gemini-3.8-flash:batchGenerateContent", None),
        ("google", "POST /v1beta/openai/batches", None),
        ("google-vertex", "POST /v1/projects/p/locations/l/batchPredictionJobs", None),
        ("aws", "POST /model-invocation-job", None),
        ("cohere", "POST /v1/embed-jobs", None),
        ("vllm", "POST /v1/batches", None),
    ],
)
def test_whose_batches_are_metered(provider: str, line: str, name: str | None) -> None:
    """Those whose format and prices are known; no other may be begun."""
    row = next(each for each in registry.PROVIDERS if each.id == provider)
    method, _, path = line.partition(" ")
    theirs, model = canonical(row.nests, path)
    call = Call(provider, method, path, "", {}, b"", canonical=theirs, path_model=model)
    found = registry.find(call, row.formats)
    assert (found.name if found else None) == name


def test_hosts_and_prefixes_belong_to_one_provider() -> None:
    """No id, no host and no prefix is claimed twice, and every named format exists."""
    names = {each.name for each in registry.FORMATS}
    ids = [provider.id for provider in registry.PROVIDERS]
    hosts = [host for provider in registry.PROVIDERS for host in provider.hosts]
    prefixes = [ours for provider in registry.PROVIDERS for ours, _ in provider.base_prefixes]
    for claimed in (names, ids, hosts, prefixes):
        assert len(claimed) == len(set(claimed))
    for provider in registry.PROVIDERS:
        assert set(provider.formats) <= names


def test_every_format_is_spoken_by_someone() -> None:
    """A format that no provider of the table names would meter nothing."""
    spoken = {name for provider in registry.PROVIDERS for name in provider.formats}
    spoken |= {name for names in METERED.values() for name in names}
    spoken |= set(server("mcp", "https://mcp.example.com", "/mcp").formats)
    assert {each.name for each in registry.FORMATS} <= spoken


@pytest.mark.parametrize("name", sorted(registry.FAMILIES))
@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("price_as", ["", "openai", "azure", "groq"])
def test_every_family_is_spoken(name: str, free: bool, price_as: str) -> None:
    """Whatever aex.toml may name stands for formats that there are, a conversation among them."""
    found = registry.family(name, price_as=price_as, free=free)
    assert set(found) <= {each.name for each in registry.FORMATS}
    assert any(each.endswith(("_chat", "_generate", "_messages", "_converse")) for each in found)


def test_compatible_with_openai() -> None:
    """Who sells OpenAI's models takes OpenAI's caps; a free server is asked for less."""
    assert registry.family("openai")[0] == "compatible_chat"
    assert registry.family("openai", price_as="openai")[0] == "openai_chat"
    assert registry.family("openai", price_as="azure")[0] == "azure_chat"
    assert registry.family("openai", free=True)[0] == "local_chat"
    assert registry.family("groq", price_as="openai")[0] == "groq_chat"
    assert registry.family("gemini")[0] == "gemini_generate"


def test_a_refusal_takes_the_shape_of_the_path() -> None:
    """The format that speaks for the path, else the first of the provider's, else OpenAI's."""
    assert registry.error_format(OPENAI.formats, "POST", "/v1/embeddings").name == (
        "openai_embeddings"
    )
    assert registry.error_format(OPENAI.formats, "POST", "/nowhere").name == OPENAI.formats[0]
    assert registry.error_format((), "POST", "/v1/embeddings") is OPENAI_CHAT
