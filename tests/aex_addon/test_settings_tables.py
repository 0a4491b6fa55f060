"""The tables that an operator names: what each needs, and what excludes what."""

from __future__ import annotations

import pytest

from aex_addon.home import Home
from aex_addon.settings_load import load
from aex_addon.settings_values import ConfigError
from tests.aex_addon.test_settings import home, mistakes

__all__ = ["home"]


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
