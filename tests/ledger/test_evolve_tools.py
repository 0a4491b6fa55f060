"""Laws of the events of tools: each has an effect, and replay repeats it."""

from __future__ import annotations

from ledger import events
from ledger.admin_commands import SetTool
from ledger.evolve import fold
from ledger.evolve_tools import APPLY
from tests.ledger.making import install, started


def test_no_event_of_a_tool_is_told_only() -> None:
    """Every type of them changes a row."""
    names = {value for name, value in vars(events).items() if name.isupper()}
    assert set(APPLY) == {name for name in names if name.startswith("tool.")}


def test_the_log_alone_makes_the_registry() -> None:
    """Whatever was done, the fold has the same tools, with the times of their newest events."""
    kernel = started()
    for command in (
        install(),
        install("sum"),
        SetTool("lookup", "enabled", "cli:ann"),
        install(version="2"),
        SetTool("lookup", "enabled", "cli:ann"),
        SetTool("sum", "removed", "cli:ann"),
        SetTool("lookup", "disabled", "cli:ann"),
    ):
        kernel(command)
    lookup, gone = kernel.state.tools["lookup"], kernel.state.tools["sum"]
    assert (lookup.version, lookup.state, gone.state) == ("2", "disabled", "removed")
    assert (lookup.installed_at, lookup.changed_at) == (kernel.log[-4].time_ns, kernel.now)
    assert fold(kernel.log).tools == kernel.state.tools
