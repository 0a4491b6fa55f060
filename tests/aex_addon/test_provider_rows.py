"""What aex.toml makes of the provider table, and which mistakes in it are told."""

from __future__ import annotations

from typing import Any

import pytest

from aex_addon.provider_rows import PAGES, Row, rows
from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_tables import ProviderSettings
from aex_addon.settings_values import ConfigError
from providers.paths import canonical
from providers.provider import KeyHeader
from providers.registry import PROVIDERS
from providers.subscriptions import METERED

NEW: dict[str, Any] = {"upstream": "https://llm.example/api/v4", "formats": ["openai"]}


def table(**configured: dict[str, Any]) -> dict[str, Row]:
    """Rows by id; dashes in names are written as underscores."""
    settings = {
        name.replace("__", "-"): ProviderSettings.model_validate(fields)
        for name, fields in configured.items()
    }
    return {row.provider.id: row for row in rows(settings)}


def mistakes(**configured: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as refused:
        table(**configured)
    return str(refused.value)


def test_without_config_the_table_is_the_built_in_one() -> None:
    """All rows are there, unchanged and unmoved."""
    found = table()
    assert [row.provider for row in found.values()] == list(PROVIDERS)
    assert not any(row.moved for row in found.values())
    assert {id_ for id_, row in found.items() if not row.upstream} == {
        *("azure", "vllm", "lmstudio", "llamacpp", "ollama")
    }


def test_a_new_provider_in_two_lines() -> None:
    """Its host is governed, its API is what stands below its address, at `/NAME`."""
    row = table(mine=NEW)["mine"]
    assert (row.upstream, row.moved) == ("https://llm.example", True)
    provider = row.provider
    assert provider.hosts == ("llm.example",)
    assert provider.base_prefixes == (("/mine", "/api/v4"), ("/mine/v1", "/api/v4"))
    assert provider.formats[0] == "compatible_chat"
    assert (provider.key_header, provider.api_key_env) == (KeyHeader(), "")
    assert canonical(provider.nests, "/api/v4/chat/completions")[0] == "/v1/chat/completions"
    assert canonical(provider.nests, "/chat/completions")[0] == ""


@pytest.mark.parametrize(
    ("upstream", "prefixes", "path", "theirs"),
    [
        ("http://127.0.0.1:8000", (("/mine", ""),), "/v1/x", "/v1/x"),
        ("http://127.0.0.1:8000", (("/mine", ""),), "/x", "/v1/x"),
        ("http://127.0.0.1:8000/v1", (("/mine", "/v1"), ("/mine/v1", "/v1")), "/v1/x", "/v1/x"),
        ("https://a.example/anthropic", (("/mine", "/anthropic"),), "/anthropic/v1/m", "/v1/m"),
        ("https://a.example/g", (("/mine", "/g"),), "/g/v1beta/models/x:y", "/v1beta/models/x:y"),
    ],
)
def test_where_a_new_provider_keeps_its_paths(
    upstream: str, prefixes: object, path: str, theirs: str
) -> None:
    """A version below the address counts as the format's own; without one it is `/v1`."""
    provider = table(mine={**NEW, "upstream": upstream})["mine"].provider
    assert provider.base_prefixes == prefixes
    assert canonical(provider.nests, path)[0] == theirs


@pytest.mark.parametrize(
    ("upstream", "hosts"),
    [
        ("https://llm.example/v1", ("llm.example",)),
        ("http://llm.example:8080", ("llm.example",)),
        ("http://127.0.0.1:8000", ()),
        ("http://[::1]:8000", ()),
        ("http://localhost:8000", ()),
        ("http://llm-box:8000", ()),
    ],
)
def test_only_a_public_name_is_governed(upstream: str, hosts: tuple[str, ...]) -> None:
    """An address or a bare name has no certificate, and is reached by its base URL."""
    assert table(mine={**NEW, "upstream": upstream})["mine"].provider.hosts == hosts


def test_azure_is_the_customer_s_own() -> None:
    """No host is governed by default; the one that the operator names is, and keeps its paths."""
    assert table()["azure"].provider.hosts == ()
    row = table(azure={"upstream": "https://me.openai.azure.com"})["azure"]
    assert row.provider.hosts == ("me.openai.azure.com",)
    assert row.provider.nests == next(p.nests for p in PROVIDERS if p.id == "azure")
    assert row.provider.key_header == KeyHeader("api-key", "")
    assert row.provider.own_names
    assert not table(azure={"price_as": "openai"})["azure"].provider.own_names


def test_a_mirror_keeps_the_provider_s_hosts() -> None:
    """A known provider that is sent elsewhere is governed under its own names all the same."""
    row = table(openai={"upstream": "https://mirror.example/gateway"})["openai"]
    assert (row.upstream, row.moved) == ("https://mirror.example/gateway", True)
    assert row.provider.hosts == ("api.openai.com",)
    assert row.provider.base_prefixes == (("/v1", "/v1"), ("/openai/v1", "/v1"))


def test_what_may_be_changed_of_a_row() -> None:
    """Hosts, key, header, formats and prices are the operator's to change."""
    row = table(
        groq={
            "hosts": ["groq.example"],
            "api_key_env": "OURS",
            "key_header": "X-Key: Token",
            "formats": ["deepseek", "openai"],
            "price_as": "deepseek",
        }
    )["groq"].provider
    assert (row.hosts, row.api_key_env) == (("groq.example",), "OURS")
    assert row.key_header == KeyHeader("x-key", "Token ")
    assert row.formats[:3] == ("deepseek_chat", "deepseek_responses", "compatible_free")
    assert "compatible_chat" in row.formats
    assert row.price_as == "deepseek"
    assert table(groq={"key_header": "api-key"})["groq"].provider.key_header.prefix == ""


def test_free_servers() -> None:
    """A server of one's own speaks the open dialect; a local row can be given prices."""
    row = table(mine={**NEW, "free": True})["mine"].provider
    assert (row.free, row.formats[0]) == (True, "local_chat")
    assert table(vllm={"upstream": "http://127.0.0.1:8000"})["vllm"].provider.free
    priced = table(vllm={"upstream": "http://127.0.0.1:8000", "free": False, "price_as": "groq"})
    assert (priced["vllm"].provider.free, priced["vllm"].provider.price_as) == (False, "groq")


def test_names_in_variables_have_no_dashes() -> None:
    """`AEX_PROVIDERS__X_AI__…` means the provider x-ai."""
    found = table(x_ai={"api_key_env": "OURS"})
    assert found["x-ai"].provider.api_key_env == "OURS"
    assert "x_ai" not in found
    assert "[providers.x-ai] is configured twice" in mistakes(x_ai={}, x__ai={})


@pytest.mark.parametrize(
    ("name", "fields", "told"),
    [
        ("openia", {}, "is none of those AEX knows: anthropic, aws, azure, cerebras"),
        ("openia", {}, "did you mean 'openai'? A new one needs upstream and formats."),
        ("mine", {"upstream": "https://llm.example"}, "A new one needs upstream and formats"),
        ("mine", {"formats": ["openai"]}, "A new one needs upstream and formats"),
        ("Mine", NEW, "has a name that no path can hold"),
        ("a/b", NEW, "has a name that no path can hold"),
        ("dashboard", NEW, "would hide AEX's own /dashboard"),
        ("v1", NEW, "would hide AEX's own /v1"),
        ("tools", NEW, "[providers.tools] is what the ledger calls AEX's own tools; use another"),
        ("tools", {}, "is what the ledger calls AEX's own tools"),
        ("gemini", NEW, "would hide google at /gemini"),
        ("mine", {**NEW, "free": True, "price_as": "openai"}, "is free, so price_as has no place"),
        (
            "mine",
            {**NEW, "hosts": ["api.groq.com"]},
            "api.groq.com is governed by groq and by mine",
        ),
        ("mine", {**NEW, "upstream": "https://api.x.ai/v1"}, "governed by x-ai and by mine"),
    ],
)
def test_mistakes(name: str, fields: dict[str, Any], told: str) -> None:
    """Each names its table and what to do."""
    assert told in mistakes(**{name: fields})


def test_all_mistakes_are_told_at_once() -> None:
    """One line for each provider that cannot be."""
    told = mistakes(openia={}, Mine=NEW, other={**NEW, "hosts": ["api.groq.com"]})
    assert len(told.splitlines()) == 3


def test_two_new_providers_cannot_share_a_host() -> None:
    """A call to it would be priced by chance."""
    told = mistakes(one=NEW, two={**NEW, "upstream": "https://llm.example/two"})
    assert told == "aex.toml: llm.example is governed by one and by two"


def test_no_built_in_prefix_is_a_page() -> None:
    """What the web serves under AEX's own address stays reachable."""
    taken = {
        ours.split("/")[1] for row in table().values() for ours, _ in row.provider.base_prefixes
    }
    assert PAGES & taken == {"v1"}


@pytest.mark.parametrize("provider", METERED)
def test_a_plan_is_metered_where_that_is_asked_for(provider: str) -> None:
    """By default every call at such a host is refused; the operator may have it metered."""
    names, plain = METERED[provider], table()[provider].provider
    key = provider.replace("-", "__")
    assert not set(names) & set(plain.formats)
    assert table(**{key: {"subscription": "refuse"}})[provider].provider == plain
    metered = table(**{key: {"subscription": "meter"}})[provider].provider
    assert metered.formats == (*names, *plain.formats)


@pytest.mark.parametrize("provider", ["openai", "claude__login"])
def test_no_other_plan_can_be_metered(provider: str) -> None:
    """Where there is no plan, or it is not metered, the key is a mistake."""
    told = mistakes(**{provider: {"subscription": "meter"}})
    assert "subscription is for chatgpt, code-assist" in told


def served(url: str, name: str = "desk", **fields: Any) -> Row:
    """The row of an MCP server."""
    return rows({}, {name: McpSettings.model_validate({"url": url, **fields})})[-1]


def test_a_server_of_mcp() -> None:
    """Its host is governed, if it has a public name; all its calls go to its own address."""
    row = served("https://mcp.example.com:8443/v1/mcp", paths=["/sse"], key_header="x-api-key")
    provider = row.provider
    assert (row.upstream, row.moved) == ("https://mcp.example.com:8443", True)
    assert (provider.id, provider.hosts) == ("desk", ("mcp.example.com",))
    assert (provider.base_prefixes, provider.formats) == ((("/desk", ""),), ("mcp", "mcp_free"))
    assert (provider.credentials, provider.key_header) == ("optional", KeyHeader("x-api-key", ""))
    assert canonical(provider.nests, "/v1/mcp") == canonical(provider.nests, "/sse")
    assert canonical(provider.nests, "/mcp")[0] == ""
    assert served("http://127.0.0.1:8000/mcp").provider.hosts == ()
    assert served("http://127.0.0.1:8000", hosts=["a.example"]).provider.hosts == ("a.example",)
    keyed = served("https://a.example", api_key_file="/k").provider
    assert keyed.credentials == served("https://a.example", credentials="key").provider.credentials
    assert keyed.credentials == "key"


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("openai", "https://a.example", "[mcp.openai] would hide openai at /openai"),
        ("chatgpt", "https://a.example", "[mcp.chatgpt] would hide chatgpt"),
        ("v1", "https://a.example", "would hide AEX's own /v1"),
        ("tools", "https://a.example", "[mcp.tools] is what the ledger calls AEX's own tools"),
        ("A", "https://a.example", "has a name that no path can hold"),
        ("desk", "https://api.openai.com/mcp", "governed by openai and by desk"),
        ("mine", "https://a.example", "[mcp.mine] is a provider's name too"),
    ],
)
def test_servers_that_cannot_be(name: str, url: str, told: str) -> None:
    """No name and no host is anybody else's."""
    mine = {"mine": ProviderSettings.model_validate(NEW)}
    with pytest.raises(ConfigError) as refused:
        rows(mine, {name: McpSettings.model_validate({"url": url})})
    assert told in str(refused.value)
