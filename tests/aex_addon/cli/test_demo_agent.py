"""aex_addon/cli/demo_agent.py: an agent that knows nothing of AEX."""

from __future__ import annotations

import ast
from pathlib import Path

from aex_addon.cli import demo_agent


def test_it_imports_the_sdk_and_nothing_of_aex() -> None:
    """The demo's agent is plain SDK code: what it shows holds for anybody's."""
    tree = ast.parse(Path(demo_agent.__file__).read_text())
    imported = {
        name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"openai"}
    assert modules == {"__future__"}
