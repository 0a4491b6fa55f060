"""aex_addon/settings_load.py: where a setting comes from. (What it may be: test_settings.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.home import Home
from aex_addon.settings_load import load
from aex_addon.settings_values import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home without a file."""
    found = Home(tmp_path / "home")
    found.ensure()
    return found


def test_without_a_file_the_defaults_hold(home: Home) -> None:
    """Nothing needs to be written for a gateway to start."""
    assert load(home, {}).idempotency_ttl_hours == 24


def test_a_mistake_is_told_with_its_line(home: Home) -> None:
    """An unknown key is named with its line and the nearest right one."""
    home.config.write_text('listen = "127.0.0.1:1"\nidempotency_ttl_hour = 3\n')
    with pytest.raises(ConfigError, match=r"aex.toml:2: .*idempotency_ttl_hour.*_hours"):
        load(home, {})
