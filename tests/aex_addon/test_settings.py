"""Settings: read from file and environment, and every mistake told where it stands."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from aex_addon.home import Home, HomeError
from aex_addon.settings import (
    CaptureSettings,
    ConfigError,
    ModelSettings,
    ProviderSettings,
    RouteSettings,
    Settings,
)
from aex_addon.settings_load import OTHER_VARIABLES, load

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


def test_binary_fractions_are_no_money(home: Home) -> None:
    """A price without quotes is refused with the sentence that says to quote it."""
    (told,) = mistakes(home, '[models.m]\nprovider = "openai"\ninput_usd_per_mtok = 0.1')
    assert told.startswith("aex.toml:3: models.m.input_usd_per_mtok: ")
    assert "write the price in quotes" in told


@pytest.mark.parametrize("value", ["NaN", "-1", "1e999", "1e-40", "", "1000001", "0.15 usd"])
def test_money_has_limits(value: str) -> None:
    """A price is finite, not negative, and neither absurdly large nor absurdly fine."""
    with pytest.raises(ValidationError):
        ModelSettings(provider="openai", input_usd_per_mtok=value)


@pytest.mark.parametrize("value", [True, [1]])
def test_money_is_text_or_a_whole_number(value: Any) -> None:
    """Whole numbers are exact and taken; other types are refused."""
    assert ModelSettings(provider="x", input_usd_per_mtok=3).input_usd_per_mtok == 3
    with pytest.raises(ValidationError):
        ModelSettings(provider="x", input_usd_per_mtok=value)


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


def test_a_key_in_place_of_a_variable_is_not_repeated(home: Home) -> None:
    """Who writes the provider key itself is told so, and the key is not printed."""
    (told,) = mistakes(home, '[providers.openai]\napi_key_env = "sk-proj-0123"')
    assert "the name of an environment variable" in told
    assert "sk-proj" not in told


def test_hosts_are_what_a_ca_can_hold(home: Home) -> None:
    """An IP address cannot be governed by name, and is refused."""
    (told,) = mistakes(home, '[providers.openai]\nhosts = ["10.0.0.1"]')
    assert told.startswith("aex.toml:2: providers.openai.hosts: ")
    assert ProviderSettings(hosts=["API.Example.COM"]).hosts == ["api.example.com"]


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
    "log_level": ("debug", "debug"),
}


# Each in place of the variable's name.
SOURCES: dict[str, tuple[str, Any]] = {
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
    }
    found = set()
    for key in table.model_fields:
        if key in inner:
            name, fields = inner[key]
            found |= {_named(f"{key}.{name}.{leaf}") for leaf in fields.model_fields}
        else:
            found.add(_named(key))
    return found


def _named(key: str) -> str:
    """The key; of a table whose keys are names, with a name."""
    names = {"denial_status": "budget_exceeded", "unit_usd": "web_searches"}
    inside = names.get(key.rpartition(".")[2])
    return f"{key}.{inside}" if inside else key


def test_every_key_is_a_variable(home: Home) -> None:
    """Each key can be set by its AEX_ variable alone, and the test knows all keys."""
    assert leaves(Settings) == SAMPLES.keys() | SOURCES.keys()
    for samples in (SAMPLES, *({key: sample} for key, sample in SOURCES.items())):
        environ = {
            "AEX_" + key.upper().replace(".", "__"): value for key, (value, _) in samples.items()
        }
        settings = load(home, environ)
        for key, (_, expected) in samples.items():
            found: Any = settings
            for part in key.split("."):
                found = found[part] if isinstance(found, dict) else getattr(found, part)
            assert found == expected, key


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('api_key_file = "key"', "api_key_file: expected an absolute path"),
        ('api_key_keyring = "aex"', 'api_key_keyring: expected "SERVICE/USER"'),
        ("api_key_command = []", "api_key_command: expected another value"),
        ('api_key_ttl_seconds = "1"', "api_key_ttl_seconds: expected a whole number"),
        ("api_key_ttl_seconds = 1", "api_key_ttl_seconds: expected 60 or more"),
        ('key_header = "?"', 'key_header: expected a header, such as "api-key"'),
        ('key_header = "?a b"', 'or "?key" for a parameter of the query'),
        ('credentials = "any"', "credentials: expected 'key', 'agent', 'aws' or 'google'"),
        (
            'api_key_env = "A"\napi_key_file = "/b"',
            "api_key_env and api_key_file exclude each other; keep one",
        ),
        (
            'credentials = "agent"\napi_key_env = "A"',
            'credentials = "agent" and api_key_env exclude each other; keep one',
        ),
    ],
)
def test_mistakes_about_keys(home: Home, line: str, told: str) -> None:
    """One secret comes from one place, and the sentence says what is expected."""
    (found,) = mistakes(home, f"[providers.openai]\n{line}\n")
    assert found.startswith("aex.toml:")
    assert told in found


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


@pytest.mark.parametrize(
    ("formats", "told"),
    [
        ('["opnai"]', "no provider that AEX knows speaks 'opnai'; did you mean 'openai'?"),
        ('["klingon"]', "no provider that AEX knows speaks 'klingon'; known here: openai, "),
        ("[]", 'expected what it speaks, such as ["openai"]'),
        ('"openai"', "expected a list"),
    ],
)
def test_formats_are_named_by_who_speaks_them(home: Home, formats: str, told: str) -> None:
    """An unknown family is refused with the nearest, or with all that there are."""
    text = f'[providers.mine]\nupstream = "https://x.example"\nformats = {formats}'
    (line,) = mistakes(home, text)
    assert line.startswith(f"aex.toml:3: providers.mine.formats: {told}")


@pytest.mark.parametrize("value", ["", "two words", "host", "Content-Length", "x:y z", "a b: c"])
def test_a_key_has_a_header_of_its_own(home: Home, value: str) -> None:
    """A header that says something else of the request cannot hold the key."""
    (line,) = mistakes(home, f'[providers.mine]\nkey_header = "{value}"')
    assert line.startswith("aex.toml:2: providers.mine.key_header: ")


def test_a_new_provider_by_variables_alone(home: Home) -> None:
    """A container needs no file to name one."""
    found = load(
        home,
        {
            "AEX_PROVIDERS__MINE__UPSTREAM": "http://127.0.0.1:8000/v1",
            "AEX_PROVIDERS__MINE__FORMATS": "openai",
            "AEX_PROVIDERS__MINE__FREE": "true",
        },
    ).providers["mine"]
    assert (found.upstream, found.formats, found.free) == (
        "http://127.0.0.1:8000/v1",
        ["openai"],
        True,
    )


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ("to = []", "to: expected models with their providers"),
        ('to = ["gpt-4o-mini"]', 'as ["openai/gpt-4o-mini"]'),
        ('to = ["a/b", "a/b"]', "to: names a model twice"),
        ('to = ["a/b"]\nfall_back_on = [400]', "what the provider refuses for the agent's own"),
        ('to = ["a/b"]\nfall_back_on = ["timeout"]', 'expected "unreachable", "no_answer", 429'),
        ('to = ["a/b"]\nanswer_within_seconds = 5', "needs another model in `to`"),
        (
            'to = ["a/b", "c/d"]\nfall_back_on = [503]\nanswer_within_seconds = 5',
            "and no_answer in fall_back_on",
        ),
        ('model = "a/b"', "needs the key 'to'"),
        ('to = ["a/b"]\nfallback_on = [503]', "did you mean 'fall_back_on'?"),
    ],
)
def test_routes_that_cannot_be(home: Home, route: str, told: str) -> None:
    """Each mistake is told with what is expected."""
    home.config.write_text(f"[routes.fast]\n{route}\n")
    with pytest.raises(ConfigError) as refused:
        load(home, {})
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("mode", "rest", "told"),
    [
        ("transparent@8080", 'agent = "a"', "expected HOST:PORT"),
        ("socks5@127.0.0.1:1080", 'agent = "a"', 'expected "transparent@HOST:PORT"'),
        ("local:x", "", "needs one of agent"),
        ("local:x", 'agent = ""', "agent: expected another value"),
        ("transparent@127.0.0.1:1", 'agent = "a"\nagents = {"10.0.0.1" = "b"}', "needs one of"),
        ("transparent@127.0.0.1:1", 'agents = {"host.example" = "b"}', "is no source"),
        ("wireguard@127.0.0.1:1", 'agents = {"10.0.0.1" = "b"}', "tells no sources apart"),
        ("local:x", 'agnt = "a"', "did you mean 'agent'?"),
        ("local:x", 'agent = "a"\n[capture."local:y"]\nagent = "b"', "there can be one local"),
    ],
)
def test_captures_that_cannot_be(home: Home, mode: str, rest: str, told: str) -> None:
    """Each mistake is told, with the line of its table, and what is expected."""
    (found,) = mistakes(home, f'[capture."{mode}"]\n{rest}\n')
    assert found.startswith("aex.toml")
    assert told in found


def test_a_capture(home: Home) -> None:
    """One agent for all that comes in, or one for each source."""
    home.config.write_text(
        '[capture."transparent@0.0.0.0:8080"]\nagents = {"10.0.0.5" = "a", "10.0.1.0/24" = "b"}\n'
        '[capture."wireguard:/k@0.0.0.0:51820"]\nagent = "c"\n'
    )
    one, other = load(home, {}).capture.values()
    assert one.agents == {"10.0.0.5/32": "a", "10.0.1.0/24": "b"}
    assert other.agent == "c"


def test_a_route(home: Home) -> None:
    """Statuses are written as numbers; without any it is what every provider may recover from."""
    home.config.write_text('[routes."my fast"]\nto = ["a/b/c"]\nfall_back_on = [429, "503"]\n')
    assert load(home, {}).routes["my fast"].fall_back_on == ["429", "503"]
    home.config.write_text('[routes.fast]\nto = ["a/b/c"]\n')
    heeded = ["unreachable", "no_answer", "502", "503", "504", "529"]
    assert load(home, {}).routes["fast"].fall_back_on == heeded
