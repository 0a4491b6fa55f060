"""aex_addon/version.py: which AEX this is."""

from __future__ import annotations

import re
from pathlib import Path

from aex_addon.version import version


def test_it_is_the_version_of_the_project() -> None:
    """The program says the version that pyproject.toml names."""
    pyproject = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    found = re.search(r'^version = "([^"]+)"', pyproject, re.MULTILINE)
    assert found is not None
    assert version() == found[1]
