"""Laws of the chain: the format is frozen, every field counts, the first bad event is named."""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import GENESIS, VERSION, Link, event_hash, extend
from ledger.events import Event

T = 1_800_000_000_000_000_000
FIRST = Event(1, T, None, None, "ledger.created", '{"ledger_id":"l1","version":"3.0.0"}')
SECOND = Event(2, T + 1, "alice", "e-1", "execution.released", '{"proof":"Zürich ✓"}')
EMPTY = Event(3, T + 1, "", "", "x", "{}")

# Few letters and numbers, so that near misses are common.
present = st.text("a\0ü✓", max_size=4)
texts = st.none() | present
numbers = st.sampled_from([0, 1, 256, 2**63])
events = st.builds(Event, numbers, numbers, texts, texts, present, present)


@pytest.mark.parametrize(
    ("event", "prev", "golden"),
    [
        (FIRST, GENESIS, "ab0881f8692b460d961cf615067863d7d44d53fab2e5f409f1049ad1bc253cf5"),
        (
            SECOND,
            bytes(range(32)),
            "7032462f9027928d61cec77c2072c1267dce67a28c9c976fe672fdd12d5fb84e",
        ),
        (EMPTY, b"\xff" * 32, "22afac2c70e1b134a7a832239f2b4a2a4680676c91a393e02126a97528dfe777"),
    ],
)
def test_the_format_is_frozen(event: Event, prev: bytes, golden: str) -> None:
    """The hash of an event is today what it was when the first ledger was written."""
    assert event_hash(event, prev).hex() == golden


def test_the_format_is_as_documented() -> None:
    """The hash can be computed from the documentation alone."""
    agent, execution, kind, payload = b"alice", b"e-1", b"execution.released", SECOND.payload
    raw = b"aex-event-v1\n" + struct.pack(">QQQ", 1, 2, T + 1)
    for field in (agent, execution, kind, payload.encode()):
        raw += struct.pack(">Q", len(field)) + field
    assert event_hash(SECOND, GENESIS) == sha256(raw + bytes(32)).digest()
    absent = b"\xff" * 8
    raw = b"aex-event-v1\n" + struct.pack(">QQQ", 1, 1, T) + absent + absent
    for text in (FIRST.type, FIRST.payload):
        raw += struct.pack(">Q", len(text)) + text.encode()
    assert event_hash(FIRST, GENESIS) == sha256(raw + bytes(32)).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 3},
        {"time_ns": T + 2},
        {"agent": "bob"},
        {"agent": None},
        {"agent": ""},
        {"execution_id": "e-2"},
        {"execution_id": None},
        {"type": "execution.committed"},
        {"payload": '{"proof":"Zürich"}'},
        {"payload": '{"proof": "Zürich ✓"}'},
        {"agent": "alicee", "execution_id": "-1"},
    ],
)
def test_every_field_counts(change: dict[str, Any]) -> None:
    """A change of any field, or of a border between two, changes the hash."""
    assert event_hash(SECOND._replace(**change), GENESIS) != event_hash(SECOND, GENESIS)


@pytest.mark.parametrize("bit", [0, 100, 255])
def test_the_link_counts(bit: int) -> None:
    """A change of one bit in the previous hash changes the hash."""
    prev = (1 << bit).to_bytes(32)
    assert event_hash(SECOND, prev) != event_hash(SECOND, GENESIS)


@given(events, events)
def test_different_events_have_different_hashes(one: Event, other: Event) -> None:
    """No two different events are hashed from the same bytes."""
    assert (event_hash(one, GENESIS) == event_hash(other, GENESIS)) == (one == other)


@given(st.lists(texts, min_size=4, max_size=4), st.integers(0, 3), st.integers(0, 3))
def test_text_cannot_move_between_fields(fields: list[Any], source: int, target: int) -> None:
    """Text that moves from one field to another changes the hash, whatever the lengths are."""
    moved = [field or "" for field in fields]
    plain = Event(1, 1, *moved)
    moved[source], moved[target] = "", moved[source] + moved[target]
    other = Event(1, 1, *moved)
    assert (event_hash(plain, GENESIS) == event_hash(other, GENESIS)) == (plain == other)


def run() -> list[tuple[Event, bytes, bytes]]:
    """Five linked events."""
    return extend(
        [Event(n, T + n, "alice", None, "x", f'{{"n":{n}}}') for n in range(1, 6)], GENESIS
    )


def broken(linked: list[tuple[Event, bytes, bytes]]) -> str:
    """What a Link says of a run."""
    link = Link()
    for one in linked:
        if not link.check(*one):
            break
    return link.broken


def test_a_sound_run_holds() -> None:
    """A run as it was linked is sound, and the link ends at its head."""
    linked, link = run(), Link()
    assert all(link.check(*one) for one in linked)
    assert (link.seq, link.head, link.time_ns, link.broken) == (5, linked[-1][2], T + 5, "")


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (lambda run: run.pop(0), "event 1 is missing (the next one found is 2)"),
        (lambda run: run.pop(2), "event 3 is missing (the next one found is 4)"),
        (lambda run: run.insert(2, run[2]), "event 4 is missing (the next one found is 3)"),
        (lambda run: edit(run, 2, payload="{}"), "event 3 (x) was altered"),
        (lambda run: edit(run, 2, time_ns=-1), "event 3 (x) was altered"),
        (lambda run: edit(run, 2, time_ns="now"), "event 3 (x) was altered"),
        (lambda run: edit(run, 2, payload=7), "event 3 (x) was altered"),
        (lambda run: edit(run, 2, agent="\ud800"), "event 3 (x) was altered"),
        (lambda run: edit(run, 2, type="y"), "event 3 (y) was altered"),
        (lambda run: relink(run, 2), "event 4 does not follow the one before it"),
        (lambda run: run.__setitem__(2, (*run[2][:2], b"")), "event 3 (x) was altered"),
        (lambda run: run.__setitem__(2, (run[2][0], b"", run[2][2])), "event 3 does not follow"),
        (lambda run: run.__setitem__(2, (*run[2], VERSION + 1)), "unknown format version 2"),
    ],
)
def test_the_first_bad_event_is_named(tamper: Any, sentence: str) -> None:
    """After any tampering the link says which event is the first bad one, and why."""
    linked = run()
    tamper(linked)
    assert sentence in broken(linked)


def edit(linked: list[Any], index: int, **change: Any) -> None:
    """Alters an event and leaves its hash."""
    linked[index] = (linked[index][0]._replace(**change), *linked[index][1:])


def relink(linked: list[Any], index: int) -> None:
    """Alters an event and gives it the hash that it then has."""
    event = linked[index][0]._replace(payload="{}")
    linked[index] = extend([event], linked[index][1])[0]


def test_time_that_steps_back_is_named() -> None:
    """Events whose time decreases are no sound run, even if they are linked."""
    late = [Event(1, T, None, None, "x", "{}"), Event(2, T - 1, None, None, "x", "{}")]
    assert broken(extend(late, GENESIS)) == "event 2 is older than the one before it"


def test_after_a_break_nothing_holds() -> None:
    """Once a link is broken it stays so, with its first reason."""
    linked, link = run(), Link()
    assert not link.check(*linked[1])
    reason = link.broken
    assert not link.check(*linked[0])
    assert link.broken == reason
