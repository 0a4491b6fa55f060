"""Loading: the rows that a batch of commands touches, with one query a table.

Owns: which rows a command needs for its decision.
Refuses to know: what is decided, what is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger import events
from ledger.admin_commands import (
    Command,
    CreateAgent,
    DeleteAgent,
    IssueToken,
    NoteRestore,
    OpenRun,
)
from ledger.commands import Admit
from ledger.state import Agent, Answer, Binding, Execution, State, Token
from ledger.tables import AnyEngine, Table


class Loader:
    """Makes the working set of a batch, inside its transaction."""

    def __init__(self, engine: AnyEngine) -> None:
        self._engine = engine
        keys = engine.in_keys
        self._agents = Table("agents", Agent, "name", keys)
        self._tokens = Table("tokens", Token, "token_hash", keys)
        self._executions = Table("executions", Execution, "execution_id", keys)
        self._bindings = Table("idempotency", Binding, "key_hash", keys)
        self._answers = Table("answers", Answer, "execution_id", keys)
        self._tokens_of = self._tokens.load.replace("WHERE token_hash", "WHERE agent")
        rates = "SELECT agent, kind, tat_ns FROM rate_windows"
        self._load_rates = f"{rates} WHERE agent {keys}"
        fences = "SELECT gateway FROM gateways WHERE fenced = 1"
        self._load_fences = f"{fences} AND gateway {keys}"

    def load(self, commands: Sequence[Command]) -> State:
        """The state that the kernel decides the commands in."""
        state = State()
        names = {c.name for c in commands if hasattr(c, "name")}
        hashes = {c.token_hash for c in commands if hasattr(c, "token_hash")}
        hashes |= {c.by_token_hash for c in commands if isinstance(c, OpenRun)}
        names |= {c.parent for c in commands if isinstance(c, CreateAgent) and c.parent}
        wanted = {c.execution_id for c in commands if hasattr(c, "execution_id")}
        for token in self._tokens.fetch(self._engine, hashes):
            state.tokens[token.token_hash] = token
        for token in self._tokens.fetch(self._engine, _all_tokens_of(commands), self._tokens_of):
            state.tokens[token.token_hash] = token
        names |= {token.agent for token in state.tokens.values()}
        names |= {token.account for token in state.tokens.values()}
        names |= _runs(commands, names)
        wanted |= self._load_bindings(state, commands)
        for execution in self._executions.fetch(self._engine, wanted):
            state.executions[execution.execution_id] = execution
            names.add(execution.account)
        self._load_lineages(state, names)
        self._load_limits(state)
        self._load_ledger(state, commands)
        return state

    def _load_bindings(self, state: State, commands: Sequence[Command]) -> set[str]:
        """Idempotency keys with their executions and answers; the executions' ids."""
        keys = {c.key_hash for c in commands if isinstance(c, Admit) and c.key_hash}
        for binding in self._bindings.fetch(self._engine, keys):
            state.bindings[(binding.agent, binding.key_hash)] = binding
        bound = {binding.execution_id for binding in state.bindings.values()}
        for answer in self._answers.fetch(self._engine, bound):
            state.answers[answer.execution_id] = answer
        return bound

    def _load_lineages(self, state: State, names: set[str]) -> None:
        asked: set[str] = set()
        while names:
            asked |= names
            for agent in self._agents.fetch(self._engine, names):
                state.agents[agent.name] = agent
            parents = {a.parent for a in state.agents.values() if a.parent is not None}
            names = parents - asked

    def _load_limits(self, state: State) -> None:
        limited = [a.name for a in state.agents.values() if a.rpm or a.tpm]
        if limited:
            rows = self._engine.rows(self._load_rates, (self._engine.keys(limited),))
            state.rates = {(agent, kind): tat for agent, kind, tat in rows}

    def _load_ledger(self, state: State, commands: Sequence[Command]) -> None:
        gateways = {c.gateway for c in commands if hasattr(c, "gateway")}
        if gateways:
            rows = self._engine.rows(self._load_fences, (self._engine.keys(gateways),))
            state.fenced = {row[0] for row in rows}
        if any(isinstance(c, NoteRestore) for c in commands):
            counted = "SELECT count(*) FROM event_log WHERE type = ?"
            state.epoch = self._engine.rows(counted, (events.LEDGER_RESTORED,))[0][0]


def _all_tokens_of(commands: Sequence[Command]) -> set[str]:
    names = {
        c.name
        for c in commands
        if isinstance(c, DeleteAgent) or (isinstance(c, IssueToken) and c.revoke_others)
    }
    # A run's tokens are those of the agent that it is below.
    return names | {name.partition("/")[0] for name in names}


def _runs(commands: Sequence[Command], names: set[str]) -> set[str]:
    """The names that runs to be opened may have; the asking token may be of this batch too."""
    runs = {command.run for command in commands if isinstance(command, OpenRun)}
    return {f"{name}/{run}" for name in names for run in runs}
