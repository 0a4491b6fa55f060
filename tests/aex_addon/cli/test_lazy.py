"""Groups that import late."""

from __future__ import annotations

import click
from click.testing import CliRunner

from aex_addon.cli.lazy import LazyGroup

GROUP = LazyGroup(
    name="x",
    lazy={
        "about": ("aex_addon.cli.about:version_command", "One."),
        "no": ("no.such:thing", "Two."),
    },
)


def test_help_imports_nothing() -> None:
    """Help lists a command whose module does not even exist, in the order of the table."""
    shown = CliRunner().invoke(GROUP, ["--help"]).stdout
    assert shown.index("about") < shown.index("no ")
    assert "Two." in shown


def test_commands_run_and_unknown_ones_are_refused() -> None:
    """A known name is imported and called; an unknown one is wrong usage."""
    assert CliRunner().invoke(GROUP, ["about"]).exit_code == 0
    assert CliRunner().invoke(GROUP, ["zzz"]).exit_code == 2
    assert GROUP.get_command(click.Context(GROUP), "zzz") is None
