"""The real boto3 at a door, told nothing but by its environment.

Owns: the variables that bring it there, the calls that scenarios make.
Refuses to know: what the ledger makes of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import boto3

from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent
from tests.end_to_end.processes import clean_environment

HOST, PREFIX = "bedrock-runtime.us-east-1.amazonaws.com", "/bedrock"
OWN_ID, OWN_SECRET = "AKIATHEAGENTSOWN", "the-agents-own-secret"
SAID = "You said: Say three short wörds."
PROMPT: Any = [{"role": "user", "content": [{"text": SAID.removeprefix("You said: ")}]}]
NOVA = "us.amazon.nova-lite-v1:0"
CLAUDE, LLAMA = "anthropic.claude-haiku-4-5-20251001-v1:0", "us.meta.llama3-3-70b-instruct-v1:0"
CALL: dict[str, Any] = {
    "modelId": NOVA,
    "messages": PROMPT,
    "inferenceConfig": {"maxTokens": 64},
}
TOOLS: Any = {"tools": [{"toolSpec": {"name": "look_up", "inputSchema": {"json": {}}}}]}


def environment(door: Door, agent: Agent) -> dict[str, str]:
    """Variables that bring an unmodified client to this door, and away from the machine's own."""
    own = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    proxy = door.proxy(agent)
    if proxy is None:
        url = door.origin(HOST, PREFIX)
        # Not as a bearer token: boto3 shows none without TLS.
        told = {"AWS_ACCESS_KEY_ID": agent.token, "AWS_SECRET_ACCESS_KEY": OWN_SECRET}
        told |= {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url}
    else:
        told = {"AWS_ACCESS_KEY_ID": OWN_ID, "AWS_SECRET_ACCESS_KEY": OWN_SECRET}
        told |= {"HTTPS_PROXY": proxy, "AWS_CA_BUNDLE": door.ca_file}
    return {**own, **told}


@contextmanager
def variables(told: dict[str, str]) -> Iterator[None]:
    """Within, this process has these variables, and no others of its kind."""
    with mock.patch.dict(os.environ, clean_environment(told), clear=True):
        yield


@contextmanager
def sdk(door: Door, agent: Agent) -> Iterator[tuple[Any, list[object]]]:
    """The client with its own retries, and a list that grows by each request it makes."""
    attempts: list[object] = []

    def noted(request: Any, **_: Any) -> None:
        attempts.append(request.url)

    # For as long as the client lives: it looks for its keys when it signs.
    with variables(environment(door, agent)):
        client = boto3.Session().client("bedrock-runtime")
        client.meta.events.register("before-send", noted)
        try:
            yield client, attempts
        finally:
            client.close()
