"""What is hidden in an answer of an MCP server: what the caps of the admission do not allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from aex_addon.aliases import Choice
from aex_addon.appraisal import Appraisal
from aex_addon.configuration import Configuration
from aex_addon.identity import Credential
from aex_addon.inflight import InFlight
from aex_addon.mcp_calls import as_admitted, waited_for
from aex_addon.settings import Settings
from aex_addon.trip import Trip
from ledger.outcomes import Admitted
from providers.mcp_meter import McpFacts
from providers.wire import Call, Facts

LIST = McpFacts("tools/list", "free", lists=(1,))
STREAM = McpFacts("listen", "free", listens=True)
ADMITTED = Admitted("ex_1", "bot", 0, 0)
CAPS = ('{"tool_names":["desk/a*","x/*"]}', '{"tool_names":["desk/*"]}')


def admitted(
    facts: Facts,
    *caps: str,
    door: str = "proxy",
    filter_list: bool = True,
    left: Callable[[str], bool] | None = None,
) -> Appraisal:
    """The appraisal of a call with these facts, admitted under these caps; left: by rules."""
    server = {"url": "https://mcp.example.com/mcp", "filter_list": filter_list}
    settings = Settings.model_validate({"mcp": {"desk": server}})
    nothing = cast("Any", None)
    configuration = Configuration(settings, nothing, nothing, nothing)
    call = Call("desk", "POST", "/mcp", "", {}, b"")
    choice = Choice(nothing, call)
    trip = Trip(configuration, door, Credential("t"), call, choice)
    return as_admitted(Appraisal(facts), trip, replace(ADMITTED, caps=caps), lambda: left)


def facts_of(appraisal: Appraisal) -> McpFacts:
    assert isinstance(appraisal.facts, McpFacts)
    return appraisal.facts


def test_every_level_has_its_say() -> None:
    """A tool is shown that all caps allow, by the name of its server and its own."""
    for facts in (LIST, STREAM):
        shown = facts_of(admitted(facts, *CAPS)).shown
        assert shown is not None
        assert [tool for tool in ("a", "add", "b", "x", "x/a", "desk/a") if shown(tool)] == [
            "a",
            "add",
        ]


def test_rules_have_their_say_too() -> None:
    """With caps and without; not where the operator wants no list filtered."""

    def left(tool: str) -> bool:
        return tool in ("desk/a", "desk/x")

    for caps, names in (((), ["a", "x"]), (CAPS, ["a"])):
        shown = facts_of(admitted(LIST, *caps, left=left)).shown
        assert shown is not None
        assert [tool for tool in ("a", "add", "x", "desk/a") if shown(tool)] == names
    assert facts_of(admitted(LIST, left=left, filter_list=False)).shown is None


def test_all_is_shown() -> None:
    """Where nobody has caps, or the operator wants no list filtered."""
    assert facts_of(admitted(LIST)).shown is None
    assert facts_of(admitted(LIST, *CAPS, filter_list=False)).shown is None


def test_caps_that_allow_nothing() -> None:
    """No tools at all, strictly nothing, and what nobody can read."""
    for caps in ('{"tools":false}', '{"strict":true}', '{"of another program":1}', "{"):
        shown = facts_of(admitted(LIST, caps)).shown
        assert shown is not None
        assert not shown("add")
    for caps in ('{"vision":false}', '{"strict":true,"tools":true}', '{"function_calling":false}'):
        shown = facts_of(admitted(LIST, caps)).shown
        assert shown is not None
        assert shown("add")


def test_a_stream_at_home() -> None:
    """Whoever asks AEX's own address posts there too."""
    assert facts_of(admitted(STREAM, door="base-url")).home == "/desk"
    assert facts_of(admitted(STREAM)).home == ""


def test_all_else_is_left_alone() -> None:
    """A call of a tool answers with no list; other formats have none."""
    call = replace(LIST, lists=(), calls=((1, "add"),))
    for facts in (call, Facts("/v1/models", "free")):
        found = admitted(facts, *CAPS, door="base-url")
        assert found.facts is facts


def test_what_a_stop_waits_for() -> None:
    """What ends by itself, however often it is asked."""
    flow, other = object(), object()
    under_way = {
        flow: InFlight(ADMITTED, Appraisal(STREAM), "desk"),
        other: InFlight(ADMITTED, Appraisal(LIST), "desk"),
    }
    assert waited_for(under_way) == waited_for(under_way) == 1
    del under_way[other]
    assert waited_for(under_way) == 0
