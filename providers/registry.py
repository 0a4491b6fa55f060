"""Which providers there are, where they live, and which wire formats they speak. All of it data.

Owns: the tables and look-ups in them. Refuses to know: keys themselves, sockets, prices.
A new provider is a row (of OpenAI's kind: in hosts.py); a new API shape is a file and an entry in
FORMATS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from providers import bedrock_regions, vertex_regions
from providers.anthropic_batches import ANTHROPIC_BATCHES
from providers.anthropic_messages import ANTHROPIC_MESSAGES
from providers.anthropic_other import ANTHROPIC_FREE
from providers.bedrock_converse import BEDROCK_CONVERSE
from providers.bedrock_invoke import BEDROCK_INVOKE
from providers.bedrock_other import BEDROCK_FREE
from providers.cohere_chat import COHERE_CHAT
from providers.cohere_chat_v1 import COHERE_CHAT_V1
from providers.cohere_embed import COHERE_EMBED
from providers.cohere_other import COHERE_FREE
from providers.cohere_rerank import COHERE_RERANK
from providers.gemini_code_assist import CODE_ASSIST, CODE_ASSIST_FREE
from providers.gemini_embed import GEMINI_EMBED
from providers.gemini_generate import GEMINI_ARRAY, GEMINI_GENERATE
from providers.gemini_other import GEMINI_FREE
from providers.hosts import HOSTS
from providers.mcp import MCP
from providers.mcp_other import MCP_FREE
from providers.mistral_fim import MISTRAL_FIM
from providers.mistral_ocr import MISTRAL_OCR
from providers.ollama_chat import OLLAMA_CHAT
from providers.ollama_embed import OLLAMA_EMBED
from providers.ollama_other import OLLAMA_FREE
from providers.openai_batches import GROQ_BATCHES, OPENAI_BATCHES
from providers.openai_chat import CHATS, OPENAI_CHAT
from providers.openai_chatgpt import CHATGPT_RESPONSES
from providers.openai_completions import OPENAI_COMPLETIONS
from providers.openai_embeddings import COMPATIBLE_EMBEDDINGS, OPENAI_EMBEDDINGS
from providers.openai_images import OPENAI_IMAGES
from providers.openai_images_edit import OPENAI_IMAGES_EDIT
from providers.openai_other import COMPATIBLE_FREE, OPENAI_FREE
from providers.openai_realtime import OPENAI_REALTIME
from providers.openai_responses import HOSTED_RESPONSES, OPENAI_RESPONSES
from providers.openai_responses_compact import OPENAI_RESPONSES_COMPACT
from providers.openai_responses_ws import OPENAI_RESPONSES_SOCKET
from providers.openai_speech import OPENAI_SPEECH
from providers.openai_transcription import GROQ_TRANSCRIPTION, OPENAI_TRANSCRIPTION
from providers.provider import KeyHeader, Provider
from providers.subscriptions import REFUSED, SUBSCRIPTION_FREE, SUBSCRIPTIONS
from providers.vertex_chat import VERTEX_CHAT
from providers.vertex_claude import VERTEX_CLAUDE
from providers.wire import Call
from providers.wire_format import WireFormat

# In the order they are asked; the free paths last, so that a metered format always goes first.
FORMATS: tuple[WireFormat, ...] = (
    *CHATS,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
    *HOSTED_RESPONSES,
    OPENAI_RESPONSES_COMPACT,
    OPENAI_RESPONSES_SOCKET,
    CHATGPT_RESPONSES,
    OPENAI_REALTIME,
    OPENAI_EMBEDDINGS,
    COMPATIBLE_EMBEDDINGS,
    ANTHROPIC_MESSAGES,
    ANTHROPIC_BATCHES,
    OPENAI_BATCHES,
    GROQ_BATCHES,
    OPENAI_IMAGES,
    OPENAI_IMAGES_EDIT,
    OPENAI_SPEECH,
    OPENAI_TRANSCRIPTION,
    GROQ_TRANSCRIPTION,
    GEMINI_GENERATE,
    GEMINI_ARRAY,
    GEMINI_EMBED,
    CODE_ASSIST,
    VERTEX_CLAUDE,
    VERTEX_CHAT,
    BEDROCK_CONVERSE,
    BEDROCK_INVOKE,
    COHERE_CHAT,
    COHERE_CHAT_V1,
    COHERE_EMBED,
    COHERE_RERANK,
    MISTRAL_FIM,
    MISTRAL_OCR,
    OLLAMA_CHAT,
    OLLAMA_EMBED,
    MCP,
    OPENAI_FREE,
    COMPATIBLE_FREE,
    ANTHROPIC_FREE,
    GEMINI_FREE,
    CODE_ASSIST_FREE,
    BEDROCK_FREE,
    COHERE_FREE,
    OLLAMA_FREE,
    MCP_FREE,
    SUBSCRIPTION_FREE,
    *REFUSED,
)

_GEMINI = ("gemini_generate", "gemini_array", "gemini_embed", "gemini_free")

PROVIDERS: tuple[Provider, ...] = (
    # https://platform.openai.com/docs/api-reference/authentication
    Provider(
        id="openai",
        hosts=("api.openai.com",),
        upstream="https://api.openai.com",
        base_prefixes=(("/v1", "/v1"), ("/openai/v1", "/v1")),
        api_key_env="OPENAI_API_KEY",
        formats=(
            *("openai_chat", "openai_completions", "openai_responses", "openai_responses_compact"),
            *("openai_responses_ws", "openai_embeddings", "openai_images", "openai_speech"),
            *("openai_images_edit", "openai_transcription", "openai_batches"),
            *("openai_realtime_ws", "openai_free"),
        ),
    ),
    # https://platform.claude.com/docs/en/api/overview#authentication; the SDKs append /v1/messages
    # to a base URL, the AI SDK only /messages.
    Provider(
        id="anthropic",
        hosts=("api.anthropic.com",),
        upstream="https://api.anthropic.com",
        base_prefixes=(("/anthropic/messages", "/v1/messages"), ("/anthropic", "")),
        api_key_env="ANTHROPIC_API_KEY",
        formats=("anthropic_messages", "anthropic_batches", "anthropic_free"),
        key_header=KeyHeader("x-api-key", ""),
    ),
    # https://ai.google.dev/api#primary-endpoints, and https://ai.google.dev/gemini-api/docs/openai
    Provider(
        id="google",
        hosts=("generativelanguage.googleapis.com",),
        upstream="https://generativelanguage.googleapis.com",
        base_prefixes=(("/gemini", ""),),
        api_key_env="GEMINI_API_KEY",
        formats=(*_GEMINI, "google_chat", "compatible_embeddings", "compatible_free"),
        key_header=KeyHeader("x-goog-api-key", ""),
        bearer_below="/v1beta/openai",
        openai_base="/v1beta/openai",
        nests=(("/v1beta/openai", "/v1"), ("", "")),
    ),
    # https://cloud.google.com/vertex-ai/docs/reference/rest: what is asked of a location goes to
    # its own host, at either door. The catalogue prices the global one, as Google's.
    Provider(
        id="google-vertex",
        hosts=vertex_regions.HOSTS,
        upstream=f"https://{vertex_regions.DEFAULT_HOST}",
        host_of=vertex_regions.host_of,
        base_prefixes=(("/vertex", ""),),
        api_key_env="GOOGLE_OAUTH_ACCESS_TOKEN",
        formats=(*_GEMINI, "vertex_claude", "vertex_chat"),
        credentials="google",
    ),
    # https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html; without an API key the
    # calls are signed with access keys.
    Provider(
        id="aws",
        hosts=bedrock_regions.HOSTS,
        upstream=f"https://{bedrock_regions.DEFAULT_HOST}",
        base_prefixes=(("/bedrock", ""),),
        api_key_env="AWS_BEARER_TOKEN_BEDROCK",
        formats=("bedrock_converse", "bedrock_invoke", "bedrock_free"),
        credentials="aws",
    ),
    # https://docs.cohere.com/reference/about (the SDK appends /v1/… and /v2/… to CO_API_URL)
    Provider(
        id="cohere",
        hosts=("api.cohere.com", "api.cohere.ai"),
        upstream="https://api.cohere.com",
        base_prefixes=(("/cohere", ""),),
        api_key_env="CO_API_KEY",
        formats=("cohere_chat", "cohere_chat_v1", "cohere_embed", "cohere_rerank", "cohere_free"),
    ),
    *HOSTS,
    *SUBSCRIPTIONS,
)

# What aex.toml may name as the formats of a new provider: what a provider of the table speaks, by
# its id; `gemini` for Google's own API, and `openai` for whatever is compatible with that one.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    **{each.id: each.formats for each in PROVIDERS if each not in SUBSCRIPTIONS},
    "gemini": _GEMINI,
    "openai": (
        *("compatible_chat", "compatible_responses", "compatible_embeddings", "compatible_free"),
    ),
}


def family(name: str, *, price_as: str = "", free: bool = False) -> tuple[str, ...]:
    """The formats of a family, as one who sells these models at these prices speaks them.

    OpenAI's own models take other caps than all others do, and a free server is asked less.
    """
    if name == "openai" and free:
        return FAMILIES["vllm"]
    if name == "openai" and price_as in ("openai", "azure"):
        return next(provider.formats for provider in PROVIDERS if provider.id == price_as)
    return FAMILIES[name]


def find(call: Call, formats: Sequence[str]) -> WireFormat | None:
    """The format, of those named, that speaks for this call; None if none of them does."""
    spoken = _spoken(tuple(formats))
    return next((wire_format for wire_format in spoken if wire_format.claims(call)), None)


@cache  # as many as there are providers
def _spoken(formats: tuple[str, ...]) -> tuple[WireFormat, ...]:
    return tuple(wire_format for wire_format in FORMATS if wire_format.name in formats)


def error_format(formats: Sequence[str], method: str, path: str) -> WireFormat:
    """The format whose errors the client of such a call understands.

    Where none speaks for the path it is the first of those named, and OpenAI's without any.
    """
    found = find(Call("", method, path, "", {}, b""), formats)
    if found is not None:
        return found
    return next(iter(_spoken(tuple(formats))), OPENAI_CHAT)
