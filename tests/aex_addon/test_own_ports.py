"""AEX's listener and its ledger are known by where they are, not by what they are called."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from mitmproxy.test import taddons

from aex_addon.lookup import Unresolved
from aex_addon.own_ports import OwnPorts, is_here
from ledger.egress_entries import Address

PORT = 9000
ELSEWHERE = ("203.0.113.7", "192.0.2.1", "8.8.8.8", "2001:db8::1")
ANSWERS = {"db.example": ["203.0.113.7"], "localhost": ["127.0.0.1", "::1"]}


class Proxyserver:
    """Stands in for mitmproxy's addon of this name."""

    def listen_addrs(self) -> list[tuple[str, int]]:
        return [("0.0.0.0", PORT), ("127.0.0.1", PORT + 1)]


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    with taddons.context(Proxyserver(), loadcore=False):
        yield


async def look_up(name: str) -> list[Address]:
    if name not in ANSWERS:
        raise Unresolved(late=False)
    return [ip_address(each) for each in ANSWERS[name]]


async def held(ledger: str, *places: tuple[str, int]) -> list[bool]:
    own = OwnPorts(ledger, look_up)
    return [await own.hold(ip_address(address), port) for address, port in places]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::"])
def test_addresses_of_this_machine(address: str) -> None:
    """Loopback in all its width, and the address that stands for every one."""
    assert is_here(ip_address(address))


def test_the_address_of_an_interface() -> None:
    """It is this machine's too, whatever network it is in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no route to anywhere")
        assert is_here(ip_address(asking.getsockname()[0]))


@pytest.mark.parametrize("address", ELSEWHERE)
def test_addresses_of_others(address: str) -> None:
    """They are not."""
    assert not is_here(ip_address(address))


async def test_the_listener() -> None:
    """At each port and every address of this machine, and at nobody else's."""
    places = ("127.0.0.1", PORT), ("127.0.0.5", PORT + 1), ("127.0.0.1", 80), ("8.8.8.8", PORT)
    assert await held("sqlite:///ledger.db", *places) == [True, True, False, False]


@pytest.mark.parametrize(
    ("ledger", "expected"),
    [
        ("sqlite:///ledger.db", [False, False, False]),
        ("postgresql://u@localhost/x", [True, False, False]),
        ("postgresql://u@127.0.0.1:5432/x", [True, False, False]),
        ("postgresql://u@[::1]/x", [True, False, False]),
        ("postgresql://u@db.example/x", [False, True, False]),
        ("postgresql://u@203.0.113.7/x", [False, True, False]),
        ("postgresql://u@db.example:5433/x", [False, False, True]),
        ("postgresql://u@gone.example/x", [True, True, False]),
        ("postgresql:///x?host=/run", [False, False, False]),
    ],
)
async def test_the_database_of_the_ledger(ledger: str, expected: list[bool]) -> None:
    """By its address, whatever name led there; where that cannot be told, its port is shut."""
    places = ("127.0.0.1", 5432), ("203.0.113.7", 5432), ("203.0.113.7", 5433)
    assert await held(ledger, *places) == expected
