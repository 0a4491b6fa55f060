"""Clients that AEX governs unmodified: who they are, and how each kind is started and told.

Owns: their names here and in README, the programs that run them, the variables that each may need.
Refuses to know: what they must come to (test_run_clients.py), the page (clients_table.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aex_addon.around.runtime import runtime_of
from aex_addon.cli.checks.command import proxy_door
from tests.end_to_end.frameworks import OFFLINE
from tests.end_to_end.sdks import interpreter, node, node_modules

HERE = Path(__file__).parent
# Dollars per million tokens, input and output, of the models that they ask.
PRICES = {
    "gpt-4o-mini": ("0.15", "0.60"),
    "claude-haiku-4-5": ("1", "5"),
    "gemini-2.5-flash": ("0.3", "2.5"),
}

# The words that start it, and variables without which it cannot run.
Program = tuple[list[str], dict[str, str]]


@dataclass(frozen=True)
class Family:
    """Clients that one program runs.

    clients    as the program knows them, and as README does
    always     those that need the shim whether or not the runtime reads proxies by itself
    raised     the class of a denial, by client, where it is one of the client's own
    program    makes it, with the help of the outer environment; skips the test where it cannot
    bundles    variables that name the bundle, tried one at a time until all clients are satisfied
    asked      what else it takes by hand, in a runtime that reads proxies only if it is asked to
    shim       those of the variables of `aex env` that load the shim of the runtime
    """

    clients: Mapping[str, str]
    program: Callable[[Mapping[str, str]], Program]
    bundles: tuple[str, ...]
    shim: tuple[str, ...]
    raised: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)
    always: frozenset[str] = frozenset()
    node: bool = False


def _python(environment: str, program: str) -> Callable[[Mapping[str, str]], Program]:
    return lambda _: ([str(interpreter(environment)), str(HERE / program)], dict(OFFLINE))


def _node(program: str, *, sdks: bool) -> Callable[[Mapping[str, str]], Program]:
    def made(outer: Mapping[str, str]) -> Program:
        modules = {"NODE_PATH": str(node_modules(outer))} if sdks else {}
        return [node(), str(HERE / program)], modules

    return made


PYTHON_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PYTHON_SHIM = ("PYTHONPATH", "AEX_TOKEN")
NODE_BUNDLES, NODE_SHIM = ("NODE_EXTRA_CA_CERTS",), ("NODE_OPTIONS",)
NODE_ASKED = {"NODE_USE_ENV_PROXY": "1"}

FAMILIES = {
    "plain": Family(
        {
            "curl": "curl",
            "urllib": "Python urllib",
            "requests": "Python requests",
            "httpx": "Python httpx",
            "aiohttp": "Python aiohttp",
            "reqwest": "Rust reqwest",
        },
        _python("http-clients", "run_client.py"),
        PYTHON_BUNDLES,
        PYTHON_SHIM,
    ),
    "node": Family(
        {"fetch": "Node fetch", "https": "Node https", "agent": "Node https with its own agent"},
        _node("run_client.cjs", sdks=False),
        NODE_BUNDLES,
        NODE_SHIM,
        asked=NODE_ASKED,
        always=frozenset({"agent"}),
        node=True,
    ),
    "python-sdks": Family(
        {
            "openai": "Python openai",
            "anthropic": "Python anthropic",
            "langchain": "Python langchain-openai",
            "litellm": "Python litellm",
        },
        _python("frameworks", "run_sdk.py"),
        PYTHON_BUNDLES,
        PYTHON_SHIM,
        raised={
            "openai": "APIStatusError",
            "anthropic": "PaymentRequiredError",
            "langchain": "APIStatusError",
            "litellm": "APIError",
        },
    ),
    "python-genai": Family(
        {"genai": "Python google-genai"},
        _python("google-genai", "run_sdk.py"),
        PYTHON_BUNDLES,
        PYTHON_SHIM,
        raised={"genai": "ClientError"},
    ),
    "node-sdks": Family(
        {
            "openai": "Node openai",
            "anthropic": "Node @anthropic-ai/sdk",
            "genai": "Node @google/genai",
        },
        _node("run_sdk.cjs", sdks=True),
        NODE_BUNDLES,
        NODE_SHIM,
        raised={"openai": "APIError", "anthropic": "PaymentRequiredError", "genai": "ApiError"},
        asked=NODE_ASKED,
        node=True,
    ),
}


def node_reads_proxies() -> bool:
    """Whether this machine's Node does so by itself, as AEX tells its users."""
    return proxy_door(runtime_of([node()], os.environ)).said.startswith("holds: this Node")
