"""The other ways in: mitmproxy's modes that take connections from agents that know of no proxy.

Owns: which modes there are for `[capture."MODE"]`, how they are written, what they tell apart.
Refuses to know: connections, who pays (payers.py), mitmproxy.

    transparent@HOST:PORT        TCP that a firewall redirects here; told apart by source address
    wireguard[:FILE]@HOST:PORT   a VPN with one peer, whose keys FILE holds; all of it is that peer
    local:NAME[,NAME]            processes of this machine, by name or id; all of it is theirs

They are written as mitmproxy writes them: https://docs.mitmproxy.org/stable/concepts/modes/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aex_addon import addresses

Network = IPv4Network | IPv6Network

_LISTENING = re.compile(r"(transparent|wireguard(?::[^@\s]+)?)@(\S+)")
_LOCAL = re.compile(r"local:[\w.-]+(,[\w.-]+)*")

# Modes whose clients name no proxy, as mitmproxy calls them, whether AEX has them or not.
CAPTURING = frozenset(("transparent", "wireguard", "local", "tun"))


def kind_of(mode: str) -> str:
    """`transparent`, `wireguard` or `local`. Raises ValueError for what is none of them."""
    found = _LISTENING.fullmatch(mode)
    if found:
        addresses.split_listen(found[2])
        return found[1].partition(":")[0]
    if _LOCAL.fullmatch(mode):
        return "local"
    raise ValueError(
        'expected "transparent@HOST:PORT", "wireguard:FILE@HOST:PORT" or "local:PROCESS,PROCESS"'
    )


def as_mitmproxy(mode: str) -> str:
    """The mode as mitmproxy reads it: without brackets around an address."""
    head, at, listen = mode.rpartition("@")
    if not at:
        return mode
    host, port = addresses.split_listen(listen)
    return f"{head}@{host}:{port}"


def source_of(text: str) -> Network:
    """An address or a network of them. Raises ValueError."""
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(
            f'{text!r} is no source; expected an address or a network, as "10.0.0.5" or '
            '"10.0.1.0/24"'
        ) from None


def payer_of(agents: Mapping[Network, str], address: str) -> str | None:
    """Whose the source address is: that of the narrowest network it lies in, or None."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        # A socket for both families names IPv4 clients so.
        found = found.ipv4_mapped
    fitting = [network for network in agents if found in network]
    return agents[max(fitting, key=lambda each: each.prefixlen)] if fitting else None
