"""For authors of agents in Python: where AEX is, and clients that go there.

    from aex_addon.client import openai_client
    client = openai_client()

Owns: reading what `aex run` and `aex env` set (AEX_BASE_URL, AEX_TOKEN), and pointing SDKs there
by base URL, which needs no proxy and no certificate.
Refuses to know: the home, the ledger, mitmproxy. Importing it starts nothing and imports none of
them; an SDK is imported by the function that gives its client, and must be installed.

An agent need not use any of this: the SDKs themselves read the variables that are set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import anthropic
    import openai

# Where each provider's SDK is pointed, below the gateway; any other provider has /NAME/v1.
PATHS: Mapping[str, str] = {
    "anthropic": "/anthropic",
    "cohere": "/cohere",
    "gemini": "/gemini",
    "groq": "/groq/v1",
    "openai": "/v1",
}


class NotGoverned(RuntimeError):
    """This process was given no AEX to go to."""


def token(environ: Mapping[str, str] = os.environ) -> str:
    """The agent's token, which is also the API key of every client. Raises NotGoverned."""
    return _set("AEX_TOKEN", environ)


def base_url(provider: str = "openai", environ: Mapping[str, str] = os.environ) -> str:
    """The base URL for a provider's SDK, such as http://127.0.0.1:9000/v1. Raises NotGoverned."""
    path = PATHS.get(provider, f"/{provider}/v1")
    return _set("AEX_BASE_URL", environ).rstrip("/") + path


def environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for a child that is to be the same agent, by base URL. Raises NotGoverned.

    Proxies, roots and everything else of `environ` stay as they are.
    """
    from certs.env import BASE_URLS, KEY_VARIABLES

    root, key = _set("AEX_BASE_URL", environ).rstrip("/"), token(environ)
    urls = {name: root + path for name, path in BASE_URLS.items()}
    return {**environ, **dict.fromkeys(KEY_VARIABLES, key), **urls}


def openai_client(**options: Any) -> openai.OpenAI:
    """OpenAI's client; `options` go to it. Raises NotGoverned, ImportError without the SDK."""
    import openai

    return openai.OpenAI(**_pointed("openai", options))


def async_openai_client(**options: Any) -> openai.AsyncOpenAI:
    """The same, for asyncio."""
    import openai

    return openai.AsyncOpenAI(**_pointed("openai", options))


def groq_client(**options: Any) -> openai.OpenAI:
    """Groq by OpenAI's client, whose formats it speaks."""
    import openai

    return openai.OpenAI(**_pointed("groq", options))


def anthropic_client(**options: Any) -> anthropic.Anthropic:
    """Anthropic's client; `options` go to it. Raises NotGoverned, ImportError without the SDK."""
    import anthropic

    return anthropic.Anthropic(**_pointed("anthropic", options))


def async_anthropic_client(**options: Any) -> anthropic.AsyncAnthropic:
    """The same, for asyncio."""
    import anthropic

    return anthropic.AsyncAnthropic(**_pointed("anthropic", options))


def _pointed(provider: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"base_url": base_url(provider), "api_key": token(), **options}


def _set(variable: str, environ: Mapping[str, str]) -> str:
    value = environ.get(variable, "")
    if not value:
        raise NotGoverned(
            f"{variable} is not set: start this program with `aex run --agent NAME -- …`, or set "
            'the variables with `eval "$(aex env --agent NAME)"`'
        )
    return value
