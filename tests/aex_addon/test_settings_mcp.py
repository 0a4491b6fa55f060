"""[mcp.NAME] of aex.toml: what may stand there, and what is said of all else."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aex_addon.home import Home
from aex_addon.settings_load import load
from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_values import ConfigError

FULL = """\
[mcp.desk]
url = "https://mcp.example.com/mcp/"
tools = { add = "0.01", "search/all" = "2.5" }
default_usd = "0.000000001"
filter_list = false
"""


def read(home: Path, text: str, **environ: str) -> McpSettings:
    """The table of this text."""
    made = Home(home)
    made.ensure()
    made.config.write_text(text)
    return load(made, environ).mcp["desk"]


def mistake(home: Path, line: str) -> str:
    """What is said of a table with this line."""
    with pytest.raises(ConfigError) as refused:
        read(home, f'[mcp.desk]\nurl = "https://mcp.example.com/mcp"\n{line}\n')
    (told,) = refused.value.problems
    return told


def test_a_server(tmp_path: Path) -> None:
    """An address is enough: its tools cost nothing then, and lists are filtered."""
    least = read(tmp_path, '[mcp.desk]\nurl = "http://127.0.0.1:8000/sse"\n')
    assert (least.tools, least.default_usd, least.filter_list) == ({}, 0, True)
    full = read(tmp_path, FULL)
    assert full.url == "https://mcp.example.com/mcp"
    assert full.tools == {"add": Decimal("0.01"), "search/all": Decimal("2.5")}
    assert (full.default_usd, full.filter_list) == (Decimal("1e-9"), False)


def test_a_server_by_variables(tmp_path: Path) -> None:
    """As all of aex.toml."""
    environ = {"AEX_MCP__DESK__DEFAULT_USD": "0.5", "AEX_MCP__DESK__PATHS": "/sse, /messages"}
    found = read(tmp_path, FULL, **environ)
    assert (found.default_usd, found.paths) == (Decimal("0.5"), ["/sse", "/messages"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tools = { add = 0.01 }", "a binary fraction is not exact"),
        ('tools = { add = "free" }', 'expected dollars in quotes, as "0.15"'),
        ('tools = { add = "-1" }', "expected 0 to 1000000 dollars"),
        ('tools = { add = "10001" }', "a call costs up to 10000 dollars"),
        ('tools = { add = "0.0000000001" }', "with 9 decimals at most"),
        ('tools = { "" = "1" }', "a tool's name has 1 to 128 characters"),
        ('default_usd = "NaN"', "expected dollars"),
        ('paths = ["messages"]', "expected paths of the server"),
        ('paths = ["/a?b"]', "expected paths of the server"),
        ('hosts = ["10.0.0.1"]', "10.0.0.1"),
        ('credentials = "aws"', "expected 'agent' or 'key'"),
        ('api_key_env = "A"\napi_key_file = "/b"', "exclude each other"),
        ('credentials = "agent"\napi_key_env = "A"', "exclude each other"),
        ('price = "1"', "unknown key 'price'"),
        ('default_usdd = "1"', "did you mean 'default_usd'?"),
    ],
)
def test_mistakes(tmp_path: Path, line: str, told: str) -> None:
    """Each has its place, and says what is right."""
    found = mistake(tmp_path, line)
    assert found.startswith("aex.toml:")
    assert told in found


@pytest.mark.parametrize(
    "url", ["mcp.example.com", "https://u:p@mcp.example.com/", "https://mcp.example.com/{model}"]
)
def test_addresses_that_are_none(tmp_path: Path, url: Any) -> None:
    """Neither credentials nor patterns stand in one."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, f'[mcp.desk]\nurl = "{url}"\n')
    assert "mcp.desk.url" in str(refused.value)
