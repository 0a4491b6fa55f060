"""The two doors, as clients see them: what an unmodified SDK, httpx and curl are told.

Owns: addresses, keys, proxies and certificates of a client at each door.
Refuses to know: what is asked through a door, and what the ledger makes of it.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import httpx
import openai

from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import clean_environment

OWN_KEY = "sk-the-agents-own-key"
TIMEOUT = 30.0


@dataclass(frozen=True)
class Door:
    """One door of one gateway."""

    name: str
    gateway: Gateway
    ca_file: str

    @property
    def booked_as(self) -> str:
        return {"proxy": "proxy", "base_url": "base-url"}[self.name]

    @property
    def host(self) -> str:
        return "api.openai.com" if self.name == "proxy" else f"127.0.0.1:{self.gateway.port}"

    @property
    def base_url(self) -> str:
        scheme = "https" if self.name == "proxy" else "http"
        return f"{scheme}://{self.host}/v1"

    def origin(self, host: str, prefix: str) -> str:
        """Where a client of any provider is pointed: its own host, or its prefix here."""
        return f"https://{host}" if self.name == "proxy" else f"{self.gateway.url}{prefix}"

    def proxy(self, agent: Agent) -> str | None:
        if self.name == "base_url":
            return None
        return f"http://{agent.name}:{agent.token}@127.0.0.1:{self.gateway.port}"

    def key(self, agent: Agent) -> str:
        return OWN_KEY if self.name == "proxy" else agent.token

    def environment(self, agent: Agent) -> dict[str, str]:
        """Variables that bring an unmodified client to this door."""
        proxy = self.proxy(agent)
        if proxy is None:
            return {"OPENAI_API_KEY": agent.token, "OPENAI_BASE_URL": self.base_url}
        return {"OPENAI_API_KEY": OWN_KEY, "HTTPS_PROXY": proxy, "SSL_CERT_FILE": self.ca_file}

    @contextmanager
    def entered(self, agent: Agent) -> Iterator[None]:
        """Within, this process has those variables, and no others of its kind."""
        with mock.patch.dict(os.environ, clean_environment(self.environment(agent)), clear=True):
            yield

    def sdk(self, agent: Agent, **options: Any) -> openai.OpenAI:
        """The real SDK, told nothing but by its environment."""
        with self.entered(agent):
            return openai.OpenAI(**{"timeout": TIMEOUT, **options})

    def counted_sdk(self, agent: Agent) -> tuple[openai.OpenAI, list[object]]:
        """The SDK with its own retries, and a list that grows by each request it makes."""
        attempts: list[object] = []
        with self.entered(agent):
            http = openai.DefaultHttpx2Client(event_hooks={"request": [attempts.append]})
            return openai.OpenAI(http_client=http, timeout=TIMEOUT), attempts

    def async_sdk(self, agent: Agent, **options: Any) -> openai.AsyncOpenAI:
        with self.entered(agent):
            return openai.AsyncOpenAI(**{"timeout": TIMEOUT, **options})

    def _options(self, agent: Agent, options: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.key(agent)}", **options.pop("headers", {})}
        return {
            "base_url": self.base_url,
            "headers": headers,
            "proxy": self.proxy(agent),
            "verify": ssl.create_default_context(cafile=self.ca_file),
            "trust_env": False,
            "timeout": TIMEOUT,
            **options,
        }

    def client(self, agent: Agent, **options: Any) -> httpx.Client:
        return httpx.Client(**self._options(agent, options))

    def async_client(self, agent: Agent, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(**self._options(agent, options))

    def raw(self, agent: Agent) -> socket.socket:
        """A connection on which requests can be written by hand."""
        connection = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=TIMEOUT)
        if self.name == "base_url":
            return connection
        pair = base64.b64encode(f"{agent.name}:{agent.token}".encode()).decode()
        head = f"CONNECT {self.host}:443 HTTP/1.1\r\nproxy-authorization: Basic {pair}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        context = ssl.create_default_context(cafile=self.ca_file)
        return context.wrap_socket(connection, server_hostname=self.host)

    def curl(self, agent: Agent, path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """curl with the same settings; the status code is the last line of its output."""
        return subprocess.run(
            [
                *("curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}"),
                *("-H", f"authorization: Bearer {self.key(agent)}"),
                *arguments,
                f"{self.base_url}{path}",
            ],
            env=clean_environment(self.environment(agent)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
