"""Destinations and keys come from the table and the operator's config alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.routes import Route, Routes, routes
from aex_addon.settings_tables import ProviderSettings
from aex_addon.settings_values import ConfigError
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
    assert route.credentials.name == "OPENAI_API_KEY"
    assert not route.credentials.goes_without


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
    assert route.credentials.goes_without


def test_keys() -> None:
    """The key comes from the variable named in the config, and shows in no representation."""
    found = table({"MY_KEY": "canary", "OPENAI_API_KEY": "other"}, api_key_env="MY_KEY")
    assert found.secrets.blot("canary, other") == "[key], other"
    assert "canary" not in repr(openai(found))
    assert not found.keyless


def test_a_missing_key() -> None:
    """It is told at the start where calls go without one, and not where they are refused."""
    assert table({"OPENAI_API_KEY": ""}).keyless == []
    found = table(upstream="http://127.0.0.1:1")
    assert found.keyless == [openai(found)]


def test_the_secrets_of_a_start(tmp_path: Path) -> None:
    """Files are read when a gateway begins, and not by whoever only needs the hosts."""
    path = tmp_path / "key"
    found = table(api_key_file=str(path))
    with pytest.raises(ConfigError, match=r"providers\.openai: cannot look at"):
        found.begin()
    path.write_text("canary-in-a-file\n")
    path.chmod(0o600)
    found.begin()
    assert found.secrets.blot("canary-in-a-file") == "[key]"


@pytest.mark.parametrize("host", ["api.openai.com", "API.OpenAI.com", "api.openai.com."])
def test_hosts(host: str) -> None:
    """A host is found in any case and with a root dot; anything but the whole name is not."""
    found = routes({}, {})
    assert found.by_host(host) == openai(found)
    for other in (f"x{host}", f"{host}x", "openai.com", "", f"{host}:443"):
        assert found.by_host(other) is None


def test_hosts_of_the_config() -> None:
    """Configured hosts replace the built-in ones and are what certificates are made for."""
    found = table(hosts=["b.example", "A.example"])
    others = {host for each in PROVIDERS if each.id != "openai" for host in each.hosts}
    assert set(found.hosts) == {"a.example", "b.example", *others}
    assert {"a.example", "b.example"} <= set(found.hosts)
    assert found.hosts == tuple(sorted(found.hosts))
    assert found.by_host("api.openai.com") is None


def test_an_unknown_provider() -> None:
    """A provider that AEX does not know, and that is no new one, is refused."""
    with pytest.raises(ConfigError, match=r"\[providers.openia\] is none of .*: .*openai"):
        routes({"openia": ProviderSettings()}, {})


def test_a_token_in_the_place_of_a_key() -> None:
    """An agent's token is never sent to a provider as if it were the provider's key."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds an agent's AEX token"):
        routes({}, {"OPENAI_API_KEY": mint().secret})


def asked(found: Routes, host: str) -> tuple[str, str, int, str]:
    route = found.by_host(host)
    assert route is not None
    return route.scheme, route.host, route.port, route.base_path


def test_each_host_is_its_own_upstream() -> None:
    """A call to a region goes to that region; the base URL leads to the provider's default."""
    found = routes({}, {"XAI_API_KEY": "k"})
    assert asked(found, "eu-west-1.api.x.ai") == ("https", "eu-west-1.api.x.ai", 443, "")
    assert asked(found, "api.x.ai") == ("https", "api.x.ai", 443, "")
    default = found.by_id("x-ai")
    assert default is not None
    assert default.host == "api.x.ai"
    assert not default.credentials.goes_without
    assert found.of("x-ai", "") is default
    assert found.of("x-ai", "eu-west-1.api.x.ai") is found.by_host("eu-west-1.api.x.ai")


def test_an_upstream_takes_the_calls_to_all_hosts() -> None:
    """Where the operator has named one, no host is asked itself."""
    settings = {"x-ai": ProviderSettings(upstream="http://mirror.example/x")}
    found = routes(settings, {})
    for host in ("api.x.ai", "us-east-1.api.x.ai"):
        assert asked(found, host) == ("http", "mirror.example", 80, "/x")


def test_a_new_provider_s_paths_are_its_own() -> None:
    """Its address' path is part of its paths under its own host, and is not put before them."""
    settings = {"mine": ProviderSettings(upstream="https://llm.example/api/v4", formats=["openai"])}
    found = routes(settings, {})
    assert asked(found, "llm.example") == ("https", "llm.example", 443, "")
    assert found.by_base_url("/mine/chat/completions?a") == ("mine", "/api/v4/chat/completions?a")
    assert found.by_base_url("/mine/v1/models") == ("mine", "/api/v4/models")
    assert found.by_base_url("/mine2/v1/models") is None


def test_an_address_that_nobody_has_named() -> None:
    """Azure has no route by its base URL until the operator says where it is."""
    found = routes({}, {"AZURE_OPENAI_API_KEY": "k"})
    assert found.by_id("azure") is None
    assert found.by_base_url("/azure/openai/v1/models") == ("azure", "/openai/v1/models")
    named = routes({"azure": ProviderSettings(hosts=["a.openai.azure.com"])}, {})
    assert asked(named, "a.openai.azure.com")[1] == "a.openai.azure.com"
    assert named.by_id("azure") is None
    route = named.by_host("a.openai.azure.com")
    assert route is not None
    assert not route.credentials.goes_without


def test_who_is_warned_about_a_missing_key() -> None:
    """An upstream of the operator's own that names a key, unless it is free or names none."""
    settings = {
        "groq": ProviderSettings(upstream="http://a.example"),
        "vllm": ProviderSettings(upstream="http://127.0.0.1:8000"),
        "mine": ProviderSettings(upstream="http://b.example", formats=["openai"]),
        "ours": ProviderSettings(
            upstream="http://c.example", formats=["openai"], api_key_env="OURS"
        ),
    }
    assert [route.id for route in routes(settings, {}).keyless] == ["groq", "ours"]
