"""Responses requests: what they may cost, what is refused, what AEX writes into them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from providers.openai_responses import OPENAI_RESPONSES, PATH
from providers.openai_responses_meter import JsonMeter, StreamMeter
from providers.uses import UNKNOWN, Uses
from providers.wire import Call, Denial, Facts, Grant, Refused, Stored

SEARCH = {"type": "web_search"}
CONTAINER = {"type": "code_interpreter", "container": {"type": "auto"}}


def call(**fields: Any) -> Call:
    """A call with a small valid body, changed by the fields given."""
    body = json.dumps({"model": "gpt-5.2", "input": "Hello", **fields}).encode()
    return Call("openai", "POST", PATH, "", {}, body)


def read(**fields: Any) -> Facts:
    """The facts of such a call."""
    return OPENAI_RESPONSES.read(call(**fields))


MALFORMED: list[dict[str, Any]] = [
    {"model": None},
    {"model": 7},
    {"input": None},
    {"input": 7},
    {"input": {"role": "user"}},
    {"max_output_tokens": "16"},
    {"max_output_tokens": -1},
    {"max_output_tokens": True},
    {"max_tool_calls": 1.5},
    {"max_tool_calls": -1},
    {"stream": "yes"},
    {"background": 1},
    {"service_tier": 3},
    {"reasoning": "high"},
    {"text": []},
    {"text": {"format": "json"}},
    {"tools": {}},
    {"prompt_cache_options": 1},
]
UNMETERED: list[dict[str, Any]] = [
    {"background": True},
    {"background_options": {"completion_window": "8h"}},
    {"prompt": {"id": "pmpt_1"}},
    {"context_management": [{"type": "compaction", "compact_threshold": 1000}]},
    {"multi_agent": {"enabled": True}},
    {"moderation": {"model": "omni-moderation-latest"}},
    {"generate": False},
    {"stream_id": "a"},
    {"reasoning": {"mode": "pro"}},
    {"service_tier": "ultrafast"},
    {"prompt_cache_options": {"ttl": "12h"}},
]


@pytest.mark.parametrize("fields", MALFORMED, ids=lambda fields: json.dumps(fields)[:40])
def test_malformed_requests_are_a_400(fields: dict[str, Any]) -> None:
    """What no provider would take is refused before anything is reserved."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (400, "invalid_request")


@pytest.mark.parametrize("fields", UNMETERED, ids=lambda fields: json.dumps(fields)[:40])
def test_what_cannot_be_bounded_is_a_403(fields: dict[str, Any]) -> None:
    """Options that cost beyond the answer's tokens, and options not known, never pass."""
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.denial.status, caught.value.denial.code) == (403, "not_metered")


def test_an_unknown_option_is_named_unless_it_is_no_name() -> None:
    """The refusal says which option; a key that is free text is not repeated."""
    with pytest.raises(Refused, match=r"`multi_agent`"):
        read(multi_agent={})
    with pytest.raises(Refused) as caught:
        read(**{"a secret, in a key": 1})
    assert "secret" not in caught.value.denial.message


def test_null_is_absent() -> None:
    """A field set to null asks for nothing, whatever it is."""
    names = ["max_output_tokens", "max_tool_calls", "stream", "background", "prompt", "tools"]
    names += ["reasoning", "text", "conversation", "previous_response_id", "something_new"]
    facts = read(**dict.fromkeys(names))
    assert (facts.output_tokens_cap, facts.stream, facts.input_unseen) == (None, False, False)


def test_facts_name_what_the_price_depends_on() -> None:
    """Cap, stream, model and tier are read; usage comes without being asked for."""
    facts = read(max_output_tokens=99, stream=True, service_tier="fast")
    assert (facts.output_tokens_cap, facts.stream, facts.service_tier) == (99, True, "fast")
    assert (facts.kind, facts.model, facts.endpoint) == ("metered", "gpt-5.2", PATH)
    assert (facts.choices, facts.usage_wanted, facts.modalities) == (1, True, {"text"})


def test_what_a_coding_agent_sends_is_read() -> None:
    """A stream without a cap, not stored, its reasoning encrypted: nothing of it is unseen."""
    reasoning = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA" * 100}
    facts = read(
        instructions="You code.",
        input=[{"type": "message", "role": "user", "content": "x"}, reasoning],
        tools=[{"type": "custom", "name": "patch"}],
        store=False,
        stream=True,
        include=["reasoning.encrypted_content"],
        client_metadata={"a": "b"},
    )
    assert (facts.output_tokens_cap, facts.input_unseen, facts.server_calls_max) == (None, False, 0)
    assert facts.input_tokens_max > 500


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1", "input": None},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}]},
        {"tools": [{"type": "apply_patch"}]},
    ],
    ids=lambda fields: json.dumps(fields)[:40],
)
def test_what_is_with_the_provider_is_bounded_by_the_window(fields: dict[str, Any]) -> None:
    """Earlier turns, references, files and descriptions that the provider adds are not seen."""
    assert read(**fields).input_unseen
    assert not read().input_unseen


def test_an_answer_that_was_seen_bounds_what_goes_on_from_it() -> None:
    """By all that it stands for, with its pictures; not for another model, nor for others' ids."""
    earlier = {"resp_1": Stored("gpt-5.2", 1000, frozenset({"text", "image"}))}

    def going_on(**fields: Any) -> Facts:
        return OPENAI_RESPONSES.read(replace(call(**fields), earlier=earlier))

    alone, seen = read(previous_response_id="resp_1"), going_on(previous_response_id="resp_1")
    assert (seen.input_unseen, alone.input_unseen) == (False, True)
    assert seen.input_tokens_max == alone.input_tokens_max + 1000
    assert seen.modalities == {"text", "image"}
    assert going_on(previous_response_id="resp_2").input_unseen
    assert going_on(previous_response_id="resp_1", model="gpt-4o-mini").input_unseen
    assert going_on(previous_response_id="resp_1", conversation="conv_1").input_unseen
    assert going_on(previous_response_id=["resp_1"]).input_unseen


def test_what_goes_on_from_an_answer_uses_what_that_used() -> None:
    """Tools and media of earlier turns count, also where their tokens have no bound."""
    tools = Uses(frozenset({"f"}), frozenset({"web_search"}), frozenset({"document"}))
    own = [{"type": "function", "name": "g"}]
    for tokens, unseen in ((9, False), (None, True)):
        earlier = {"resp_1": Stored("gpt-5.2", tokens, uses=tools)}
        asked = replace(call(previous_response_id="resp_1", tools=own), earlier=earlier)
        facts = OPENAI_RESPONSES.read(asked)
        assert facts.input_unseen is unseen
        assert facts.uses == replace(tools, functions=frozenset({"f", "g"}))
    asked = replace(asked, earlier={"resp_1": Stored("gpt-5.2", 9, uses=None)})
    assert OPENAI_RESPONSES.read(asked).uses == UNKNOWN


def test_instructions_are_text() -> None:
    """A list of items, as answers may have it, would be pictures that nobody counts."""
    picture = {"type": "input_image", "image_url": "https://example.com/a.png"}
    items = [{"type": "message", "role": "user", "content": [picture]}]
    with pytest.raises(Refused) as raised:
        read(instructions=items)
    assert raised.value.denial.status == 400


def test_tools_of_the_provider_are_bounded_by_the_request_or_not_at_all() -> None:
    """`max_tool_calls` is the bound; without it there is none, and without such tools no call."""
    facts = read(tools=[SEARCH, CONTAINER], max_tool_calls=3)
    assert facts.server_calls_max == 3
    assert facts.server_units == {"web_searches", "code_executions"}
    assert read(tools=[SEARCH]).server_calls_max is None
    assert read(max_tool_calls=3).server_calls_max == 0
    assert read(tools=[SEARCH], max_tool_calls=0).server_calls_max == 0


def test_tools_that_come_as_items_count_as_tools() -> None:
    """A tool is the same tool wherever it stands in the request."""
    items = [{"type": "additional_tools", "role": "developer", "tools": [SEARCH]}]
    assert read(input=items).server_units == {"web_searches"}
    with pytest.raises(Refused):
        read(input=[{"type": "tool_search_output", "tools": [{"type": "mcp"}]}])


@pytest.mark.parametrize(
    ("fields", "granted"),
    [
        ({}, Grant()),
        ({"max_output_tokens": 10}, Grant(10)),
        ({"max_output_tokens": 10}, Grant(12)),
        ({"stream": True}, Grant()),
        ({"tools": [SEARCH], "max_tool_calls": 2}, Grant(None, 2)),
        ({}, Grant(None, 2)),
    ],
)
def test_nothing_to_change_leaves_the_bytes_alone(fields: dict[str, Any], granted: Grant) -> None:
    """Where the request already says it all, its own bytes are sent."""
    request = call(**fields)
    assert OPENAI_RESPONSES.patch(request, OPENAI_RESPONSES.read(request), granted) is request.body


@pytest.mark.parametrize(
    ("fields", "granted", "changed"),
    [
        ({}, Grant(50), {"max_output_tokens": 50}),
        ({"max_output_tokens": None}, Grant(50), {"max_output_tokens": 50}),
        ({"max_output_tokens": 99}, Grant(50), {"max_output_tokens": 50}),
        ({"tools": [SEARCH]}, Grant(None, 2), {"max_tool_calls": 2}),
        ({"tools": [SEARCH]}, Grant(50, 2), {"max_tool_calls": 2, "max_output_tokens": 50}),
    ],
)
def test_only_what_was_granted_is_written(
    fields: dict[str, Any], granted: Grant, changed: dict[str, Any]
) -> None:
    """The cap and the limit of tool calls go in, neither is ever raised, all else stays."""
    request = call(**fields)
    patched = OPENAI_RESPONSES.patch(request, OPENAI_RESPONSES.read(request), granted)
    assert json.loads(patched) == {**json.loads(request.body), **changed}


def test_it_claims_its_one_path() -> None:
    """Only POST, and only the exact path."""
    assert OPENAI_RESPONSES.claims(call())
    for method, path in [("GET", PATH), ("POST", PATH + "/resp_1"), ("POST", PATH + "/compact")]:
        assert not OPENAI_RESPONSES.claims(Call("openai", method, path, "", {}, b""))


def test_the_answers_kind_chooses_the_meter() -> None:
    """An event stream is read as one; an error answer to a stream is no stream."""
    facts = read(stream=True)
    assert isinstance(OPENAI_RESPONSES.meter(facts, 200, "text/event-stream"), StreamMeter)
    assert isinstance(OPENAI_RESPONSES.meter(facts, 200, ""), StreamMeter)
    assert isinstance(OPENAI_RESPONSES.meter(facts, 200, "application/json"), JsonMeter)
    assert isinstance(OPENAI_RESPONSES.meter(facts, 500, "text/event-stream"), JsonMeter)


def test_a_denial_in_a_stream_is_this_apis_own_event() -> None:
    """It is named `error`, says so in its type, and has the object that the SDK raises on."""
    event = OPENAI_RESPONSES.error_event(Denial(402, "budget_exceeded", "No.", "Top up."))
    name, data, *rest = event.decode().split("\n")
    told = json.loads(data.removeprefix("data: "))
    assert (name, rest) == ("event: error", ["", ""])
    assert (told["type"], told["code"], told["message"]) == (
        "error",
        "budget_exceeded",
        "No. Top up.",
    )
    assert told["error"]["code"] == "budget_exceeded"
