"""The real Anthropic SDK at a door, told nothing but by its environment.

Owns: the variables that bring it there, the calls that scenarios make.
Refuses to know: what the ledger makes of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import anthropic

from tests.end_to_end.doors import OWN_KEY, TIMEOUT, Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.processes import clean_environment

HOST, PREFIX = "api.anthropic.com", "/anthropic"
MODEL = "claude-haiku-4-5"
# Dollars per million tokens of that model, global or nowhere said.
INPUT_USD, OUTPUT_USD = "1", "5"
PROMPT: Any = [{"role": "user", "content": "Say three short wörds."}]
CALL: dict[str, Any] = {"model": MODEL, "max_tokens": 64, "messages": PROMPT}
TOOL: Any = {"name": "look_up", "input_schema": {"type": "object"}}
SEARCH: Any = {"type": "web_search_20250305", "name": "web_search"}


def environment(door: Door, agent: Agent, key: str = "ANTHROPIC_API_KEY") -> dict[str, str]:
    """Variables that bring an unmodified client to this door; `key` is where its key stands."""
    proxy = door.proxy(agent)
    if proxy is None:
        return {key: agent.token, "ANTHROPIC_BASE_URL": door.origin(HOST, PREFIX)}
    return {key: OWN_KEY, "HTTPS_PROXY": proxy, "SSL_CERT_FILE": door.ca_file}


@contextmanager
def entered(door: Door, agent: Agent, key: str = "ANTHROPIC_API_KEY") -> Iterator[None]:
    """Within, this process has those variables, and no others of its kind."""
    variables = clean_environment(environment(door, agent, key))
    with mock.patch.dict(os.environ, variables, clear=True):
        yield


def sdk(door: Door, agent: Agent, **options: Any) -> anthropic.Anthropic:
    """The SDK as it is."""
    with entered(door, agent):
        return anthropic.Anthropic(**{"timeout": TIMEOUT, **options})


def async_sdk(door: Door, agent: Agent) -> anthropic.AsyncAnthropic:
    """Its asynchronous twin."""
    with entered(door, agent):
        return anthropic.AsyncAnthropic(timeout=TIMEOUT)


def counted_sdk(door: Door, agent: Agent) -> tuple[anthropic.Anthropic, list[object]]:
    """The SDK with its own retries, and a list that grows by each request it makes."""
    attempts: list[object] = []
    with entered(door, agent):
        http = anthropic.DefaultHttpxClient(event_hooks={"request": [attempts.append]})
        return anthropic.Anthropic(http_client=http, timeout=TIMEOUT), attempts
