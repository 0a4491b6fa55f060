"""A resolver that says what a test wants, and egress that lets everything pass.

Owns: both. Refuses to know: what is asserted.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from mitmproxy import http
from mitmproxy.connection import Client

from aex_addon.egress import Egress, Way
from aex_addon.host_names import normal


@dataclass
class Names:
    """Answers by name, one after the other, the last for ever; all else is asked of the system."""

    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def lead(self, name: str, *answers: list[str]) -> None:
        self.answers[name] = list(answers)


def resolver(monkeypatch: pytest.MonkeyPatch) -> Names:
    """In place of the system's, wherever this process asks it."""
    names, ask = Names(), socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        listed = names.answers.get(host)
        if listed is None:
            return ask(host, port, *args, **more)
        names.asked.append(host)
        found = listed.pop(0) if len(listed) > 1 else listed[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [row for each in found for row in ask(each, port, *args, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


class Open:
    """Every host may be reached, as if its name were an address."""

    def __init__(self) -> None:
        self.ways: dict[str, Way] = {}
        self.named: dict[str, tuple[str, ...]] = {}

    async def of(self, flow: http.HTTPFlow) -> Way:
        host = normal(flow.request.host)
        way = Way(host, flow.request.port, (host,))
        self.ways[flow.client_conn.id] = way
        return way

    def way(self, client: Client) -> Way | None:
        return self.ways.get(client.id)

    def is_tool(self, _: Client) -> bool:
        return False

    def denies(self, _client: Client, _named: tuple[str, ...]) -> bool:
        return False

    def captured(self, client: Client, named: tuple[str, ...]) -> None:
        self.named[client.id] = named


def opened() -> Egress:
    """One that asks no ledger."""
    return cast("Egress", Open())
