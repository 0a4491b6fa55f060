"""The gateway serves, or its address is free for it."""

from __future__ import annotations

import socket

from aex_addon.cli.checks.listener import look
from aex_addon.home import Home
from aex_addon.settings import Settings


def levels(home: Home, listen: str) -> dict[str, str]:
    return {one.about: one.level for one in look(home, Settings(listen=listen))}


def test_none_runs(home: Home) -> None:
    """That is told, and that the address is free."""
    assert levels(home, "127.0.0.1:0") == {"gateway": "warn", "port": "ok"}


def test_somebody_else_listens(home: Home) -> None:
    """An address that is taken is told before a start fails at it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"127.0.0.1:{server.getsockname()[1]}"
        (port,) = [one for one in look(home, Settings(listen=taken)) if one.about == "port"]
    assert port.level == "fail"
    assert taken in port.said
