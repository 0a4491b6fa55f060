"""Destinations and keys come from the table and the operator's config alone."""

from __future__ import annotations

import pytest

from aex_addon.routes import Route, Routes, routes
from aex_addon.settings import ConfigError, ProviderSettings
from aex_addon.tokens import mint
from providers.registry import PROVIDERS


def table(environ: dict[str, str] | None = None, **changes: object) -> Routes:
    return routes({"openai": ProviderSettings.model_validate(changes)}, environ or {})


def openai(found: Routes) -> Route:
    route = found.by_id("openai")
    assert route is not None
    return route


def test_the_built_in_row() -> None:
    """Without config a provider's own host is asked, over TLS, and a key is needed."""
    route = openai(routes({}, {}))
    assert (route.scheme, route.host, route.port, route.base_path) == (
        "https",
        "api.openai.com",
        443,
        "",
    )
    assert (route.key, route.key_name, route.key_required) == (None, "OPENAI_API_KEY", True)


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        ("http://127.0.0.1:19001", ("http", "127.0.0.1", 19001, "")),
        ("http://models.example", ("http", "models.example", 80, "")),
        ("https://models.example/gateway/", ("https", "models.example", 443, "/gateway")),
        ("http://[::1]:8080", ("http", "::1", 8080, "")),
    ],
)
def test_another_upstream(upstream: str, expected: tuple[object, ...]) -> None:
    """An upstream in the config moves the calls, and makes the key optional."""
    route = openai(table(upstream=upstream))
    assert (route.scheme, route.host, route.port, route.base_path) == expected
    assert not route.key_required


def test_keys() -> None:
    """The key comes from the variable named in the config, and shows in no representation."""
    found = table({"MY_KEY": "canary", "OPENAI_API_KEY": "other"}, api_key_env="MY_KEY")
    assert found.keys == ["canary"]
    assert "canary" not in repr(openai(found))
    assert table({"OPENAI_API_KEY": ""}).keys == []


@pytest.mark.parametrize("host", ["api.openai.com", "API.OpenAI.com", "api.openai.com."])
def test_hosts(host: str) -> None:
    """A host is found in any case and with a root dot; anything but the whole name is not."""
    found = routes({}, {})
    assert found.by_host(host) is openai(found)
    for other in (f"x{host}", f"{host}x", "openai.com", "", f"{host}:443"):
        assert found.by_host(other) is None


def test_hosts_of_the_config() -> None:
    """Configured hosts replace the built-in ones and are what certificates are made for."""
    found = table(hosts=["b.example", "A.example"])
    others = {host for each in PROVIDERS if each.id != "openai" for host in each.hosts}
    assert set(found.hosts) == {"a.example", "b.example", *others}
    assert found.by_host("api.openai.com") is None


def test_an_unknown_provider() -> None:
    """A provider that AEX does not know is refused with those that it knows."""
    with pytest.raises(ConfigError, match=r"\[providers.openia\] is none of .*: .*openai"):
        routes({"openia": ProviderSettings()}, {})


def test_a_token_in_the_place_of_a_key() -> None:
    """An agent's token is never sent to a provider as if it were the provider's key."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds an agent's AEX token"):
        routes({}, {"OPENAI_API_KEY": mint().secret})
