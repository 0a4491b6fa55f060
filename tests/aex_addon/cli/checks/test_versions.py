"""Versions with a known defect are told, and what mends them."""

from __future__ import annotations

import pytest

from aex_addon.cli.checks.versions import installed, look, numbers


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("3.40.1", "fail"),
        ("3.44.5", "fail"),
        ("3.44.6", "ok"),
        ("3.45.0", "fail"),
        ("3.50.6", "fail"),
        ("3.50.7", "ok"),
        ("3.51.2", "fail"),
        ("3.51.3", "ok"),
        ("3.54.1", "ok"),
    ],
)
def test_sqlite(text: str, level: str) -> None:
    """The releases with the WAL-reset defect, as its page lists them."""
    (found,) = look({"sqlite": text})
    assert found.level == level


@pytest.mark.parametrize(
    ("part", "text"), [("mitmproxy", "12.2.1"), ("python", "3.11.9"), ("python", "?")]
)
def test_too_old(part: str, text: str) -> None:
    """What is older than the oldest that is tested, or tells no version, fails."""
    (found,) = look({part: text})
    assert found.level == "fail"


def test_this_environment() -> None:
    """What AEX installs has none of these defects."""
    assert {verdict.level for verdict in look(installed())} == {"ok"}


@pytest.mark.parametrize(
    ("text", "expected"), [("12.2.3.dev1", (12, 2, 3)), ("48", (48,)), ("x", ())]
)
def test_numbers(text: str, expected: tuple[int, ...]) -> None:
    """What follows the numbers is left out."""
    assert numbers(text) == expected
