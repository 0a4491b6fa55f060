"""The hosts that speak OpenAI's formats, as data: where each is, and where it keeps the paths.

Owns: these rows. Refuses to know: how the hosts' answers differ (openai_dialects.py), prices.
Above each row stands the address of the document it follows; ids are the price catalogue's.

Every host is its own upstream, so that a region stays the region that was asked. Rows without an
upstream belong to the customer (Azure) or stand on the customer's machine: a default would lead an
agent to somebody else's. They come to life with `upstream` in aex.toml.
"""

from __future__ import annotations

from providers.provider import KeyHeader, Provider

# Every host has these two; what else a host gives away, OpenAI may bill, and the other way round.
_TEXT = ("compatible_embeddings", "compatible_free")
# With and without the version: `/v1/chat/completions` and `/chat/completions`.
_BARE = (("/v1", "/v1"), ("", "/v1"))


def _prefixes(name: str, base: str) -> tuple[tuple[str, str], ...]:
    """The host's own paths below its name, and below `name/v1` what OpenAI SDKs append."""
    return ((name, ""),) if base == "/v1" else ((name, ""), (f"{name}/v1", base))


HOSTS: tuple[Provider, ...] = (
    # https://console.groq.com/docs/openai
    Provider(
        id="groq",
        hosts=("api.groq.com",),
        upstream="https://api.groq.com",
        base_prefixes=_prefixes("/groq", "/openai/v1"),
        api_key_env="GROQ_API_KEY",
        formats=(
            *("groq_chat", "groq_responses", "groq_transcription", "groq_batches"),
            "compatible_free",
        ),
        openai_base="/openai/v1",
        nests=(("/openai/v1", "/v1"),),
    ),
    # https://api-docs.deepseek.com/ (and `/beta` for prefixes, billed alike)
    Provider(
        id="deepseek",
        hosts=("api.deepseek.com",),
        upstream="https://api.deepseek.com",
        base_prefixes=_prefixes("/deepseek", "/v1"),
        api_key_env="DEEPSEEK_API_KEY",
        formats=("deepseek_chat", "deepseek_responses", "compatible_free"),
        nests=(("/beta", "/v1"), *_BARE),
    ),
    # https://docs.mistral.ai/api/
    Provider(
        id="mistral",
        hosts=("api.mistral.ai",),
        upstream="https://api.mistral.ai",
        base_prefixes=_prefixes("/mistral", "/v1"),
        api_key_env="MISTRAL_API_KEY",
        formats=("mistral_chat", "mistral_fim", "mistral_ocr", *_TEXT),
        nests=(("/v1", "/v1"),),
    ),
    # https://docs.x.ai/docs/api-reference, https://docs.x.ai/docs/key-information/regions
    Provider(
        id="x-ai",
        hosts=("api.x.ai", "us-east-1.api.x.ai", "eu-west-1.api.x.ai"),
        upstream="https://api.x.ai",
        base_prefixes=(*_prefixes("/x-ai", "/v1"), ("/xai", "")),
        api_key_env="XAI_API_KEY",
        formats=("xai_chat", "xai_responses", "compatible_free"),
        nests=(("/v1", "/v1"),),
    ),
    # https://docs.together.ai/docs/openai-api-compatibility
    Provider(
        id="together",
        hosts=("api.together.xyz", "api.together.ai"),
        upstream="https://api.together.xyz",
        base_prefixes=_prefixes("/together", "/v1"),
        api_key_env="TOGETHER_API_KEY",
        formats=("together_chat", "together_responses", *_TEXT),
        nests=(("/v1", "/v1"),),
    ),
    # https://docs.fireworks.ai/tools-sdks/openai-compatibility
    Provider(
        id="fireworks",
        hosts=("api.fireworks.ai",),
        upstream="https://api.fireworks.ai",
        base_prefixes=_prefixes("/fireworks", "/inference/v1"),
        api_key_env="FIREWORKS_API_KEY",
        formats=("fireworks_chat", "fireworks_responses", *_TEXT),
        openai_base="/inference/v1",
        nests=(("/inference/v1", "/v1"),),
    ),
    # https://openrouter.ai/docs/api-reference/overview
    Provider(
        id="openrouter",
        hosts=("openrouter.ai", "eu.openrouter.ai"),
        upstream="https://openrouter.ai",
        base_prefixes=_prefixes("/openrouter", "/api/v1"),
        api_key_env="OPENROUTER_API_KEY",
        formats=("openrouter_chat", "openrouter_responses", "compatible_free"),
        openai_base="/api/v1",
        nests=(("/api/v1", "/v1"),),
    ),
    # https://inference-docs.cerebras.ai/resources/openai
    Provider(
        id="cerebras",
        hosts=("api.cerebras.ai",),
        upstream="https://api.cerebras.ai",
        base_prefixes=_prefixes("/cerebras", "/v1"),
        api_key_env="CEREBRAS_API_KEY",
        formats=("cerebras_chat", "compatible_free"),
        nests=(("/v1", "/v1"),),
    ),
    # https://docs.perplexity.ai/guides/chat-completions-guide
    Provider(
        id="perplexity",
        hosts=("api.perplexity.ai",),
        upstream="https://api.perplexity.ai",
        base_prefixes=_prefixes("/perplexity", "/v1"),
        api_key_env="PERPLEXITY_API_KEY",
        formats=("perplexity_chat", "compatible_free"),
        openai_base="",
        nests=(("/v1/sonar", "/v1/chat/completions"), *_BARE),
    ),
    # https://platform.kimi.ai/docs/api/chat; api.moonshot.cn is another platform, with other keys.
    Provider(
        id="moonshotai",
        hosts=("api.moonshot.ai",),
        upstream="https://api.moonshot.ai",
        base_prefixes=(*_prefixes("/moonshotai", "/v1"), ("/moonshot", "")),
        api_key_env="MOONSHOT_API_KEY",
        formats=("moonshot_chat", "compatible_free"),
        nests=(("/v1", "/v1"),),
    ),
    # https://learn.microsoft.com/azure/ai-foundry/openai/reference (deployments, `/openai/v1`)
    # https://learn.microsoft.com/rest/api/aifoundry/modelinference/ (`/models`)
    Provider(
        id="azure",
        hosts=(),
        upstream="",
        base_prefixes=_prefixes("/azure", "/openai/v1"),
        api_key_env="AZURE_OPENAI_API_KEY",
        formats=("azure_chat", "azure_responses", "openai_embeddings", "compatible_free"),
        key_header=KeyHeader("api-key", ""),
        openai_base="/openai/v1",
        nests=(
            ("/openai/deployments/{model}", "/v1"),
            ("/openai/v1", "/v1"),
            ("/openai", "/v1"),
            ("/models", "/v1"),
        ),
        own_names=True,
    ),
    # https://docs.github.com/copilot/reference/copilot-allowlist-reference
    Provider(
        id="github-copilot",
        hosts=(
            "api.githubcopilot.com",
            "api.individual.githubcopilot.com",
            "api.business.githubcopilot.com",
            "api.enterprise.githubcopilot.com",
        ),
        upstream="https://api.githubcopilot.com",
        base_prefixes=(*_prefixes("/github-copilot", "/v1"), ("/copilot", "")),
        api_key_env="COPILOT_GITHUB_TOKEN",
        formats=("copilot_chat", "copilot_responses", *_TEXT),
        openai_base="",
        nests=_BARE,
    ),
    # https://huggingface.co/docs/inference-providers/index
    Provider(
        id="huggingface",
        hosts=("router.huggingface.co",),
        upstream="https://router.huggingface.co",
        base_prefixes=_prefixes("/huggingface", "/v1"),
        api_key_env="HF_TOKEN",
        formats=("compatible_chat", "compatible_responses", "compatible_free"),
        nests=(("/v1", "/v1"),),
        price_as="huggingface_{suffix}",
    ),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    Provider(
        id="vllm",
        hosts=(),
        upstream="",
        base_prefixes=_prefixes("/vllm", "/v1"),
        api_key_env="VLLM_API_KEY",
        formats=("local_chat", "local_responses", *_TEXT),
        nests=_BARE,
        free=True,
    ),
    # https://lmstudio.ai/docs/app/api/endpoints/openai
    Provider(
        id="lmstudio",
        hosts=(),
        upstream="",
        base_prefixes=_prefixes("/lmstudio", "/v1"),
        api_key_env="LM_API_TOKEN",
        formats=("local_chat", "local_responses", *_TEXT),
        nests=_BARE,
        free=True,
    ),
    # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    Provider(
        id="llamacpp",
        hosts=(),
        upstream="",
        base_prefixes=_prefixes("/llamacpp", "/v1"),
        api_key_env="LLAMA_API_KEY",
        formats=("local_chat", "local_responses", *_TEXT),
        nests=_BARE,
        free=True,
    ),
    # https://docs.ollama.com/openai, and its own API below /api: https://docs.ollama.com/api
    Provider(
        id="ollama",
        hosts=(),
        upstream="",
        base_prefixes=_prefixes("/ollama", "/v1"),
        api_key_env="OLLAMA_API_KEY",
        formats=(
            "local_chat",
            "local_responses",
            *_TEXT,
            "ollama_chat",
            "ollama_embed",
            "ollama_free",
        ),
        nests=(("/v1", "/v1"), ("/api", "/api")),
        free=True,
    ),
)
