"""Modes of capture are written as mitmproxy writes them, and the narrowest source decides."""

from __future__ import annotations

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from aex_addon.capture_modes import CAPTURING, as_mitmproxy, kind_of, payer_of, source_of

MODES = {
    "transparent@0.0.0.0:8080": ("transparent", "0.0.0.0", 8080),
    "transparent@[::1]:8080": ("transparent", "::1", 8080),
    "wireguard@10.0.0.1:51820": ("wireguard", "10.0.0.1", 51820),
    "wireguard:/etc/aex/one.conf@0.0.0.0:51821": ("wireguard", "0.0.0.0", 51821),
    "local:claude": ("local", None, None),
    "local:claude,codex,4711": ("local", None, None),
}


@pytest.mark.parametrize("mode", MODES)
def test_mitmproxy_reads_them_alike(mode: str) -> None:
    """What is taken here is a mode of that kind there, with the same address."""
    kind, host, port = MODES[mode]
    read = ProxyMode.parse(as_mitmproxy(mode))
    assert kind_of(mode) == read.type_name == kind
    assert (read.custom_listen_host, read.custom_listen_port) == (host, port)
    assert kind in CAPTURING


@pytest.mark.parametrize(
    "mode",
    [
        *("transparent", "transparent@8080", "transparent@:8080", "transparent:x@127.0.0.1:80"),
        *("wireguard", "wireguard@51820", "local", "local:", "local:!claude", "local:a b"),
        *("regular@127.0.0.1:9000", "socks5@127.0.0.1:9000", "tun", "", "local:x@127.0.0.1:1"),
    ],
)
def test_what_is_none(mode: str) -> None:
    """All interfaces are named on purpose, all processes never, and other modes are not taken."""
    with pytest.raises(ValueError, match="expected"):
        kind_of(mode)


@pytest.mark.parametrize(
    ("address", "payer"),
    [
        ("10.0.1.7", "one"),
        ("10.0.1.8", "net"),
        ("::ffff:10.0.1.7", "one"),
        ("10.0.2.1", "wide"),
        ("11.0.0.1", None),
        ("fd00::7", "six"),
        ("fd00::7%eth0", "six"),
        ("fe80::1", None),
        ("nonsense", None),
    ],
)
def test_the_narrowest_source_pays(address: str, payer: str | None) -> None:
    """An address alone goes before its network; a family says nothing of the other."""
    named = {"10.0.0.0/8": "wide", "10.0.1.7": "one", "10.0.1.0/24": "net", "fd00::/8": "six"}
    assert payer_of({source_of(text): name for text, name in named.items()}, address) == payer


@pytest.mark.parametrize("text", ["10.0.0.1/8", "host.example", "", "10.0.0.0/33"])
def test_what_is_no_source(text: str) -> None:
    """A name, or a network with bits below its mask, is told with an example."""
    with pytest.raises(ValueError, match="is no source"):
        source_of(text)
