"""Which providers there are, where they live, and which wire formats they speak. All of it data.

Owns: the two tables and look-ups in them. Refuses to know: keys themselves, sockets, prices.
A new provider is a row; a new API shape is a file and an entry in FORMATS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from providers.gemini_embed import GEMINI_EMBED
from providers.gemini_generate import GEMINI_ARRAY, GEMINI_GENERATE
from providers.gemini_other import GEMINI_FREE
from providers.openai_chat import OPENAI_CHAT
from providers.openai_embeddings import OPENAI_EMBEDDINGS
from providers.openai_other import OPENAI_FREE
from providers.wire import Call, WireFormat

# In the order they are asked; the free paths last, so that a metered format always goes first.
FORMATS: tuple[WireFormat, ...] = (
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    GEMINI_GENERATE,
    GEMINI_ARRAY,
    GEMINI_EMBED,
    OPENAI_FREE,
    GEMINI_FREE,
)


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """The header that carries a provider key, and what stands before the key in it."""

    name: str = "authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    id:            as the price catalogue names it.
    hosts:         exact lower-case names that the proxy door governs.
    upstream:      where the base-URL door sends calls: scheme and host, no path.
    base_prefixes: (prefix at AEX's own address, prefix at the provider), for the base-URL door.
    api_key_env:   the environment variable that holds the provider key.
    formats:       names of the wire formats it speaks.
    """

    id: str
    hosts: tuple[str, ...]
    upstream: str
    base_prefixes: tuple[tuple[str, str], ...]
    api_key_env: str
    formats: tuple[str, ...]
    key_header: KeyHeader = KeyHeader()


_GEMINI = ("gemini_generate", "gemini_array", "gemini_embed", "gemini_free")

PROVIDERS: tuple[Provider, ...] = (
    # https://platform.openai.com/docs/api-reference/authentication
    Provider(
        id="openai",
        hosts=("api.openai.com",),
        upstream="https://api.openai.com",
        base_prefixes=(("/v1", "/v1"), ("/openai/v1", "/v1")),
        api_key_env="OPENAI_API_KEY",
        formats=("openai_chat", "openai_embeddings", "openai_free"),
    ),
    # https://ai.google.dev/api#primary-endpoints
    Provider(
        id="google",
        hosts=("generativelanguage.googleapis.com",),
        upstream="https://generativelanguage.googleapis.com",
        base_prefixes=(("/gemini", ""),),
        api_key_env="GEMINI_API_KEY",
        formats=_GEMINI,
        key_header=KeyHeader("x-goog-api-key", ""),
    ),
    # https://cloud.google.com/vertex-ai/docs/reference/rest: the global endpoint. The catalogue
    # prices it as Google's; regional ones are dearer since Gemini 3, and not in it.
    Provider(
        id="google-vertex",
        hosts=("aiplatform.googleapis.com",),
        upstream="https://aiplatform.googleapis.com",
        base_prefixes=(("/vertex", ""),),
        api_key_env="GOOGLE_OAUTH_ACCESS_TOKEN",
        formats=_GEMINI,
    ),
)


def find(call: Call, formats: Sequence[str]) -> WireFormat | None:
    """The format, of those named, that speaks for this call; None if none of them does."""
    for wire_format in FORMATS:
        if wire_format.name in formats and wire_format.claims(call):
            return wire_format
    return None


def error_format(formats: Sequence[str], method: str, path: str) -> WireFormat:
    """The format whose errors the client of such a call understands.

    Where none speaks for the path it is the first of those named, and OpenAI's without any.
    """
    found = find(Call("", method, path, "", {}, b""), formats)
    if found is not None:
        return found
    named = (wire_format for wire_format in FORMATS if wire_format.name in formats)
    return next(named, OPENAI_CHAT)
