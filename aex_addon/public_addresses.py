"""Which addresses are everybody's, and which only this network's or this machine's.

Owns: that line. What is not plainly an address of a host on the internet is none: loopback,
link-local, private, shared (CGNAT), multicast, reserved, and those that carry one of these inside.
Refuses to know: exceptions that an operator makes, names.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from ledger.egress_entries import Address, forms

# Where clouds hand credentials to their machines, which no name is to lead to: of most, Azure,
# Alibaba and Oracle; in IPv6 of most, AWS and Google.
_METADATA: tuple[IPv4Network | IPv6Network, ...] = (
    *map(IPv4Network, ("169.254.0.0/16", "168.63.129.16", "100.100.100.200", "192.0.0.192")),
    *map(IPv6Network, ("fe80::/10", "fd00:ec2::254", "fd20:ce::254")),
)

# A relay to 6to4, which has no host: https://www.rfc-editor.org/rfc/rfc7526
_RELAY = IPv4Network("192.88.99.0/24")

# For examples, later than what Python knows: https://www.rfc-editor.org/rfc/rfc9637
_EXAMPLES = IPv6Network("3fff::/20")

# https://www.iana.org/assignments/ipv6-unicast-address-assignments
_UNICAST = IPv6Network("2000::/3")


def is_public(address: Address) -> bool:
    """True for a host on the internet. Addresses of NAT64 are what they carry; those of 6to4 and
    Teredo, which no host needs any more, are not public."""
    *_, inner = forms(address)
    return _is_public_v4(inner) if isinstance(inner, IPv4Address) else _is_public_v6(inner)


def is_metadata(address: Address) -> bool:
    """True where a machine gets what is its own alone: link-local addresses and their like."""
    return any(form in network for form in forms(address) for network in _METADATA)


def _is_public_v4(address: IPv4Address) -> bool:
    if address.is_multicast or not address.is_global:
        return False
    return address not in _RELAY and not is_metadata(address)


def _is_public_v6(address: IPv6Address) -> bool:
    if address not in _UNICAST or address in _EXAMPLES or address.sixtofour is not None:
        return False
    return address.is_global
