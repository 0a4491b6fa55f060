"""An entry means what it says, whether by name, address or network, and nothing by accident."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ledger.egress_entries import forms, held, literal, parse, unfit

MEANT = [
    # The entry, the host, its port, where it is; and whether it is meant.
    ("example.com", "example.com", 443, None, True),
    ("Example.COM.", "example.com", 443, None, True),
    ("example.com", "www.example.com", 443, None, False),
    ("*.example.com", "www.example.com", 443, None, True),
    ("*.example.com", "a.b.example.com", 443, None, True),
    ("*.example.com", "example.com", 443, None, False),
    ("*.example.com", "example.com.evil.org", 443, None, False),
    ("api?.example.com", "api2.example.com", 1, None, True),
    ("*.example.com:443", "www.example.com", 443, None, True),
    ("*.example.com:443", "www.example.com", 8443, None, False),
    ("*:22", "anything.example", 22, None, True),
    ("*:22", "203.0.113.7", 22, "203.0.113.7", True),
    ("*", "::1", 22, "::1", True),
    ("bücher.example", "xn--bcher-kva.example", 443, None, True),
    ("*.bücher.example", "a.xn--bcher-kva.example", 443, None, True),
    ("203.0.113.7", "203.0.113.7", 443, "203.0.113.7", True),
    ("203.0.113.7", "example.com", 443, "203.0.113.7", True),
    ("203.0.113.7", "example.com", 443, "203.0.113.8", False),
    ("203.0.113.7", "example.com", 443, None, None),
    ("203.0.113.7:80", "example.com", 443, None, False),
    ("203.0.113.7:80", "example.com", 80, "203.0.113.7", True),
    ("203.0.113.9/24", "example.com", 80, "203.0.113.7", True),
    ("203.0.113.0/24:443", "example.com", 443, "203.0.113.7", True),
    ("203.0.113.0/24", "example.com", 80, "64:ff9b::cb00:7107", True),
    ("203.0.113.0/24", "example.com", 80, "::ffff:203.0.113.7", True),
    ("2001:db8::/32", "example.com", 80, "2001:db8::1", True),
    ("[2001:db8::1]", "example.com", 80, "2001:db8::1", True),
    ("[2001:db8::1]:80", "example.com", 80, "2001:db8::1", True),
    ("[2001:db8::1]:80", "example.com", 81, "2001:db8::1", False),
    ("2001:db8::80", "example.com", 1, "2001:db8::80", True),
    ("0.0.0.0/0", "example.com", 1, "2001:db8::80", False),
]


@pytest.mark.parametrize(("entry", "host", "port", "address", "meant"), MEANT)
def test_what_an_entry_means(
    entry: str, host: str, port: int, address: str | None, meant: bool | None
) -> None:
    """By name where it is one, by address where that is known."""
    assert parse(entry).means(host, port, ip_address(address) if address else None) is meant


@pytest.mark.parametrize(
    "entry",
    [
        *("", " ", ":443", "example.com:", "example.com:0", "example.com:65536", "a:b", "a:1:2"),
        *("https://example.com", "example.com/path", "user@example.com", "a..b", ".example.com"),
        *("10.0.*", "10.*.*.*", "1234", "[::1", "[::1]x", "[example.com]", "[10.0.0.0/8]:x", "a b"),
        *("10.0.0.0/33", "::1/129", "exa[m]ple.com", "é" * 300),
    ],
)
def test_what_is_no_entry(entry: str) -> None:
    """It is refused with a sentence that says what one looks like."""
    assert unfit(["example.com", entry]).startswith(("expected", "numbers"))


ADDRESS = ip_address("203.0.113.7")


@pytest.mark.parametrize(
    ("allow", "deny", "before", "after"),
    [
        (None, None, "", ""),
        (None, ["*.example.com"], "denied", "denied"),
        (None, ["other.org"], "", ""),
        (None, ["203.0.113.0/24"], "", "denied"),
        ([], None, "unlisted", "unlisted"),
        (["*.example.com"], None, "", ""),
        (["*.example.com"], ["www.example.com"], "denied", "denied"),
        (["*.example.com:80"], None, "unlisted", "unlisted"),
        (["203.0.113.0/24"], None, "", ""),
        (["198.51.100.0/24"], None, "", "unlisted"),
        (["*"], ["203.0.113.7"], "", "denied"),
    ],
)
def test_two_lists(
    allow: list[str] | None, deny: list[str] | None, before: str, after: str
) -> None:
    """What is denied stays so, whatever is allowed; what depends on an address waits for it."""
    assert held(allow, deny, "www.example.com", 443, None) == before
    assert held(allow, deny, "www.example.com", 443, ADDRESS) == after


def test_forms_of_an_address() -> None:
    """One that carries another is both."""
    told = {text: [str(form) for form in forms(ip_address(text))] for text in ("::1", "10.0.0.1")}
    assert told == {"::1": ["::1"], "10.0.0.1": ["10.0.0.1"]}
    assert [str(form) for form in forms(ip_address("64:ff9b::a00:1"))][1] == "10.0.0.1"
    assert literal("example.com") is None
    assert literal("10.0.0.1") == ip_address("10.0.0.1")
