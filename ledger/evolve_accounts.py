"""What events of accounts, tokens and gateways do to the rows.

Owns: the meaning of each such event. (Calls: evolve.py, which joins both.)
Refuses to know: whether the event should have happened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger import events
from ledger.caps import stored
from ledger.events import Event
from ledger.state import DELETED, Agent, State, Token
from ledger.windows import start_of


def put_agent(state: State, agent: Agent) -> None:
    """Replaces an account's row."""
    state.agents[agent.name] = agent
    state.touched_agents.add(agent.name)


def put_rates(state: State, p: Any) -> None:
    """Replaces the rates that an event names; most events name none."""
    for key, tat in p.get("rates", {}).items():
        name, _, kind = key.rpartition("/")
        state.rates[(name, kind)] = int(tat)
        state.touched_rates.add((name, kind))


def agent_created(state: State, event: Event, p: Any) -> None:
    """A new account, or a deleted one anew."""
    assert event.agent is not None
    put_agent(
        state,
        Agent(
            name=event.agent,
            kind=p["kind"],
            parent=p["parent"],
            budget_nanousd=p["budget_nanousd"],
            spent_nanousd=0,
            reserved_nanousd=0,
            rpm=p["rpm"],
            tpm=p["tpm"],
            on_short_budget=p["on_short_budget"],
            min_output_tokens=p["min_output_tokens"],
            lifecycle_state="READY",
            lifecycle_reason="",
            created_at=event.time_ns,
            budget_window=p.get("budget_window", "total"),
            window_start=start_of(p.get("budget_window", "total"), event.time_ns),
            spent_before_nanousd=0,
            expires_at=int(p.get("expires_at", "0")),
            caps=stored(p.get("caps")),
        ),
    )
    put_rates(state, p)


def agent_credited(state: State, event: Event, p: Any) -> None:
    """More budget; what an overrun has stopped goes on."""
    assert event.agent is not None
    agent = state.agents[event.agent]
    budget = agent.budget_nanousd + p["amount_nanousd"]
    put_agent(state, agent._replace(budget_nanousd=budget, stopped_by=""))


def agent_withdrawn(state: State, event: Event, p: Any) -> None:
    """Less budget."""
    assert event.agent is not None
    agent = state.agents[event.agent]
    budget = agent.budget_nanousd - p["amount_nanousd"]
    put_agent(state, agent._replace(budget_nanousd=budget))


def agent_limits(state: State, event: Event, p: Any) -> None:
    """The limits as they are from here on."""
    assert event.agent is not None
    agent = state.agents[event.agent]
    put_agent(
        state,
        agent._replace(
            rpm=p["rpm"],
            tpm=p["tpm"],
            on_short_budget=p["on_short_budget"],
            min_output_tokens=p["min_output_tokens"],
            budget_window=p["budget_window"],
            caps=stored(p["caps"]) if "caps" in p else agent.caps,
        ),
    )
    put_rates(state, p)
    if p["budget_window"] == "total":
        # A budget for all time counts all that was ever spent.
        agent = state.agents[event.agent]
        spent = agent.spent_nanousd + agent.spent_before_nanousd
        put_agent(
            state, agent._replace(spent_nanousd=spent, spent_before_nanousd=0, window_start=0)
        )


def window_started(state: State, event: Event, p: Any) -> None:
    """A new window of the budget: nothing is spent in it yet."""
    assert event.agent is not None
    agent = state.agents[event.agent]
    put_agent(
        state,
        agent._replace(
            spent_nanousd=0,
            spent_before_nanousd=agent.spent_before_nanousd + agent.spent_nanousd,
            window_start=int(p["window_start"]),
        ),
    )


def agent_state(state: State, event: Event, p: Any) -> None:
    """Another lifecycle state, and why."""
    assert event.agent is not None
    agent = state.agents[event.agent]
    put_agent(state, agent._replace(lifecycle_state=p["to"], lifecycle_reason=p["reason"]))


def agent_deleted(state: State, event: Event, p: Any) -> None:
    """The account serves no more; its row stays for its history."""
    assert event.agent is not None
    agent = state.agents[event.agent]
    reason = f"deleted by {p['actor']}"
    put_agent(state, agent._replace(lifecycle_state=DELETED, lifecycle_reason=reason))


def token_issued(state: State, event: Event, p: Any) -> None:
    """A further token."""
    assert event.agent is not None
    token = Token(
        token_hash=p["token_hash"],
        token_id=p["token_id"],
        agent=event.agent,
        scope=p["scope"],
        label=p["label"],
        created_at=event.time_ns,
        expires_at=int(p["expires_at"]),
        revoked_at=0,
        account=p.get("account", event.agent),
    )
    state.tokens[token.token_hash] = token
    state.touched_tokens.add(token.token_hash)


def token_revoked(state: State, event: Event, p: Any) -> None:
    """A token's end."""
    token = state.tokens[p["token_hash"]]
    state.tokens[token.token_hash] = token._replace(revoked_at=event.time_ns)
    state.touched_tokens.add(token.token_hash)


def gateway_fenced(state: State, _event: Event, p: Any) -> None:
    """A gateway that can admit nothing any more."""
    state.fenced.add(p["gateway"])
    state.touched_fences.add(p["gateway"])


def ledger_restored(state: State, _event: Event, p: Any) -> None:
    """A new epoch."""
    state.epoch = p["epoch"]


APPLY: dict[str, Callable[[State, Event, Any], None]] = {
    events.AGENT_CREATED: agent_created,
    events.AGENT_CREDITED: agent_credited,
    events.AGENT_WITHDRAWN: agent_withdrawn,
    events.AGENT_LIMITS: agent_limits,
    events.WINDOW_STARTED: window_started,
    events.AGENT_STATE: agent_state,
    events.AGENT_DELETED: agent_deleted,
    events.TOKEN_ISSUED: token_issued,
    events.TOKEN_REVOKED: token_revoked,
    events.GATEWAY_FENCED: gateway_fenced,
    events.LEDGER_RESTORED: ledger_restored,
}
