"""Nothing is dialled that was not chosen."""

from __future__ import annotations

import pytest
from mitmproxy.connection import Client, Server
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


def connected(ours: tuple[str, int], theirs: tuple[str, int]) -> ServerConnectionHookData:
    """A connection that AEX has opened, from one end to the other."""
    server = Server(address=CHOSEN)
    server.sockname, server.peername = ours, theirs
    return ServerConnectionHookData(server=server, client=tflow.tclient_conn())


def client_at(theirs: tuple[str, int], ours: tuple[str, int]) -> Client:
    client = tflow.tclient_conn()
    client.peername, client.sockname = theirs, ours
    return client


LISTENER, PROVIDER, PORT = ("127.0.0.1", 9000), ("127.0.0.1", 19_001), ("127.0.0.1", 40_000)


def test_our_own_calls_are_known_when_they_come_back(addon: Destinations) -> None:
    """A client with the two ends of a connection that AEX has open is AEX itself."""
    client, call = client_at(PORT, LISTENER), connected(PORT, LISTENER)
    assert not addon.leads_here(client)
    addon.server_connected(call)
    assert addon.leads_here(client)
    assert addon.leads_here(client_at(("::ffff:127.0.0.1", 40_000), ("::ffff:127.0.0.1", 9000)))
    addon.server_disconnected(call)
    assert not addon.leads_here(client)
    assert not addon._outgoing


def test_a_port_that_serves_two_connections_makes_no_client_ours(addon: Destinations) -> None:
    """The system gives one port to connections to different places, a client's among them."""
    addon.server_connected(connected(PORT, PROVIDER))
    assert not addon.leads_here(client_at(PORT, LISTENER))
    addon.server_connected(connected(PORT, LISTENER))
    addon.server_disconnected(connected(PORT, LISTENER))
    assert not addon.leads_here(client_at(PORT, LISTENER))


def test_what_the_system_redirected_is_known_by_one_end(addon: Destinations) -> None:
    """A redirection changes where a connection leads, not where it comes from."""
    addon.server_connected(connected(PORT, PROVIDER))
    assert addon.leads_here(client_at(PORT, LISTENER), redirected=True)
