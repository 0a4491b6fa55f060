"""One name for one host, however a client spells it.

Owns: case, the root's dot, letters of other alphabets, brackets, and addresses of IPv4 in the forms
that resolvers take them in (octal, hexadecimal, fewer than four numbers).
Refuses to know: where a name leads, who may go there.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST = 253


def normal(host: str) -> str:
    """The name in ASCII and lower case, or the address as it is usually written.

    What ends in a number is an address or nothing: https://url.spec.whatwg.org/#host-parsing
    Raises ValueError with a sentence.
    """
    bare = host[1:-1] if ":" in host and host.startswith("[") and host.endswith("]") else host
    if "%" in bare:
        raise ValueError("an address with a zone is reached by nobody through AEX")
    found = _address(bare)
    if found is not None:
        return str(found)
    try:
        # Before any other look: digits and dots of other scripts become those of ASCII.
        name = bare.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        name = ""
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise ValueError("this is no host's name and no address")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        try:
            return str(IPv4Address(socket.inet_aton(name)))
        except OSError:
            raise ValueError("what ends in a number is an address, and this is none") from None
    return name


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return plain(found)


def plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address of IPv4 that one of IPv6 maps; any other as it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
