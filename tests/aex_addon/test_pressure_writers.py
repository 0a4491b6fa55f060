"""Whom a reader waits for where writing is slow."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from mitmproxy.connection import Client
from mitmproxy.test import tflow

from aex_addon.pressure import UNSENT_MAX, drain


class Writer:
    """`unsent` bytes; it notes that it was waited for."""

    def __init__(self, unsent: int = 0, fault: OSError | None = None) -> None:
        self.transport = SimpleNamespace(get_write_buffer_size=lambda: unsent)
        self.fault, self.drained = fault, False

    async def drain(self) -> None:
        self.drained = True
        if self.fault:
            raise self.fault


@pytest.mark.parametrize(
    ("reads", "unsent", "waited_for"),
    [
        ("client", 0, ["first", "second"]),
        ("client", UNSENT_MAX + 1, ["client", "first", "second"]),
        ("first", UNSENT_MAX, ["client"]),
        ("first", UNSENT_MAX + 1, ["client", "first"]),
    ],
)
async def test_who_is_waited_for(reads: str, unsent: int, waited_for: list[str]) -> None:
    """The other side of the bytes; the own one where far too much is not taken; and a provider
    never waits for another one."""
    me, other = asyncio.current_task(), object()
    client = Client(peername=("", 1), sockname=("", 2))
    names: dict[str, Any] = {"client": client, "first": object(), "second": object()}
    transports = {
        name: SimpleNamespace(writer=Writer(unsent), handler=me if name == reads else other)
        for name in names
    }
    kept = {names[name]: transport for name, transport in transports.items()}
    dialled = SimpleNamespace(writer=None, handler=other)
    await drain(SimpleNamespace(client=client, transports={**kept, "dialled": dialled}))
    assert [name for name, each in transports.items() if each.writer.drained] == waited_for


async def test_a_side_that_is_gone() -> None:
    """Its own task is told, not the one that had bytes for it."""
    told: list[str] = []
    gone = SimpleNamespace(
        writer=Writer(fault=OSError("gone")), handler=SimpleNamespace(cancel=told.append)
    )
    mine = SimpleNamespace(writer=Writer(), handler=asyncio.current_task())
    client = tflow.tclient_conn()
    await drain(SimpleNamespace(client=client, transports={client: mine, "server": gone}))
    assert told == ["Error sending data: gone"]
