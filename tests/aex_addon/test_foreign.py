"""A foreign request goes to the address that was judged, under the name that was."""

from __future__ import annotations

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from aex_addon import foreign


def request(host: str | None, url: str = "http://good.example:8080/x") -> http.Request:
    made = http.Request.make("GET", url)
    made.headers.pop("host", None)
    if host is not None:
        made.headers["Host"] = host
    made.authority = ""
    return made


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("good.example:8080", "good.example:8080"),
        ("GOOD.example.:8080", "GOOD.example.:8080"),
        ("good.example", "good.example"),
        (None, "good.example:8080"),
        ("", "good.example:8080"),
        ("evil.example", "good.example:8080"),
        ("good.example, evil.example", "good.example:8080"),
        ("good.example/x", "good.example:8080"),
    ],
)
def test_the_host_that_is_named(said: str | None, sent: str) -> None:
    """It stays as it is where it means the same host; it is never the address."""
    found = request(said)
    foreign.lead(found, "good.example", "203.0.113.7")
    assert (found.host, found.port, found.stream) == ("203.0.113.7", 8080, True)
    assert found.headers.get_all("host") == [sent]


def test_an_address_of_ipv6() -> None:
    """It is named in brackets."""
    found = request(None, "http://[2001:db8::1]/")
    foreign.lead(found, "2001:db8::1", "2001:db8::1")
    assert found.headers["host"] == "[2001:db8::1]"


def test_a_fault() -> None:
    """It is told as one that may be over soon."""
    answer = foreign.fault(tflow.tflow())
    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "true")


def test_a_name_to_look_up() -> None:
    """What is spelled as no host is itself, and governed by nobody."""
    told = ("API.OpenAI.com.", "ａpi.openai.com", "A B")
    assert [foreign.named(each) for each in told] == ["api.openai.com", "api.openai.com", "a b"]
