"""What is not plainly a host on the internet is nobody's to reach."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aex_addon.public_addresses import is_metadata, is_public

PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1"),
    *("192.167.255.255", "192.169.0.1", "169.253.255.255", "168.63.129.15", "223.255.255.255"),
    *("2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888"),
    *("::ffff:8.8.8.8", "64:ff9b::808:808"),
)
NOT_PUBLIC = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"),
    *("127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
    *("::", "::1", "::7f00:1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "3fff::1", "4000::1", "5f00::1"),
    *("fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1"),
)
METADATA = (
    *("169.254.169.254", "169.254.0.1", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fd00:ec2::254", "fd20:ce::254"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_hosts_of_the_internet(address: str) -> None:
    """Just beside every reserved network, and behind NAT64."""
    assert is_public(ip_address(address))
    assert not is_metadata(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_all_else(address: str) -> None:
    """This machine, this network, what is shared, reserved or many; and what carries one inside."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", METADATA)
def test_what_a_machine_gets_alone(address: str) -> None:
    """Where clouds hand out credentials, in every form."""
    assert is_metadata(ip_address(address))


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_what_it_maps(address: object) -> None:
    """Neither more public nor less."""
    mapped = ip_address(f"::ffff:{address}")
    assert is_public(mapped) == is_public(ip_address(str(address)))
