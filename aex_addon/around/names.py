"""The name server of a jail: each name has an address, which leads nowhere.

Owns: reading a question, writing its answer, and which name got which address.
Refuses to know: sockets. Addresses are those that benchmarks use among themselves (RFC 2544), so
none can be a real host's.

Format: https://www.rfc-editor.org/rfc/rfc1035 section 4
"""

from __future__ import annotations

import ipaddress
import struct

_NETWORK = ipaddress.IPv4Network("198.18.0.0/15")
_A, _INTERNET = 1, 1
_ANSWERED, _TTL_S = 0x8180, 1


class Names:
    """`by_address` says what was asked for where a connection goes."""

    def __init__(self) -> None:
        self._addresses: dict[str, ipaddress.IPv4Address] = {}
        self.by_address: dict[str, str] = {}

    def address(self, name: str) -> ipaddress.IPv4Address:
        """Always the same for a name; the last one is shared once all are given."""
        if name not in self._addresses:
            number = min(len(self._addresses) + 1, _NETWORK.num_addresses - 2)
            self._addresses[name] = _NETWORK[number]
            self.by_address[str(_NETWORK[number])] = name
        return self._addresses[name]

    def answer(self, question: bytes) -> bytes | None:
        """The answer to a packet; None where it is no question that makes sense."""
        if len(question) < 12 or question[2] & 0x80:
            return None
        read = _name(question)
        if read is None:
            return None
        name, end = read
        if len(question) < end + 4:
            return None
        kind, space = struct.unpack_from("!HH", question, end)
        found = b""
        if (kind, space) == (_A, _INTERNET):
            address = self.address(name).packed
            # The name is where the question has it: 12 bytes into the packet.
            found = struct.pack("!HHHIH", 0xC00C, _A, _INTERNET, _TTL_S, 4) + address
        counts = struct.pack("!HHHH", 1, 1 if found else 0, 0, 0)
        return question[:2] + struct.pack("!H", _ANSWERED) + counts + question[12 : end + 4] + found


def _name(packet: bytes) -> tuple[str, int] | None:
    """The name that the packet asks for, and where it ends."""
    labels, at = [], 12
    while at < len(packet) and packet[at]:
        length = packet[at]
        if length > 63 or at + 1 + length > len(packet):
            return None
        labels.append(packet[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += 1 + length
    return (".".join(labels), at + 1) if at < len(packet) else None
