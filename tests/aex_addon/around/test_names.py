"""The name server of a jail, asked by hand and with the system's own resolver's packets."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from aex_addon.around.names import Names


def question(name: str, kind: int = 1, number: int = 7) -> bytes:
    """A packet that asks for a name."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    header = struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack("!HH", kind, 1)


def test_a_name_has_one_address_of_its_own() -> None:
    """Asked again it is the same, another name has another, and both can be told apart."""
    names = Names()
    first, other = names.answer(question("api.openai.com")), names.answer(question("b.example"))
    assert first is not None
    assert other is not None
    assert first[:2] == struct.pack("!H", 7)
    assert first[-4:] == bytes((198, 18, 0, 1))
    assert other[-4:] == bytes((198, 18, 0, 2))
    assert names.answer(question("API.OpenAI.com"))[-4:] == first[-4:]  # type: ignore[index]
    assert names.by_address == {"198.18.0.1": "api.openai.com", "198.18.0.2": "b.example"}


def test_other_records_are_empty() -> None:
    """There is no IPv6 address, and no error either."""
    names = Names()
    answer = names.answer(question("api.openai.com", kind=28))
    assert answer is not None
    assert struct.unpack_from("!HHHHHH", answer) == (7, 0x8180, 1, 0, 0, 0)
    assert names.by_address == {}


@given(st.binary(max_size=80))
def test_any_packet_is_survived(packet: bytes) -> None:
    """Whatever arrives is answered or passed over, and an answer is no question."""
    answer = Names().answer(packet)
    assert answer is None or answer[2] & 0x80
    assert Names().answer(b"\0\0\x80" + packet) is None
