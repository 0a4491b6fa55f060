"""Settings: read from file and environment, and every mistake told where it stands."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from aex_addon.home import Home, HomeError
from aex_addon.settings import Settings
from aex_addon.settings_egress import EgressSettings
from aex_addon.settings_load import OTHER_VARIABLES, load
from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_rules import PolicySettings
from aex_addon.settings_tables import (
    CaptureSettings,
    ModelSettings,
    ProviderSettings,
    RouteSettings,
)
from aex_addon.settings_values import ConfigError

FULL = """\
listen = "127.0.0.1:9000"
ledger = "sqlite:///ledger.db"            # relative to AEX_HOME
[providers.openai]
upstream = "http://127.0.0.1:19001/"
api_key_env = "OPENAI_API_KEY"
[models."my-model"]
provider = "openai"
input_usd_per_mtok = "0.15"
output_usd_per_mtok = "0.60"
max_output_tokens = 16384
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home without a file."""
    found = Home(tmp_path / "home")
    found.ensure()
    return found


def read(home: Home, text: str, **environ: str) -> Settings:
    """The settings of this text and environment."""
    home.config.write_text(text)
    return load(home, environ)


def mistakes(home: Home, text: str, **environ: str) -> tuple[str, ...]:
    """The lines that are told."""
    with pytest.raises(ConfigError) as refused:
        read(home, text, **environ)
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def test_without_a_file_the_defaults_hold(home: Home) -> None:
    """No file and no variable give the defaults, on loopback."""
    settings = load(home, {"PATH": "/bin", "AEX_HOME": "/h", "AEX_TOKEN": "x"})
    assert settings == Settings()
    assert (settings.listen_host, settings.listen_port) == ("127.0.0.1", 9000)
    assert settings.unpriced_models == settings.unmetered_paths == "refuse"


def test_the_documented_file_is_read(home: Home) -> None:
    """The example of the documentation gives what it says, exactly."""
    settings = read(home, FULL)
    assert settings.providers["openai"].upstream == "http://127.0.0.1:19001"
    model = settings.models["my-model"]
    assert model.input_usd_per_mtok == Decimal("0.15")
    assert (model.max_output_tokens, model.cache_read_usd_per_mtok) == (16384, None)


def test_settings_do_not_change(home: Home) -> None:
    """They are frozen."""
    with pytest.raises(ValidationError):
        setattr(load(home, {}), "listen", "x:1")  # noqa: B010


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('\n\nlisen = "x"', "aex.toml:3: unknown key 'lisen'; did you mean 'listen'?"),
        (
            "[providers.openai]\n# c\nupstraem = 'x'",
            "aex.toml:3: unknown key 'upstraem'; did you mean 'upstream'?",
        ),
        ("listen = 9000", "aex.toml:1: listen: expected text in quotes"),
        ('drain_seconds = "9"', "aex.toml:1: drain_seconds: expected a whole number"),
        ("drain_seconds = true", "aex.toml:1: drain_seconds: expected a whole number"),
        ("body_limit_mib = 0", "aex.toml:1: body_limit_mib: expected 1 or more"),
        ("body_limit_mib = 1025", "aex.toml:1: body_limit_mib: expected 1024 at most"),
        ("providers = 3", "aex.toml:1: providers: expected a table"),
        ("[providers]\nopenai = 3", "aex.toml:2: providers.openai: expected a table"),
        (
            '[providers.openai]\nhosts = "x"',
            "aex.toml:2: providers.openai.hosts: expected a list",
        ),
        (
            'recovery = "chrage"',
            "aex.toml:1: recovery: expected 'charge' or 'release'",
        ),
        ("[denial_status]\n\nbudget = 200", "aex.toml:3: denial_status.budget: expected 400 or"),
        (
            '[models."a.b"]\ninput_usd_per_mtok = "1"',
            "aex.toml:1: [models.a.b] needs the key 'provider'",
        ),
        ("x = = 3", "aex.toml:1: Invalid value"),
        ("a = 1\na = 2\n", "aex.toml:2: Cannot overwrite a value"),
    ],
)
def test_a_mistake_is_told_with_its_line(home: Home, text: str, line: str) -> None:
    """File, line, key and what is expected stand in one line."""
    told = mistakes(home, text)
    assert len(told) == 1
    assert told[0].startswith(line)


def test_all_mistakes_are_told_at_once(home: Home) -> None:
    """Three mistakes, of file and environment, are three lines."""
    told = mistakes(home, 'lisen = "x"\ndrain_seconds = "1"', AEX_LOG_LEVEL="loud")
    assert [line.partition(":")[0] for line in told] == ["aex.toml", "aex.toml", "AEX_LOG_LEVEL"]


def test_far_off_keys_get_the_list(home: Home) -> None:
    """Where nothing is near, the keys that there are are named."""
    (told,) = mistakes(home, "zzzzzz = 1")
    assert "known here: audio_seconds_max, body_limit_mib, capture, checkpoint_every_events" in told


@pytest.mark.parametrize(
    "upstream",
    [
        "api.openai.com",
        "ftp://x.example",
        "http://",
        "https://x.example?y=1",
        "https://x.example#y",
        "https://user:secret@x.example",
        "https://x.example:0",
        "https://x.example:x",
        "https://x example",
    ],
)
def test_an_upstream_is_an_address(upstream: str) -> None:
    """Only plain http and https addresses, without credentials, can be an upstream."""
    with pytest.raises(ValidationError) as refused:
        ProviderSettings(upstream=upstream)
    assert "secret" not in str(refused.value)


def test_an_upstream_may_have_a_path() -> None:
    """A path is kept, without a slash at its end."""
    assert ProviderSettings(upstream="https://x.example/v1/").upstream == "https://x.example/v1"


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://x.db", "sqlite:///", "ledger.db"])
def test_a_ledger_is_a_file_or_a_server(url: str) -> None:
    """Only SQLite files and PostgreSQL are ledgers."""
    with pytest.raises(ValidationError):
        Settings(ledger=url)


def test_a_password_in_the_file_makes_it_a_secret(home: Home) -> None:
    """A file with a password that others may read is refused; without one it may be read."""
    text = 'ledger = "postgresql://aex:hunter2@db.example/aex"'
    home.config.write_text(text)
    home.config.chmod(0o644)
    with pytest.raises(HomeError, match="chmod 600") as refused:
        load(home, {})
    assert "hunter2" not in str(refused.value)
    home.config.chmod(0o600)
    assert load(home, {}).ledger.startswith("postgresql://")
    home.config.write_text("drain_seconds = 3")
    home.config.chmod(0o644)
    assert load(home, {}).drain_seconds == 3


SAMPLES: dict[str, tuple[str, Any]] = {
    "listen": ("127.0.0.1:1", "127.0.0.1:1"),
    "ledger": ("sqlite:///x.db", "sqlite:///x.db"),
    "providers.openai.upstream": ("http://a.example", "http://a.example"),
    "providers.openai.credentials": ("aws", "aws"),
    "providers.openai.api_key_env": ("KEY", "KEY"),
    "providers.openai.api_key_ttl_seconds": ("60", 60),
    "providers.openai.hosts": ("a.example, b.example", ["a.example", "b.example"]),
    "providers.openai.key_header": ("x-key: Token", "x-key: Token"),
    "providers.openai.formats": ("openai, groq", ["openai", "groq"]),
    "providers.openai.price_as": ("groq", "groq"),
    "providers.openai.subscription": ("meter", "meter"),
    "providers.openai.free": ("true", True),
    "models.m.provider": ("openai", "openai"),
    "models.m.price_as": ("gpt-4o", "gpt-4o"),
    "models.m.input_usd_per_mtok": ("1.5", Decimal("1.5")),
    "models.m.output_usd_per_mtok": ("2", Decimal(2)),
    "models.m.cache_read_usd_per_mtok": ("0.1", Decimal("0.1")),
    "models.m.cache_write_usd_per_mtok": ("0.2", Decimal("0.2")),
    "models.m.input_audio_usd_per_mtok": ("40", Decimal(40)),
    "models.m.output_audio_usd_per_mtok": ("80", Decimal(80)),
    "models.m.max_output_tokens": ("7", 7),
    "models.m.context_window": ("8", 8),
    "models.m.hidden_output": ("true", True),
    "models.m.unit_usd.web_searches": ("0.01", Decimal("0.01")),
    "routes.fast.to": ("groq/a, openai/b", ["groq/a", "openai/b"]),
    "routes.fast.fall_back_on": ("429, no_answer", ["429", "no_answer"]),
    "routes.fast.answer_within_seconds": ("9", 9),
    "capture": (
        '{"local:x": {"agent": "a"}}',
        {"local:x": CaptureSettings(agent="a")},
    ),
    "egress.default": ("none", "none"),
    "egress.allow": ("*.a.example:443, 10.0.0.1", ["*.a.example:443", "10.0.0.1"]),
    "egress.deny": ("a.example, b.example", ["a.example", "b.example"]),
    "egress.private": ("10.0.0.0/8,::1", ["10.0.0.0/8", "::1"]),
    "egress.anonymous": ("refuse", "refuse"),
    "policy.mode": ("shadow", "shadow"),
    "policy.deadline_ms": ("50", 50),
    "policy.workers": ("2", 2),
    "policy.memory_mib": ("64", 64),
    "unpriced_models": ("free", "free"),
    "unmetered_paths": ("pass", "pass"),
    "server_calls_max": ("6", 6),
    "audio_seconds_max": ("60", 60),
    "recovery": ("release", "release"),
    "idempotency_ttl_hours": ("3", 3),
    "idempotency_max_kib": ("4", 4),
    "idempotency_join_seconds": ("5", 5),
    "body_limit_mib": ("9", 9),
    "drain_seconds": ("5", 5),
    "denial_status.budget_exceeded": ("429", 429),
    "checkpoint_every_events": ("5", 5),
    "checkpoint_every_seconds": ("7", 7),
    "witness_command": ("logger, -t, aex", ["logger", "-t", "aex"]),
    "witness_url": ("https://w.example/aex?log=1", "https://w.example/aex?log=1"),
    "otel_url": ("http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces"),
    "metrics": ("token", "token"),
    "tool_runs_max": ("9", 9),
    "log_level": ("debug", "debug"),
}


SERVER = {"mcp.desk.url": ("https://mcp.example.com/mcp/", "https://mcp.example.com/mcp")}
SAMPLES |= {
    **SERVER,
    "mcp.desk.paths": ("/sse,/messages", ["/sse", "/messages"]),
    "mcp.desk.hosts": ("Mcp.Example.com", ["mcp.example.com"]),
    "mcp.desk.tools.add": ("0.01", Decimal("0.01")),
    "mcp.desk.default_usd": ("2", Decimal(2)),
    "mcp.desk.filter_list": ("false", False),
    "mcp.desk.credentials": ("key", "key"),
    "mcp.desk.api_key_env": ("DESK_KEY", "DESK_KEY"),
    "mcp.desk.api_key_ttl_seconds": ("60", 60),
    "mcp.desk.key_header": ("x-api-key", "x-api-key"),
}

# Each in place of the variable's name.
SOURCES: dict[str, tuple[str, Any]] = {
    "mcp.desk.api_key_file": ("~/key", "~/key"),
    "mcp.desk.api_key_keyring": ("aex/desk", "aex/desk"),
    "mcp.desk.api_key_command": ("op,read,op://x/y", ["op", "read", "op://x/y"]),
    "providers.openai.api_key_file": ("~/key", "~/key"),
    "providers.openai.api_key_keyring": ("aex/openai", "aex/openai"),
    "providers.openai.api_key_command": ("op,read,op://x/y", ["op", "read", "op://x/y"]),
    "providers.openai.aws_profile": ("work", "work"),
}


def leaves(table: type[BaseModel]) -> set[str]:
    """Every key of the tables, in dots."""
    inner = {
        "providers": ("openai", ProviderSettings),
        "models": ("m", ModelSettings),
        "routes": ("fast", RouteSettings),
        "mcp": ("desk", McpSettings),
    }
    single: dict[str, type[BaseModel]] = {"egress": EgressSettings, "policy": PolicySettings}
    found = set()
    for key in table.model_fields:
        if key in inner:
            name, fields = inner[key]
            found |= {_named(f"{key}.{name}.{leaf}") for leaf in fields.model_fields}
        elif key in single:
            found |= {f"{key}.{leaf}" for leaf in single[key].model_fields}
        else:
            found.add(_named(key))
    return found


def _named(key: str) -> str:
    """The key; of a table whose keys are names, with a name."""
    names = {"denial_status": "budget_exceeded", "unit_usd": "web_searches", "tools": "add"}
    inside = names.get(key.rpartition(".")[2])
    return f"{key}.{inside}" if inside else key


def test_every_key_is_a_variable(home: Home) -> None:
    """Each key but rules can be set by its AEX_ variable alone, and the test knows all keys."""
    assert leaves(Settings) == SAMPLES.keys() | SOURCES.keys() | {"rules"}
    for samples in (SAMPLES, *({key: sample, **SERVER} for key, sample in SOURCES.items())):
        environ = {
            "AEX_" + key.upper().replace(".", "__"): value for key, (value, _) in samples.items()
        }
        settings = load(home, environ)
        for key, (_, expected) in samples.items():
            found: Any = settings
            for part in key.split("."):
                found = found[part] if isinstance(found, dict) else getattr(found, part)
            assert found == expected, key


def test_a_variable_stands_above_the_file(home: Home) -> None:
    """A variable replaces one key, and the rest of its table stays."""
    settings = read(home, FULL, AEX_MODELS__MY_MODEL__MAX_OUTPUT_TOKENS="5", AEX_LISTEN="")
    assert settings.models["my-model"].max_output_tokens == 5
    assert settings.models["my-model"].provider == "openai"
    assert settings.listen == "127.0.0.1:9000"


def test_a_table_can_be_given_as_json(home: Home) -> None:
    """Names that no variable can hold come as JSON, where prices are quoted too."""
    one = '{"a/b-c": {"provider": "openai", "input_usd_per_mtok": "0.5"}}'
    assert load(home, {"AEX_MODELS": one}).models["a/b-c"].input_usd_per_mtok == Decimal("0.5")
    (told,) = mistakes(home, "", AEX_MODELS=one.replace('"0.5"', "0.5"))
    assert told.startswith("AEX_MODELS: models.a/b-c.input_usd_per_mtok: a binary fraction")
    assert mistakes(home, "", AEX_MODELS="{") == ("AEX_MODELS: expected a table as JSON",)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("AEX_LISTN", "AEX_LISTEN"),
        ("AEX_HOMME", "AEX_HOME"),
        ("AEX_PROVIDERS__OPENAI__UPSTREM", "AEX_PROVIDERS__OPENAI__UPSTREAM"),
    ],
)
def test_unknown_variables_are_refused(home: Home, name: str, near: str) -> None:
    """A misspelt variable would otherwise be a setting that silently does not hold."""
    assert mistakes(home, "", **{name: "x"}) == (
        f"{name}: unknown variable; did you mean {near!r}?",
    )


def test_variables_of_agents_are_no_settings(home: Home) -> None:
    """What AEX sets for its child processes does not stop an AEX inside them."""
    assert load(home, dict.fromkeys(OTHER_VARIABLES, "x")) == Settings()


def test_values_are_never_repeated(home: Home) -> None:
    """No mistake prints the value that was wrong."""
    told = mistakes(home, 'ledger = "sqlite:hunter2"', AEX_LISTEN="hunter2", AEX_HUNTER="hunter2")
    assert "hunter2" not in "".join(told)


def test_an_unreadable_file_is_named(home: Home) -> None:
    """A file that is no UTF-8, or no file, is a mistake of its own."""
    home.config.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"aex\.toml cannot be read"):
        load(home, {})
    home.config.unlink()
    home.config.mkdir()
    with pytest.raises(ConfigError, match=r"aex\.toml cannot be read"):
        load(home, {})
