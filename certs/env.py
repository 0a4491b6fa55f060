"""The environment that points an unmodified agent at AEX.

Owns: the names of the variables that proxies, CA bundles and SDKs are found by, and their values.
Refuses to know: files (but where the shims lie), shells, and this process's own environment
(`base` is an argument).

The proxy door needs the proxy and the bundle; the base-URL door is plain HTTP on loopback and
leaves the user's own proxy and roots alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote, urlsplit

Door = Literal["proxy", "base-url"]

PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
NO_PROXY_VARIABLES = ("NO_PROXY", "no_proxy")
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CODEX_CA_CERTIFICATE",
    "DENO_CERT",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "HTTPLIB2_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "CARGO_HTTP_CAINFO",
    "PERL_LWP_SSL_CA_FILE",
)
# Each would lead around the proxy, around the bundle, or switch verification off.
BYPASSES = ("ALL_PROXY", "all_proxy", "SSL_CERT_DIR", "NODE_TLS_REJECT_UNAUTHORIZED")

# For runtimes that would not read the proxy by themselves; each says in its head what it does.
SHIMS = Path(__file__).parent / "shims"
NODE_SHIM, PYTHON_SHIM = "node_proxy.cjs", "python"

LOOPBACK = ("localhost", "127.0.0.1", "::1")
BASE_URLS: Mapping[str, str] = MappingProxyType(
    {
        "OPENAI_BASE_URL": "/v1",
        "ANTHROPIC_BASE_URL": "/anthropic",
        "GOOGLE_GEMINI_BASE_URL": "/gemini",
        "CO_API_URL": "/cohere",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "/bedrock",
        "ANTHROPIC_BEDROCK_BASE_URL": "/bedrock",
    }
)
KEY_VARIABLES = (
    *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "CO_API_KEY"),
    "AWS_BEARER_TOKEN_BEDROCK",
)

# Only names of model providers: a project's own APP_BASE_URL has nothing to do with AEX.
_PROVIDER_URL = re.compile(
    r"(?:AI_GATEWAY|ANTHROPIC|AZURE|AZURE_OPENAI|BEDROCK|CEREBRAS|COHERE|DASHSCOPE|DEEPSEEK"
    r"|FIREWORKS|GEMINI|GOOGLE|GROQ|HUGGINGFACE|LITELLM|LLM|MISTRAL|MOONSHOT|NVIDIA|OPENAI"
    r"|OPENROUTER|PERPLEXITY|TOGETHER|VERTEX|XAI|ZAI)"
    r"(?:_AI|_API|_BEDROCK|_GEMINI|_GENAI|_LLM|_OPENAI|_PROXY|_VERTEX)*"
    r"(?:_BASE_URL|_API_BASE)"
)


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """Variables to set and to unset; no name is in both. Values hold a token: not in the repr."""

    set: dict[str, str] = field(repr=False)
    unset: tuple[str, ...]

    def apply(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return `base` after the change, as a child process is to be given it."""
        kept = {name: value for name, value in base.items() if name not in self.unset}
        return kept | self.set


def agent_environment(
    proxy_url: str,
    base_url_root: str,
    bundle: Path,
    ca: Path,
    token: str,
    base: Mapping[str, str],
    *,
    door: Door = "proxy",
    base_urls: Mapping[str, str] = BASE_URLS,
    key_variables: Sequence[str] = KEY_VARIABLES,
    shims: Path | None = None,
) -> EnvironmentChange:
    """Say what must change in `base` for a process to reach its providers through AEX.

    `proxy_url` is from `proxy_url()`; `base_url_root` has no trailing path (http://host:port).
    `bundle` and `ca` are absolute. `base_urls` maps a variable to its path below the root (read by
    the base-URL door); each of `key_variables` gets the token, for SDKs refuse to start without
    a key, and the gateway puts the provider's in its place. `shims` is SHIMS, or None for none.
    """
    root = base_url_root.rstrip("/")
    change = dict.fromkeys(key_variables, token)
    unset = [
        name for name in base if _PROVIDER_URL.fullmatch(name) and not _below(root, base[name])
    ]
    if door == "proxy":
        change |= dict.fromkeys(PROXY_VARIABLES, proxy_url)
        # Not appended to the user's list: that may name a provider.
        change |= dict.fromkeys(NO_PROXY_VARIABLES, ",".join(LOOPBACK))
        change |= dict.fromkeys(CA_VARIABLES, str(bundle))
        change |= {"NODE_USE_ENV_PROXY": "1", "AEX_CA_FILE": str(ca)}
        change |= _shimmed(shims, base) if shims is not None else {}
        unset += [*BYPASSES, *base_urls]
    else:
        change |= {name: root + path for name, path in base_urls.items()}
        change |= dict.fromkeys(NO_PROXY_VARIABLES, _not_proxied(root, base))
    return EnvironmentChange(change, tuple(sorted(set(unset) - change.keys())))


def proxy_url(name: str, token: str, host: str, port: int) -> str:
    """Return http://NAME:TOKEN@HOST:PORT, with name and token percent-encoded.

    Raises ValueError for an empty name, token or host, and for a port outside 1 to 65535.
    """
    if not (name and token and host):
        raise ValueError("a proxy address needs a name, a token and a host")
    if not 1 <= port <= 65535:
        raise ValueError(f"no such port: {port}")
    place = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{quote(name, safe='')}:{quote(token, safe='')}@{place}:{port}"


def user_bundles(base: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the bundles and certificate directories that the user had set, each once."""
    named = [base.get(name, "") for name in CA_VARIABLES]
    named += base.get("SSL_CERT_DIR", "").split(os.pathsep)
    return tuple(dict.fromkeys(Path(value) for value in named if value))


def _shimmed(shims: Path, base: Mapping[str, str]) -> dict[str, str]:
    """Add the shims to what the user has Node and Python load; theirs stays, ours comes once."""
    flag = f"--require={_node_word(str(shims / NODE_SHIM))}"
    options = base.get("NODE_OPTIONS", "").replace(flag, "").strip()
    folder = str(shims / PYTHON_SHIM)
    folders = base.get("PYTHONPATH", "").split(os.pathsep)
    kept = [each for each in folders if each != folder] if any(folders) else []
    return {
        "NODE_OPTIONS": f"{options} {flag}".strip(),
        "PYTHONPATH": os.pathsep.join([folder, *kept]),
    }


def _node_word(path: str) -> str:
    """One word of NODE_OPTIONS, which knows double quotes, and a backslash within them."""
    if re.fullmatch(r"[\w./+@:,-]+", path, re.ASCII):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _below(root: str, url: str) -> bool:
    return url == root or url.startswith(root + "/")


def _not_proxied(root: str, base: Mapping[str, str]) -> str:
    """Keep the user's exceptions and add AEX: a proxy of the user's must not come between."""
    users = [part.strip() for name in NO_PROXY_VARIABLES for part in base.get(name, "").split(",")]
    host = urlsplit(root).hostname or ""
    return ",".join(dict.fromkeys(part for part in [*users, *LOOPBACK, host] if part))
