"""Nothing is dialled that was not chosen."""

from __future__ import annotations

import pytest
from mitmproxy.connection import Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow

from aex_addon.destinations import Destinations

CHOSEN = ("api.openai.com", 443)


def dial(addon: Destinations, address: tuple[str, int] | None, client_id: str = "") -> str | None:
    client = tflow.tclient_conn()
    client.id = client_id or client.id
    data = ServerConnectionHookData(server=Server(address=address), client=client)
    addon.server_connect(data)
    return data.server.error


@pytest.fixture
def addon() -> Destinations:
    destinations = Destinations()
    destinations.allow("one", *CHOSEN)
    return destinations


def test_the_chosen_address_is_dialled(addon: Destinations) -> None:
    """An allowed address goes through, however often."""
    assert dial(addon, CHOSEN, "one") is None
    assert dial(addon, CHOSEN, "one") is None


@pytest.mark.parametrize(
    ("address", "client_id"),
    [
        (("api.openai.com", 80), "one"),
        (("169.254.169.254", 443), "one"),
        (None, "one"),
        (CHOSEN, "two"),
        (CHOSEN, ""),
    ],
)
def test_anything_else_is_refused(
    addon: Destinations, address: tuple[str, int] | None, client_id: str
) -> None:
    """Another host, another port, or another connection's choice is not dialled."""
    assert "did not choose" in str(dial(addon, address, client_id))


def test_a_choice_ends_with_its_connection(addon: Destinations) -> None:
    """Nothing is left of a connection that has gone."""
    client = tflow.tclient_conn()
    client.id = "one"
    addon.client_disconnected(client)
    assert dial(addon, CHOSEN, "one")
    assert not addon._allowed


def test_our_own_calls_are_known_when_they_come_back(addon: Destinations) -> None:
    """A client whose address is our end of an open connection is AEX itself."""
    client, server = tflow.tclient_conn(), Server(address=CHOSEN)
    client.peername, server.sockname = ("127.0.0.1", 40_000), ("127.0.0.1", 40_000)
    data = ServerConnectionHookData(server=server, client=tflow.tclient_conn())
    assert not addon.leads_here(client)
    addon.server_connected(data)
    assert addon.leads_here(client)
    addon.server_disconnected(data)
    assert not addon.leads_here(client)
