"""What a connection says first names who is meant, however its bytes are cut."""

from __future__ import annotations

import ssl

import pytest

from aex_addon.first_words import Unfinished, hosts_named


def hello(name: str | None) -> bytes:
    """The first message of TLS to that name."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def head(line: str, *fields: str) -> bytes:
    return "\r\n".join([line, *fields, "", ""]).encode()


SAID: list[tuple[bytes, tuple[str, ...]]] = [
    (hello("api.openai.com"), ("api.openai.com",)),
    (hello("API.openai.com"), ("api.openai.com",)),
    (hello(None), ()),
    (head("GET / HTTP/1.1", "host: api.openai.com"), ("api.openai.com",)),
    (head("GET / HTTP/1.1", "x: y", "HOST:\tAPI.openai.com.:80 "), ("api.openai.com",)),
    (head("GET / HTTP/1.1", "x: host: api.openai.com"), ()),
    (head("GET / HTTP/1.0"), ()),
    (head("POST http://a.example:80/x HTTP/1.1", "host: b.example"), ("b.example", "a.example")),
    (head("GET / HTTP/1.1", "host: a.example", "host: b.example"), ("a.example", "b.example")),
    (b"GET / HTTP/1.1\nhost: a.example\n\n", ("a.example",)),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ()),
]
NAMELESS = [
    *(b"SSH-2.0-x\r\n", b"hello\r\n", b"\x00", b"\x16\x04\x01\x00", b"get / HTTP/1.1\r\n"),
    *(b"EHLO a b\r\n", b"GET\r\n", b"A" * 17, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
]


@pytest.mark.parametrize(("said", "named"), SAID, ids=range(len(SAID)))
def test_names(said: bytes, named: tuple[str, ...]) -> None:
    """SNI or Host, and nothing before all of it is there: what follows it changes nothing."""
    assert hosts_named(said) == named
    assert hosts_named(said + b"more \x00") == named
    if named:
        for length in range(len(said)):
            with pytest.raises(Unfinished):
                hosts_named(said[:length])


@pytest.mark.parametrize("said", NAMELESS, ids=range(len(NAMELESS)))
def test_what_names_nobody(said: bytes) -> None:
    """Whatever is neither TLS nor HTTP/1 is known as that, and not waited for."""
    assert hosts_named(said) == ()


@pytest.mark.parametrize("said", [b"", b"G", b"GE", b"GET", b"GET /x", b"\x16", b"\x16\x03\x01"])
def test_what_may_yet_be_either(said: bytes) -> None:
    """A beginning of TLS or of HTTP needs more."""
    with pytest.raises(Unfinished):
        hosts_named(said)
