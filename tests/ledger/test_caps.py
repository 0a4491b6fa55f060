"""Laws of caps: what an account's calls may ask for, on every level, and what is not known."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.admin_commands import DeleteAgent, SetLimits
from ledger.audit import audit
from ledger.caps import FLAGS, NAMES, Caps, allow_tool, changed, parse, stored, unfit
from ledger.commands import Asked, Quote
from ledger.events import AGENT_CREATED, AGENT_LIMITS
from ledger.outcomes import Admitted, Denied, Done, Rejected
from ledger.read import Reader
from tests.ledger.making import (
    URL,
    Pure,
    admit,
    create,
    open_at,
    run,
    started,
    team,
    token_hash,
    word,
)

NONE: frozenset[str] = frozenset()
TEXT = Asked(
    (frozenset({"gpt-4o", "openai/gpt-4o"}),), False, 100, 64, True, NONE, NONE, NONE, False
)
QUOTE = Quote(output_rate_picousd=1, output_tokens_cap=64)
HI = "holds 1 cap 64"


def ask(kernel: Pure, name: str = "alice", quote: Quote = QUOTE, **asked: Any) -> str:
    """What becomes of a call that asks for this beside text."""
    command = admit(
        f"e{len(kernel.log)}", name, quote=quote, asked=replace(TEXT, **asked), metered=True
    )
    return word(kernel(command))


def of(*names: str) -> frozenset[str]:
    return frozenset(names)


TABLE: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    # The cap, what is asked, and the code of the denial ("" where there is none).
    ({"models": ["gpt-4o"]}, {}, ""),
    ({"models": ["x", "openai/gpt-4*"]}, {}, ""),
    ({"models": ["gpt-4o-mini*"]}, {}, "model_not_allowed"),
    ({"models": ["GPT-4O"]}, {}, "model_not_allowed"),
    ({"models": []}, {}, "model_not_allowed"),
    ({"models": ["*"]}, {"models": None}, "model_not_allowed"),
    ({"models": ["m", "n"]}, {"models": (of("m"), of("n"))}, ""),
    ({"models": ["m"]}, {"models": (of("m"), of("n"))}, "model_not_allowed"),
    ({"models": ["m"]}, {"models": ()}, ""),
    ({"streaming": False}, {}, ""),
    ({"streaming": False}, {"stream": True}, "streaming_not_allowed"),
    ({"streaming": False}, {"stream": None}, "streaming_not_allowed"),
    ({"streaming": True}, {"stream": True}, ""),
    ({"tools": False}, {}, ""),
    ({"tools": False}, {"functions": of("f")}, "tools_not_allowed"),
    ({"tools": False}, {"server_tools": of("web_search")}, "tools_not_allowed"),
    ({"tools": False}, {"functions": None}, "tools_not_allowed"),
    ({"tools": False}, {"server_tools": None}, "tools_not_allowed"),
    ({"tools": False, "tool_names": ["f"]}, {"functions": of("f")}, "tools_not_allowed"),
    ({"function_calling": False}, {"server_tools": of("web_search")}, ""),
    ({"function_calling": False}, {"functions": of("f")}, "function_calling_not_allowed"),
    ({"function_calling": False}, {"functions": None}, "function_calling_not_allowed"),
    ({"tool_names": ["f", "web_*"]}, {"functions": of("f"), "server_tools": of("web_search")}, ""),
    ({"tool_names": ["f"]}, {"functions": of("f", "g")}, "tool_not_allowed"),
    ({"tool_names": ["f"]}, {"server_tools": of("web_search")}, "tool_not_allowed"),
    ({"tool_names": ["*"]}, {"functions": None}, "tool_not_allowed"),
    ({"tool_names": ["*"]}, {"server_tools": None}, "tool_not_allowed"),
    ({"tool_names": []}, {}, ""),
    ({"vision": False}, {}, ""),
    ({"vision": False}, {"media": of("image")}, "vision_not_allowed"),
    ({"vision": False}, {"media": of("video")}, "vision_not_allowed"),
    ({"vision": False}, {"media": None}, "vision_not_allowed"),
    ({"vision": False}, {"media": of("audio")}, ""),
    ({"audio": False}, {"media": of("audio")}, "audio_not_allowed"),
    ({"audio": False}, {"media": of("video")}, "audio_not_allowed"),
    ({"audio": False}, {"media": None}, "audio_not_allowed"),
    ({"documents": False}, {"media": of("document")}, "documents_not_allowed"),
    ({"documents": False}, {"media": None}, "documents_not_allowed"),
    ({"documents": False}, {"media": of("image")}, ""),
    ({"passthrough": False}, {}, ""),
    ({"passthrough": False}, {"passthrough": True}, "passthrough_not_allowed"),
    ({"passthrough": False}, {"passthrough": None}, "passthrough_not_allowed"),
    ({"max_input_tokens": 100}, {}, ""),
    ({"max_input_tokens": 99}, {}, "input_tokens_above_cap"),
    ({"max_input_tokens": 99}, {"input_tokens": None}, "input_tokens_above_cap"),
    ({"max_total_tokens": 99}, {}, "total_tokens_above_cap"),
    ({"max_total_tokens": 99}, {"input_tokens": None}, "total_tokens_above_cap"),
    ({"max_total_tokens": 164}, {}, ""),
    ({"max_output_tokens": 64}, {}, ""),
    ({"max_output_tokens": 63}, {"output_clampable": False}, "output_tokens_above_cap"),
    (
        {"max_output_tokens": 63},
        {"output_clampable": False, "output_tokens": None},
        "output_tokens_above_cap",
    ),
    ({"max_total_tokens": 163}, {"output_clampable": False}, "total_tokens_above_cap"),
    # Strict: what no cap grants is refused, and limits that are not set are none.
    ({"strict": True}, {}, "model_not_allowed"),
    ({"strict": True, "models": ["*"]}, {}, ""),
    ({"strict": True, "models": ["*"]}, {"stream": True}, "streaming_not_allowed"),
    ({"strict": True, "models": ["*"], "streaming": True}, {"stream": True}, ""),
    ({"strict": True, "models": ["*"]}, {"functions": of("f")}, "tools_not_allowed"),
    (
        {"strict": True, "models": ["*"], "tools": True},
        {"functions": of("f")},
        "function_calling_not_allowed",
    ),
    ({"strict": True, "models": ["*"], "tools": True}, {"server_tools": of("s")}, ""),
    ({"strict": True, "models": ["*"], "tool_names": ["f"]}, {"functions": of("f")}, ""),
    ({"strict": True, "models": ["*"]}, {"media": of("image")}, "vision_not_allowed"),
    ({"strict": True, "models": ["*"]}, {"media": of("audio")}, "audio_not_allowed"),
    ({"strict": True, "models": ["*"], "vision": True}, {"media": of("image")}, ""),
    ({"strict": True, "models": ["*"]}, {"passthrough": True}, "passthrough_not_allowed"),
    ({"strict": False}, {"stream": True, "functions": None, "media": None}, ""),
]


@pytest.mark.parametrize(("caps", "asked", "code"), TABLE)
def test_a_cap_decides(caps: dict[str, Any], asked: dict[str, Any], code: str) -> None:
    """Each cap allows and refuses what it is about, and refuses what is not known of that."""
    assert ask(started(caps=caps), **asked) == (f"403 {code}" if code else HI)


def test_nobody_asks_where_there_are_no_caps() -> None:
    """An account without caps lets everything through, known or not."""
    kernel = started()
    assert word(kernel(admit("e1", quote=QUOTE, asked=Asked()))) == HI
    assert kernel.state.agents["alice"].caps == ""


@pytest.mark.parametrize(
    ("caps", "mode", "quote", "expected"),
    [
        ({"max_output_tokens": 40}, "clamp", QUOTE, "holds 1 cap 40"),
        ({"max_output_tokens": 40}, "deny", QUOTE, "403 output_tokens_above_cap"),
        ({"max_output_tokens": 64}, "deny", QUOTE, HI),
        ({"max_output_tokens": 40}, "clamp", replace(QUOTE, choices=3), "holds 1 cap 13"),
        (
            {"max_output_tokens": 2},
            "clamp",
            replace(QUOTE, choices=3),
            "403 output_tokens_above_cap",
        ),
        (
            {"max_output_tokens": 40},
            "clamp",
            replace(QUOTE, output_tokens_least=41),
            "403 output_tokens_above_cap",
        ),
        ({"max_total_tokens": 130}, "clamp", QUOTE, "holds 1 cap 30"),
        ({"max_total_tokens": 100}, "clamp", QUOTE, "403 total_tokens_above_cap"),
        ({"max_total_tokens": 130, "max_output_tokens": 20}, "clamp", QUOTE, "holds 1 cap 20"),
        ({"max_total_tokens": 110, "max_output_tokens": 20}, "clamp", QUOTE, "holds 1 cap 10"),
    ],
)
def test_an_output_cap_is_made_smaller(
    caps: dict[str, Any], mode: str, quote: Quote, expected: str
) -> None:
    """Where the agent wants that and the provider would still take it; all choices count."""
    assert ask(started(caps=caps, on_short_budget=mode), quote=quote) == expected


def test_a_short_budget_goes_on_from_there() -> None:
    """A budget clamps within the cap, and a cap below the shortest useful answer is no bar."""
    kernel = started(budget=20, caps={"max_output_tokens": 40}, min_output_tokens=30)
    dear = Quote(output_rate_picousd=1_000, output_tokens_cap=64)
    assert ask(kernel, quote=dear) == "402 budget_exceeded"
    kernel = started(budget=35, caps={"max_output_tokens": 40}, min_output_tokens=30)
    assert ask(kernel, quote=dear) == "holds 35 cap 35"
    kernel = started(budget=1_000, caps={"max_output_tokens": 4}, min_output_tokens=256)
    assert ask(kernel, quote=dear) == "holds 4 cap 4"


def test_every_level_is_asked() -> None:
    """Team, agent and run each hold a call to their own caps; the strictest wins, whoever says."""
    kernel = Pure()
    kernel(team("house", caps={"models": ["gpt-*"], "vision": False}))
    kernel(create("alice", parent="house", caps={"streaming": False}))
    opened = replace(
        run("alice", "job", 100, by=token_hash("alice")),
        caps={"max_output_tokens": 9, "models": ["*"], "vision": True, "streaming": True},
    )
    assert isinstance(kernel(opened), Done)
    assert ask(kernel, "alice/job") == "holds 1 cap 9"
    assert ask(kernel, "alice") == HI
    assert ask(kernel, "alice/job", media=of("image")) == "403 vision_not_allowed"
    assert ask(kernel, "alice/job", stream=True) == "403 streaming_not_allowed"
    denied = kernel(
        admit("x", "alice/job", quote=QUOTE, asked=replace(TEXT, models=(of("claude"),)))
    )
    assert isinstance(denied, Denied)
    assert (denied.account, denied.account_kind) == ("house", "team")
    assert "'claude'" in denied.message


def test_a_run_cannot_lift_what_holds_above_it() -> None:
    """A run without caps, and a run of a run, are held to the agent's."""
    kernel = started(caps={"tools": False})
    kernel(run("alice", "job", 100, by=token_hash("alice")))
    kernel(run("alice/job", "inner", 50, by=token_hash("alice/job")))
    for name in ("alice/job", "alice/job/inner"):
        assert ask(kernel, name, functions=of("f")) == "403 tools_not_allowed"
        assert ask(kernel, name) == HI


@pytest.mark.parametrize(
    ("caps", "sentence"),
    [
        ({"model": ["x"]}, "there is no cap 'model'"),
        ({"models": "gpt-4o"}, "models is a list"),
        ({"models": [""]}, "models is a list"),
        ({"models": ["x" * 201]}, "models is a list"),
        ({"models": ["\0"]}, "models is a list"),
        ({"tool_names": [7]}, "tool_names is a list"),
        ({"max_input_tokens": 0}, "max_input_tokens is a whole number above 0"),
        ({"max_output_tokens": True}, "max_output_tokens is a whole number above 0"),
        ({"max_total_tokens": "9"}, "max_total_tokens is a whole number above 0"),
        ({"strict": 1}, "strict is true or false"),
        ({"vision": "no"}, "vision is true or false"),
    ],
)
def test_caps_have_types(caps: dict[str, Any], sentence: str) -> None:
    """A cap of another name or type is refused wherever it could come in."""
    kernel = started()
    for command in (
        create("bob", caps=caps),
        SetLimits("alice", "operator", caps=caps),
        replace(run("alice", "job", 10, by=token_hash("alice")), caps=caps),
    ):
        outcome = kernel(command)
        assert isinstance(outcome, Rejected)
        assert sentence in outcome.message
    assert kernel.state.agents["alice"].caps == ""


def test_the_names_are_the_fields() -> None:
    """All of a Caps can be said; flags are those that are neither patterns nor counts."""
    assert set(NAMES) == set(Caps.__dataclass_fields__)
    assert "strict" in FLAGS
    assert "models" not in FLAGS


def test_changes_leave_the_rest() -> None:
    """The event of a change has the caps as they are from there on, with who did it."""
    kernel = started(caps={"models": ["a", "b"], "streaming": False})
    kernel(SetLimits("alice", "ann", caps={"streaming": None, "vision": False}))
    said = json.loads(kernel.log[-1].payload)
    assert said["caps"] == {"models": ["a", "b"], "vision": False}
    assert (kernel.types()[-1], said["actor"]) == (AGENT_LIMITS, "ann")
    assert parse(kernel.state.agents["alice"].caps) == Caps(models=("a", "b"), vision=False)
    kernel(SetLimits("alice", "ann", rpm=7))
    assert "caps" not in json.loads(kernel.log[-1].payload)
    assert parse(kernel.state.agents["alice"].caps) == Caps(models=("a", "b"), vision=False)
    kernel(SetLimits("alice", "ann", caps=dict.fromkeys(NAMES)))
    assert kernel.state.agents["alice"].caps == ""


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"models":7}', '{"some_new_cap":true}'])
def test_unreadable_caps_allow_nothing(text: str) -> None:
    """Caps of another program, or damaged ones, deny; only taking all away begins anew."""
    assert parse(text) is None
    kernel = started()
    kernel.state.agents["alice"] = kernel.state.agents["alice"]._replace(caps=text)
    assert ask(kernel) == "403 caps_unreadable"
    kernel(SetLimits("alice", "ann", caps=dict.fromkeys(NAMES)))
    assert ask(kernel) == HI


def test_what_another_program_set_stays() -> None:
    """A change by this program drops no cap that it does not know."""
    assert changed('{"some_new_cap":true}', {"vision": False}) == {
        "some_new_cap": True,
        "vision": False,
    }
    assert stored({}) == stored(None) == ""
    assert unfit(None) == unfit({"models": None}) == ""


def test_a_name_that_is_used_again_begins_without_caps() -> None:
    """The caps of a deleted agent are not the new one's."""
    kernel = started(caps={"tools": False})
    kernel(DeleteAgent("alice", "ann"))
    kernel(create(token_hash=token_hash("alice", 2)))
    assert kernel.types()[-2] == AGENT_CREATED
    assert kernel.state.agents["alice"].caps == ""


def test_a_store_keeps_caps(tmp_path: Path) -> None:
    """What the kernel decided is in the table, in the log, and found again by the audit."""
    with closing(open_at(tmp_path)) as store:
        store.one(create(caps={"models": ["gpt-4o"]}))
        assert isinstance(store.one(admit("e1", quote=QUOTE, asked=TEXT)), Admitted)
        denied = store.one(admit("e2", quote=QUOTE, asked=replace(TEXT, models=(of("o1"),))))
        assert word(denied) == "403 model_not_allowed"
    with Reader(URL, tmp_path) as reader:
        (alice,) = reader.agents()
        assert alice.caps == '{"models":["gpt-4o"]}'
        (row,) = [row for row in reader.executions(limit=None) if row.execution_id == "e2"]
        assert (row.state, row.status_code) == ("DENIED", 403)
        assert [finding.law for finding in audit(reader) if not finding.holds] == []


@pytest.mark.parametrize(
    ("caps", "allowed"),
    [
        ((), True),
        (('{"tool_names":["desk/*"]}',), True),
        (('{"tool_names":["desk/*"]}', '{"tool_names":["x"]}'), False),
        (('{"tool_names":["add"]}',), False),
        (('{"tool_names":[]}',), False),
        (('{"tools":false}',), False),
        (('{"strict":true}',), False),
        (('{"strict":true,"tool_names":["*/add"]}',), True),
        (('{"function_calling":false}',), True),
        (("{}", '{"of_another":1}'), False),
    ],
)
def test_a_tool_that_a_server_runs(caps: tuple[str, ...], allowed: bool) -> None:
    """Who may be shown it is who may call it: all levels say so."""
    assert allow_tool(caps, "desk/add") is allowed
    for text in caps:
        kernel = started(caps=json.loads(text)) if "another" not in text else None
        if kernel is not None and len(caps) == 1:
            no_model = {"models": (), "input_tokens": 0, "output_tokens": 0}
            found = ask(kernel, **no_model, server_tools=of("desk/add"), quote=Quote())
            assert found.startswith("holds") is allowed


def test_who_is_admitted_is_told_by_which_caps() -> None:
    """Those of every level that has some, nearest first."""
    kernel = started(caps={"vision": False})
    outcome = kernel(admit("e1", quote=QUOTE, asked=TEXT))
    assert isinstance(outcome, Admitted)
    assert outcome.caps == ('{"vision":false}',)
    outcome = started()(admit("e1", quote=QUOTE, asked=TEXT))
    assert isinstance(outcome, Admitted)
    assert outcome.caps == ()
