"""Laws of replay: the log alone gives the books back, and what it notes is what changed."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given

from ledger import events
from ledger.admin_commands import Command, DeleteAgent, NoteGateway
from ledger.events import Event
from ledger.evolve import evolve, fold
from ledger.state import State
from tests.ledger.histories import histories
from tests.ledger.making import Pure, admit, commit, create, rows


@given(histories)
def test_replay_equals_the_books(history: list[Command]) -> None:
    """The state is the fold of the log, after any history."""
    kernel = Pure()
    for command in history:
        kernel(command)
    assert rows(fold(kernel.log)) == rows(kernel.state)


def test_replay_without_an_event_differs() -> None:
    """The control: a log that lacks its last event does not replay to the same books."""
    kernel = Pure()
    for command in (create(), admit("e1"), commit("e1", 5)):
        kernel(command)
    assert rows(fold(kernel.log)) == rows(kernel.state)
    assert rows(fold(kernel.log[:-1])) != rows(kernel.state)


@given(histories)
def test_what_was_touched_is_what_changed(history: list[Command]) -> None:
    """Every row that an event changes is noted for the store to write."""
    state, kernel = State(), Pure()
    for command in history:
        kernel(command)
    for event in kernel.log:
        before = deepcopy(state)
        for noted in (
            state.touched_agents,
            state.touched_tokens,
            state.touched_executions,
            state.touched_rates,
            state.touched_bindings,
            state.touched_fences,
        ):
            noted.clear()
        evolve(state, event)
        assert _changed(before.agents, state.agents) <= state.touched_agents
        assert _changed(before.tokens, state.tokens) <= state.touched_tokens
        assert _changed(before.executions, state.executions) <= state.touched_executions
        assert _changed(before.rates, state.rates) <= state.touched_rates
        assert _changed(before.bindings, state.bindings) <= state.touched_bindings
        assert state.fenced - before.fenced <= state.touched_fences


def _changed[K, V](before: dict[K, V], after: dict[K, V]) -> set[K]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def test_a_payload_at_hand_spares_the_parse() -> None:
    """The values of a payload and its text have the same effect."""
    kernel = Pure()
    for command in (create(rpm=3), admit("e1"), commit("e1", 5)):
        kernel(command)
    one, other = State(), State()
    for event in kernel.log:
        evolve(one, event)
        evolve(other, event, event.data())
    assert rows(one) == rows(other) == rows(kernel.state)


@pytest.mark.parametrize(
    "kind",
    [
        *(events.LEDGER_CREATED, events.GATEWAY_STARTED, events.GATEWAY_STOPPED),
        *(events.GATEWAY_CONFIGURED, events.BYPASS_SEEN, events.EGRESS_SEEN, "new"),
    ],
)
def test_events_that_are_only_told(kind: str) -> None:
    """Events that say something without moving money change no row, nor do unknown ones."""
    state = evolve(State(), Event(1, 1, None, None, kind, "{}"))
    assert state == State()


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (events.AGENT_CREDITED, '{"amount_nanousd":1}'),
        (events.DISPATCHED, "{}"),
        (events.RELEASED, "{}"),
        (events.OVERRUN, "{}"),
        (events.AGENT_CREATED, "{}"),
    ],
)
def test_events_about_nothing_cannot_be_replayed(kind: str, payload: str) -> None:
    """An event about a row that is not there, or without its facts, fails loudly."""
    with pytest.raises(KeyError):
        evolve(State(), Event(1, 1, "alice", "e1", kind, payload))


def test_a_hold_never_goes_below_nothing() -> None:
    """A second release in a forged log is refused by the fold itself."""
    kernel = Pure()
    for command in (create(), admit("e1"), commit("e1", 5)):
        kernel(command)
    again = Event(9, kernel.now, "alice", "e1", events.RELEASED, '{"proof":"p","status_code":0}')
    with pytest.raises(AssertionError, match="holds never go below nothing"):
        fold([*kernel.log, again])


def test_a_created_again_agent_starts_anew() -> None:
    """A name that is created again has a budget of its own, and its history stays."""
    kernel = Pure()
    for command in (
        create(budget=900),
        admit("e1"),
        commit("e1", 50),
        DeleteAgent("alice", "operator"),
        NoteGateway("gw-1", "started"),
        create(budget=70, token_hash="new"),
    ):
        kernel(command)
    assert kernel.balance() == (70, 0, 0)
    assert kernel.state.executions["e1"].actual_nanousd == 50
    assert rows(fold(kernel.log)) == rows(kernel.state)
