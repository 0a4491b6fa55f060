"""[egress] is read strictly, and says what an entry looks like where one is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.home import Home
from aex_addon.settings_egress import EgressSettings
from aex_addon.settings_load import load
from aex_addon.settings_values import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def read(home: Home, text: str, **variables: str) -> EgressSettings:
    home.config.write_text(text)
    return load(home, variables).egress


def test_nothing_is_said(home: Home) -> None:
    """Every public host, nothing private, whoever asks."""
    found = read(home, "")
    assert found == EgressSettings()
    assert (found.default, found.allowed, found.private, found.anonymous) == (
        *("any", None),
        [],
        "pass",
    )


def test_everything_is_said(home: Home) -> None:
    """Also by variables, where lists have commas."""
    text = '[egress]\ndefault = "none"\nallow = ["*.org:443"]\nprivate = ["10.0.0.0/8"]\n'
    found = read(home, text, AEX_EGRESS__DENY="a.org, b.org", AEX_EGRESS__ANONYMOUS="refuse")
    assert found.allowed == ["*.org:443"]
    assert (found.deny, found.private) == (["a.org", "b.org"], ["10.0.0.0/8"])
    assert found.anonymous == "refuse"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('default = "some"', "aex.toml:2: egress.default: expected 'any' or 'none'"),
        ('allow = ["https://x.org"]', 'aex.toml:2: egress.allow: expected a host as "*'),
        ('private = ["10.0.*"]', "aex.toml:2: egress.private: numbers are no pattern of names"),
        ('alow = ["x.org"]', "aex.toml:2: unknown key 'alow'; did you mean 'allow'?"),
    ],
)
def test_what_cannot_be(home: Home, text: str, said: str) -> None:
    """With its line."""
    with pytest.raises(ConfigError) as caught:
        read(home, f"[egress]\n{text}\n")
    assert str(caught.value).startswith(said)
