"""Laws of what a call uses: every format tells it, and no spelling hides any of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers import openai_batches
from providers.anthropic_batches import ANTHROPIC_BATCHES
from providers.bulk import Bulk, BulkCall, BulkFacts, Collector
from providers.openai_realtime import OPENAI_REALTIME
from providers.registry import FORMATS
from providers.uses import TEXT, UNKNOWN, Uses, of_tools, plain_kind, union
from providers.wire import MESSAGE, Call, Facts
from tests.providers.asking import ASKS, WAYS, Way, named
from tests.providers.recorded import formats, recorded, row_of, spoken_by

NOTHING: frozenset[str] = frozenset()
MEDIA = {"image": "image", "audio": "audio", "document": "document"}


def uses(way: Way, feature: str = "") -> Uses:
    call = way.call(feature)
    spoken = spoken_by(row_of(call))
    found = next(each for each in FORMATS if each.name in spoken and each.claims(call))
    assert found.name == way.name
    told = found.read(call).uses
    assert told is not None
    return told


@pytest.mark.parametrize("name", [each.name for each in formats()])
def test_every_format_tells(name: str) -> None:
    """No recorded call of any format leaves it unknown what it uses."""
    assert [each.name for each in recorded(name) if each.facts.uses is None] == []


def test_what_is_not_told_is_unknown() -> None:
    """Facts say nothing of it by themselves."""
    assert Facts("/x", "metered").uses is None


@pytest.mark.parametrize("way", WAYS, ids=named)
def test_plain_text_uses_nothing_else(way: Way) -> None:
    """A prompt alone."""
    always = way.name in ("openai_speech", "perplexity_chat")
    assert always != (uses(way) == TEXT)


@pytest.mark.parametrize(("way", "feature"), ASKS, ids=named)
def test_each_way_of_asking_is_seen(way: Way, feature: str) -> None:
    """A tool by its own name or kind, media by their kind, however they are written."""
    found, first = uses(way, feature), feature.partition(" ")[0]
    if feature.partition(" ")[2].rpartition(" ")[2] in ("kept", "named"):
        assert found == UNKNOWN
    elif first == "function":
        assert (found.functions, found.server_tools) == ({"lookup"}, NOTHING)
    elif first == "server":
        assert (found.functions, found.server_tools) == (NOTHING, {"web_search"})
    elif first in MEDIA:
        assert found.media is not None
        assert MEDIA[first] in found.media
        assert first != "document" or "image" in found.media


@pytest.mark.parametrize(
    ("tools", "functions", "theirs"),
    [
        ([{"type": "function", "function": {"name": "a"}, "name": "b"}], {"a", "b"}, NOTHING),
        ([{"type": "custom", "function": {"name": "a"}, "name": "b"}], {"a", "b"}, NOTHING),
        ([{"type": "function", "function": {}}], None, NOTHING),
        ([{"type": "function", "name": 7}, {"name": "a"}], None, NOTHING),
        (
            [{"type": "local_shell"}, {"type": "computer_use_preview"}],
            {"local_shell", "computer_use"},
            NOTHING,
        ),
        ([{"type": "some_new_tool_20270101"}], NOTHING, {"some_new_tool"}),
        (["a"], None, NOTHING),
        ([{"type": 7}], None, None),
        ([], NOTHING, NOTHING),
    ],
)
def test_a_name_that_is_unsure_is_unknown(tools: Any, functions: Any, theirs: Any) -> None:
    """Every name that some reader could take counts; a tool without one makes them unknown."""
    found = of_tools(tools)
    assert (found.functions, found.server_tools) == (functions, theirs)


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        ("web_search_20250305", "web_search"),
        ("web_search_preview_2025_03_11", "web_search"),
        ("web_search_preview", "web_search"),
        ("web_search", "web_search"),
        ("code_execution_20250825", "code_execution"),
    ],
)
def test_a_kind_goes_without_its_version(kind: str, plain: str) -> None:
    """So that one pattern stands for all that came and will come."""
    assert plain_kind(kind) == plain


def test_unknown_wins() -> None:
    """What is not known of one is not known of both."""
    some = Uses(frozenset({"a"}), frozenset({"s"}), frozenset({"image"}))
    assert union(some, TEXT) == union(TEXT, some) == some
    assert union(some, None) == union(UNKNOWN, some) == UNKNOWN


def batch(*bodies: dict[str, Any]) -> BulkFacts:
    """A batch of messages."""
    asked = [{"custom_id": str(n), "params": body} for n, body in enumerate(bodies)]
    data = json.dumps({"requests": asked}).encode()
    call = Call("anthropic", "POST", "/v1/messages/batches", "", {}, data)
    facts = ANTHROPIC_BATCHES.read(BulkCall.about(call, "", ""))
    assert isinstance(facts, BulkFacts)
    return facts


def test_every_call_of_a_batch_counts() -> None:
    """One tool and one picture among many calls are of the batch."""
    claude = next(way for way in WAYS if way.name == "anthropic_messages")
    plain, tool, picture = (
        claude.sent(feature)[1] for feature in ("", "function", "image in a tool's result")
    )
    assert batch(plain, plain).uses == TEXT
    found = batch(plain, tool, plain, picture)
    assert found.uses == Uses(frozenset({"lookup"}), NOTHING, frozenset({"image"}))


def test_a_file_of_calls_is_kept_with_what_it_uses() -> None:
    """From its upload to the batch that is begun of it; an older file's uses are not known."""
    collector = Collector()
    seen = Uses(frozenset({"a"}), None, frozenset({"image"}))
    collector.add(Facts("/v1/responses", "metered", "m", uses=seen))
    collector.add(Facts("/v1/responses", "free"))
    bulk = collector.bulk("/v1/responses", "00")
    assert Bulk.of(bulk.text()) == bulk
    begun = openai_batches._begun({"endpoint": "/v1/responses"}, Bulk.of(bulk.text()))
    assert begun.uses == seen
    older = json.loads(bulk.text())
    del older["uses"]
    assert Bulk.of(json.dumps(older)).uses is None
    silent = Collector()
    silent.add(Facts("/v1/responses", "metered", "m"))
    assert silent.bulk("/v1/responses", "00").uses == UNKNOWN


AUDIO = frozenset({"audio"})
REALTIME: list[tuple[list[dict[str, Any]], Uses]] = [
    ([], Uses(media=AUDIO)),
    (
        [{"type": "session.update", "session": {"tools": [{"type": "function", "name": "f"}]}}],
        Uses(frozenset({"f"}), media=AUDIO),
    ),
    (
        [
            {"type": "session.update", "session": {"tools": [{"type": "function", "name": "f"}]}},
            {"type": "session.update", "session": {"tools": []}},
        ],
        Uses(frozenset({"f"}), media=AUDIO),
    ),
    (
        [
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "content": [{"type": "input_image"}]},
            }
        ],
        Uses(media=AUDIO | {"image"}),
    ),
    (
        [
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "content": [{"type": "new"}]},
            }
        ],
        Uses(media=None),
    ),
    *(
        ([{"type": "conversation.item.create", "item": item}], Uses(media=None))
        for item in (
            {"type": "message", "content": [{"image_url": "data:"}]},
            {"type": "function_call_output", "output": [{"type": "input_image"}]},
            {"type": "message", "content": "x", "attachments": {"type": "input_image"}},
        )
    ),
    (
        [
            {"type": "conversation.item.create", "item": {"type": kind, key: "x"}}
            for kind, key in (("message", "content"), ("function_call_output", "output"))
        ],
        Uses(media=AUDIO),
    ),
]


@pytest.mark.parametrize(("before", "expected"), REALTIME)
def test_a_session_remembers(before: list[dict[str, Any]], expected: Uses) -> None:
    """What was set or said on a connection is used by every response that is asked for later."""
    path = "/v1/realtime"
    handshake = Call("openai", "GET", path, "model=gpt-realtime", {"upgrade": "websocket"}, b"")
    session = OPENAI_REALTIME.session(handshake)
    told = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    session.from_provider(json.dumps({"type": "session.created", "session": told}).encode())
    for message in before:
        session.from_client(json.dumps(message).encode())
    asks = [{"type": "response.create"}, {"type": "response.create", "response": {"tools": []}}]
    for ask in asks:
        body = json.dumps(ask).encode()
        call = Call("openai", MESSAGE, path, "", {}, body, uses=session.uses)
        assert OPENAI_REALTIME.read(call).uses == expected
