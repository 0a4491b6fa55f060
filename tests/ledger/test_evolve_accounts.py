"""Laws of account events: each changes its own columns, and old events mean what they did."""

from __future__ import annotations

import pytest

from ledger import events
from ledger.admin_commands import Fence, SetLimits
from ledger.events import Event, canonical
from ledger.evolve import evolve, fold
from ledger.evolve_accounts import APPLY
from ledger.state import State
from ledger.windows import start_of
from tests.ledger.making import START, Pure, admit, create, started


def test_an_account_of_the_first_release() -> None:
    """An event from before there were windows and runs makes an account for all time."""
    kernel = started()
    created = kernel.log[0]
    payload = {
        key: value
        for key, value in created.data().items()
        if key not in {"budget_window", "expires_at"}
    }
    old = evolve(State(), created._replace(payload=canonical(payload)))
    assert old.agents == kernel.state.agents


def test_a_token_of_the_first_release() -> None:
    """An event from before there were runs makes a token that its agent pays for."""
    kernel = started()
    issued = kernel.log[1]
    payload = {key: value for key, value in issued.data().items() if key != "account"}
    old = evolve(State(), issued._replace(payload=canonical(payload)))
    assert old.tokens == kernel.state.tokens


@pytest.mark.parametrize("window", ["total", "day", "week", "month"])
def test_an_account_begins_in_its_window(window: str) -> None:
    """A new account's window is the one in which it was made."""
    kernel = Pure(now=START)
    kernel(create(budget_window=window))
    assert kernel.state.agents["alice"].window_start == start_of(window, kernel.now)


def test_a_window_moves_what_was_spent() -> None:
    """A new window puts what was spent before it, and changes nothing else."""
    kernel = started(budget_window="day")
    agent = kernel.state.agents["alice"]._replace(spent_nanousd=7, spent_before_nanousd=5)
    payload = canonical({"window": "day", "window_start": "99"})
    state = State(agents={"alice": agent})
    evolve(state, Event(3, 1, "alice", None, events.WINDOW_STARTED, payload))
    moved = agent._replace(spent_nanousd=0, spent_before_nanousd=12, window_start=99)
    assert state.agents == {"alice": moved}
    assert state.touched_agents == {"alice"}


def test_limits_are_as_the_event_says() -> None:
    """An event of limits holds all of them, also those that were not changed."""
    kernel = started(rpm=3)
    kernel(SetLimits("alice", "carol", tpm=9, budget_window="week"))
    assert kernel.log[-1].data() == {
        "actor": "carol",
        "budget_window": "week",
        "min_output_tokens": 256,
        "on_short_budget": "clamp",
        "rates": {"alice/tpm": str(kernel.now), "alice/tpm_from": str(kernel.now)},
        "rpm": 3,
        "tpm": 9,
    }


def test_who_was_shut_out_is_known_from_the_log() -> None:
    """The fold of the log knows every gateway that was shut out."""
    kernel = started()
    kernel(Fence("gw-1", "lost"))
    kernel(admit("e1", gateway="gw-2"))
    assert fold(kernel.log).fenced == {"gw-1"}


def test_no_event_of_an_account_is_told_only() -> None:
    """Every event of accounts, tokens and fences has an effect that replay repeats."""
    gateways = {events.GATEWAY_STARTED, events.GATEWAY_STOPPED, events.GATEWAY_CONFIGURED}
    told = {events.LEDGER_CREATED, *gateways}
    names = {value for name, value in vars(events).items() if name.isupper()}
    groups = ("agent.", "token.", "gateway.", "ledger.")
    assert set(APPLY) == {name for name in names if name.startswith(groups)} - told
