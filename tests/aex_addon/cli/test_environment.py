"""The environment of an agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.cli.context import Context
from aex_addon.cli.environment import address, change, refresh_bundle
from aex_addon.home import Home, HomeError
from certs.bundle import certificates
from certs.errors import AuthorityMissing

ROOT_URL = "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("door", "proxy", "base_url"),
    [("auto", True, True), ("proxy", True, False), ("base-url", False, True)],
)
def test_doors(context: Context, door: str, proxy: bool, base_url: bool) -> None:
    """Each door sets its own variables, auto those of both, and none is set and unset."""
    made = change(context, "shop", "aex_t", door)
    assert (made.set.get("HTTPS_PROXY") == "http://shop:aex_t@127.0.0.1:9000") is proxy
    assert ("SSL_CERT_FILE" in made.set) is proxy
    assert (made.set.get("OPENAI_BASE_URL") == f"{ROOT_URL}/v1") is base_url
    assert made.set["OPENAI_API_KEY"] == made.set["AEX_TOKEN"] == "aex_t"
    assert (made.set["AEX_AGENT"], made.set["AEX_BASE_URL"]) == ("shop", ROOT_URL)
    assert not set(made.unset) & made.set.keys()


def test_another_base_url_does_not_lead_around_aex(context: Context) -> None:
    """At the proxy door a base URL of the user's is taken away."""
    assert "OPENAI_BASE_URL" in change(context, "shop", "t", "proxy").unset


def test_ipv6_addresses_have_brackets() -> None:
    """The address of a gateway on IPv6 is written as URLs write it."""
    made = change(Context({"AEX_LISTEN": "[::1]:9"}), "shop", "t", "auto")
    assert made.set["AEX_BASE_URL"] == "http://[::1]:9"
    assert made.set["HTTPS_PROXY"] == "http://shop:t@[::1]:9"


def test_a_port_that_is_not_chosen_yet(home: Home) -> None:
    """Port 0 is known only while the gateway runs."""
    with pytest.raises(HomeError, match="aex up"):
        address(Context({"AEX_LISTEN": "127.0.0.1:0", "AEX_HOME": str(home.path)}))


def test_the_bundle_takes_the_users_roots_along(authority: Home, tmp_path: Path) -> None:
    """A root that the user's variables name is in the bundle, and stays for other agents."""
    from certs import ca

    before = Context({"AEX_HOME": str(authority.path)})
    refresh_bundle(before)
    plain = set(certificates(authority.bundle.read_bytes()))
    root = ca.load(authority.ca_dir).root_pem
    assert set(certificates(root)) <= plain
    extra = tmp_path / "corporate.pem"
    from trustme import CA

    CA().cert_pem.write_to_path(extra)
    refresh_bundle(Context({"AEX_HOME": str(authority.path), "SSL_CERT_FILE": str(extra)}))
    refresh_bundle(before)
    after = set(certificates(authority.bundle.read_bytes()))
    assert after == plain | set(certificates(extra.read_bytes()))


def test_no_ca_no_bundle(context: Context) -> None:
    """Before the first start there is nothing to trust."""
    with pytest.raises(AuthorityMissing):
        refresh_bundle(context)
