"""An entry of a list of hosts: names by glob, an address or a network, with a port or without.

Owns: how one is written, and which destinations it means. Pure.
Refuses to know: which list it stands in, how a client spells a host (aex_addon/host_names.py).

    api.example.com   *.example.com   *.example.com:443   *:22   *
    203.0.113.7   203.0.113.0/24   203.0.113.0/24:443   2001:db8::/32   [2001:db8::1]:443
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address

_PORT = re.compile(r"(.*):([0-9]{1,5})")
_BRACKETED = re.compile(r"\[([0-9a-f:.]+)\](.*)")
_GLOB = re.compile(r"[a-z0-9_*?-]+(\.[a-z0-9_*?-]+)*")
_OF_NUMBERS = re.compile(r"[0-9.?*]*[0-9][0-9.?*]*")

# https://www.rfc-editor.org/rfc/rfc6052#section-2.1
_NAT64 = IPv6Network("64:ff9b::/96")

_EXPECTED = (
    'expected a host as "*.example.com", an address or a network as "203.0.113.0/24", each with a '
    'port as in "*.example.com:443" or without'
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One of a list; a network of one address stands for that address. port None: every one."""

    glob: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    def means(self, host: str, port: int, address: Address | None) -> bool | None:
        """Whether this is that destination; None while it depends on an address not known yet.

        host: as host_names.normal has it; address: where it would be connected to.
        """
        if self.port is not None and self.port != port:
            return False
        if self.network is None:
            return fnmatchcase(host, self.glob)
        if address is None:
            return None
        return any(form in self.network for form in forms(address))


def forms(address: Address) -> Iterator[Address]:
    """The address, and the one of IPv4 that it stands for, if there is one."""
    yield address
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            yield inner


@lru_cache(maxsize=4096)
def parse(text: str) -> Entry:
    """The entry. Raises ValueError with a sentence that does not repeat it."""
    said = text.strip().lower()
    bracketed = _BRACKETED.fullmatch(said)
    if bracketed:
        said, rest = bracketed[1], bracketed[2]
    else:
        found = None if _network(said) else _PORT.fullmatch(said)
        said, rest = (found[1], f":{found[2]}") if found else (said, "")
    port = _PORT.fullmatch(rest)
    if rest and not (port and not port[1] and 0 < int(port[2]) < 65536):
        raise ValueError(_EXPECTED)
    number = int(port[2]) if port else None
    network = _network(said)
    if network is not None:
        return Entry("", network, number)
    return Entry(_glob(said), None, number)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _glob(text: str) -> str:
    try:
        glob = text if text.isascii() else text.encode("idna").decode().lower()
    except UnicodeError:
        raise ValueError(_EXPECTED) from None
    glob = glob.removesuffix(".")
    if _OF_NUMBERS.fullmatch(glob):
        raise ValueError('numbers are no pattern of names; write a network, as "10.0.0.0/8"')
    if not _GLOB.fullmatch(glob):
        raise ValueError(_EXPECTED)
    return glob


def unfit(entries: Sequence[str]) -> str:
    """Why these cannot be a list; "" where they can."""
    for each in entries:
        try:
            parse(each)
        except ValueError as error:
            return str(error)
    return ""


def held(
    allow: Sequence[str] | None,
    deny: Sequence[str] | None,
    host: str,
    port: int,
    address: Address | None,
) -> str:
    """ "" where the lists let the destination be reached, else `denied` or `unlisted`.

    allow None: everything. Without an address only what is sure already is refused.
    """
    if any(parse(each).means(host, port, address) for each in deny or ()):
        return "denied"
    if allow is None or any(parse(each).means(host, port, address) is not False for each in allow):
        return ""
    return "unlisted"


def literal(host: str) -> Address | None:
    """The address that a host is, where it is no name."""
    try:
        return ip_address(host)
    except ValueError:
        return None
