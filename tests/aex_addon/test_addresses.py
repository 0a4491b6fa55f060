"""Addresses in the configuration: what is taken, and that a mistake is told without its value."""

from __future__ import annotations

import pytest

from aex_addon.addresses import ledger, split_listen, upstream, witness_url


@pytest.mark.parametrize(
    "text",
    ["9000", ":9000", "127.0.0.1", "127.0.0.1:", "h:65536", "h:-1", "::1:9000", "h:٣", "a b:1"],
)
def test_listen_is_host_and_port(text: str) -> None:
    """Anything but HOST:PORT is refused: a forgotten host would open every interface."""
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        split_listen(text)


def test_listen_forms() -> None:
    """Names, IPv4, bracketed IPv6 and port 0 are taken."""
    assert split_listen("localhost:0") == ("localhost", 0)
    assert split_listen("[::1]:65535") == ("::1", 65535)
    assert split_listen("0.0.0.0:80") == ("0.0.0.0", 80)


@pytest.mark.parametrize("text", ["https://w.example/aex?log=1", "http://127.0.0.1:9/", "http://w"])
def test_a_witness_is_an_address(text: str) -> None:
    """Paths, queries and ports are taken as they are."""
    assert witness_url(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "w.example", "ftp://w", "https://", "https://w/a b", "https://hunter2@w/", "file:/x"],
)
def test_what_is_no_witness(text: str) -> None:
    """Anything else is refused, credentials too, and the sentence does not repeat it."""
    with pytest.raises(ValueError, match="witness") as refused:
        witness_url(text)
    assert "hunter2" not in str(refused.value)


def test_the_other_addresses() -> None:
    """A ledger is a file or a server, an upstream loses its last slash."""
    assert ledger("sqlite:///l.db") == "sqlite:///l.db"
    assert upstream("https://h/v1/") == "https://h/v1"
    for check, text in ((ledger, "mysql://h/d"), (upstream, "h"), (upstream, "https://u@h")):
        with pytest.raises(ValueError):
            check(text)
