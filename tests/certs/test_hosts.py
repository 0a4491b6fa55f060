"""Laws of certs/hosts.py."""

from __future__ import annotations

import pytest

from certs.errors import HostRefused
from certs.hosts import permitted_names


def test_one_set_of_hosts_has_one_form() -> None:
    """Order, case, a trailing dot, a leading wildcard and repetition make no difference."""
    plain = permitted_names(["api.openai.com", "openai.azure.com"])
    assert permitted_names(["*.openai.azure.com", "API.OpenAI.com.", "api.openai.com"]) == plain
    assert plain == ("api.openai.com", "openai.azure.com")


def test_names_outside_ascii_are_encoded() -> None:
    """A constraint holds the name as it goes over the wire."""
    assert permitted_names(["bücher.example"]) == ("xn--bcher-kva.example",)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "com",
        "*.com",
        "*",
        "localhost",
        "10.0.0.1",
        "::1",
        "[::1]",
        "bedrock-runtime.*.amazonaws.com",
        "https://api.openai.com",
        "api.openai.com:443",
        "api.openai.com/v1",
        "api..openai.com",
        "-api.openai.com",
        "a b.example",
        "a\nb.example",
        f"{'a' * 64}.example",
        "ü" * 64 + ".example",
        ".".join(["abcdefg"] * 40),
    ],
)
def test_what_would_widen_the_limit_is_refused(host: str) -> None:
    """No host is taken that a constraint cannot hold, or that would permit a whole domain."""
    with pytest.raises(HostRefused):
        permitted_names(["api.openai.com", host])


def test_an_empty_list_is_refused() -> None:
    """A CA limited to no DNS name would be limited to nothing."""
    with pytest.raises(HostRefused, match="name one host"):
        permitted_names([])
