"""A host has one name, however a client spells it; what a resolver would take otherwise is none."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aex_addon.host_names import normal

LOOPBACK = (
    *("127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "0x7f.1", "0x7F000001", "2130706433"),
    *("0177.0.0.1", "017700000001", "0x7f.0x0.0x0.0x1", "::ffff:127.0.0.1", "::FFFF:7f00:1"),
    *("[::ffff:127.0.0.1]", "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "0177.1."),
)


@pytest.mark.parametrize("spelled", LOOPBACK)
def test_one_address_has_many_spellings(spelled: str) -> None:
    """Each of those that a resolver takes is the address as it is usually written."""
    assert normal(spelled) == "127.0.0.1"


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com.", "example.com"),
        ("localhost.", "localhost"),
        ("LOCALHOST", "localhost"),
        ("ｌｏｃａｌｈｏｓｔ", "localhost"),
        ("a_b-c.example", "a_b-c.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8::0001", "2001:db8::1"),
        ("::7f00:1", "::7f00:1"),
        ("0", "0.0.0.0"),
        ("1.2.3.4.example", "1.2.3.4.example"),
        ("0x7f.example", "0x7f.example"),
        ("example.0x7g", "example.0x7g"),
    ],
)
def test_a_name_is_in_one_form(spelled: str, name: str) -> None:
    """Lower case, ASCII, without the root's dot; an address of IPv6 without brackets."""
    assert normal(spelled) == name


@pytest.mark.parametrize(
    "spelled",
    [
        *(
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a b",
            "a\tb",
            "a\0b",
            "a/b",
            "a:b",
            "a@b",
            "[",
            "[]",
            "[a]",
        ),
        *("fe80::1%eth0", "fe80::1%25eth0", "[fe80::1%lo]", "127.0.0.1%lo", "127%2e0.0.1"),
        *("1.2.3.4.5", "256.256.256.256", "08.1.1.1", "example.1", "0x1g.1", "4294967296", "::1::"),
        *("a" * 64, ".".join(["a" * 63] * 4) + ".x", "\u2024", "a\u3002\u3002b"),
    ],
)
def test_what_is_no_host(spelled: str) -> None:
    """It is refused, not passed to a resolver that may make something of it."""
    with pytest.raises(ValueError, match=r"^(this|what|an address)"):
        normal(spelled)


@given(st.text(alphabet="0123456789abcdefx.:[]%-_é。１", max_size=20))
def test_a_name_stays_as_it_is(spelled: str) -> None:
    """What has its form already is not changed any more; and a name is none to `inet_aton`."""
    try:
        name = normal(spelled)
    except ValueError:
        return
    assert normal(name) == name
    try:
        packed = socket.inet_aton(name)
    except OSError:
        return
    assert socket.inet_ntoa(packed) == name
