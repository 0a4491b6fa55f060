"""Loading: the rows that a batch of commands touches, with one query a table.

Owns: which rows a command needs for its decision.
Refuses to know: what is decided, what is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ledger.admin_commands import AdminCommand, Command, DeleteAgent, IssueToken, OpenRun
from ledger.commands import Adjust, Admit, BillBulk, Commit, NoteResults, Recover, Release
from ledger.state import State
from ledger.tables import AnyEngine, ByKeys, Tables


@dataclass(slots=True)
class _Touched:
    """The keys that a batch of commands names."""

    names: set[str] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)
    executions: set[str] = field(default_factory=set)
    gateways: set[str] = field(default_factory=set)
    key_hashes: set[str] = field(default_factory=set)
    bulks: set[str] = field(default_factory=set)
    tools: set[str] = field(default_factory=set)


def _touched(commands: Sequence[Command]) -> _Touched:
    found = _Touched()
    for command in commands:
        if isinstance(command, Admit):
            found.hashes.add(command.token_hash)
            found.executions.add(command.execution_id)
            found.gateways.add(command.gateway)
            if command.key_hash:
                found.key_hashes.add(command.key_hash)
            if command.tool is not None:
                found.tools.add(command.tool.name)
        elif isinstance(command, Commit | Release | Recover | Adjust):
            found.executions.add(command.execution_id)
            if isinstance(command, Commit) and command.kept is not None:
                found.bulks.add(command.kept.ref)
        elif isinstance(command, NoteResults | BillBulk):
            found.bulks.add(command.ref)
        else:
            _touched_by_admin(found, command)
    return found


def _touched_by_admin(found: _Touched, command: AdminCommand) -> None:
    for attribute, keys in (
        ("name", found.names),
        ("parent", found.names),
        ("token_hash", found.hashes),
        ("by_token_hash", found.hashes),
        ("gateway", found.gateways),
        ("by", found.gateways),
        ("tool", found.tools),
    ):
        key = getattr(command, attribute, None)
        if key:
            keys.add(key)


class Loader:
    """Makes the working set of a batch, inside its transaction."""

    def __init__(self, engine: AnyEngine, tables: Tables) -> None:
        self._engine = engine
        self._tables = tables
        keys = engine.in_keys
        self._rates = ByKeys("SELECT agent, kind, tat_ns FROM rate_windows WHERE agent", keys)
        self._fences = ByKeys("SELECT gateway FROM gateways WHERE fenced = 1 AND gateway", keys)

    def load(self, commands: Sequence[Command]) -> State:
        """The state that the kernel decides the commands in."""
        state, tables, touched = State(), self._tables, _touched(commands)
        names = touched.names
        for token in tables.tokens.fetch(self._engine, touched.hashes):
            state.tokens[token.token_hash] = token
        for token in tables.tokens_of.fetch(self._engine, _all_tokens_of(commands)):
            state.tokens[token.token_hash] = token
        names |= {token.agent for token in state.tokens.values()}
        names |= {token.account for token in state.tokens.values()}
        names |= _runs(commands, names)
        wanted = touched.executions | self._load_bindings(state, touched.key_hashes)
        for bulk in tables.bulks.fetch(self._engine, touched.bulks):
            state.bulks[bulk.ref] = bulk
            wanted.add(bulk.execution_id)
        for execution in tables.executions.fetch(self._engine, wanted):
            state.executions[execution.execution_id] = execution
            names.add(execution.account)
        for tool in tables.tools.fetch(self._engine, touched.tools):
            state.tools[tool.name] = tool
        self._load_lineages(state, names)
        self._load_limits(state)
        self._load_fences_of(state, touched.gateways)
        return state

    def standing(self, token_hashes: Iterable[str]) -> State:
        """Tokens and the accounts that they pay from, to see whether their calls may go on."""
        state = State()
        for token in self._tables.tokens.fetch(self._engine, token_hashes):
            state.tokens[token.token_hash] = token
        self._load_lineages(state, {token.account for token in state.tokens.values()})
        return state

    def _load_bindings(self, state: State, keys: set[str]) -> set[str]:
        """Idempotency keys with their executions and answers; the executions' ids."""
        for binding in self._tables.bindings_of.fetch(self._engine, keys):
            state.bindings[(binding.agent, binding.key_hash)] = binding
        bound = {binding.execution_id for binding in state.bindings.values()}
        for answer in self._tables.answers.fetch(self._engine, bound):
            state.answers[answer.execution_id] = answer
        return bound

    def _load_lineages(self, state: State, names: set[str]) -> None:
        asked: set[str] = set()
        while names:
            asked |= names
            for agent in self._tables.agents.fetch(self._engine, names):
                state.agents[agent.name] = agent
            parents = {a.parent for a in state.agents.values() if a.parent is not None}
            names = parents - asked

    def _load_limits(self, state: State) -> None:
        limited = [a.name for a in state.agents.values() if a.rpm or a.tpm]
        rows = self._rates.rows(self._engine, limited)
        state.rates = {(agent, kind): tat for agent, kind, tat in rows}

    def _load_fences_of(self, state: State, gateways: set[str]) -> None:
        state.fenced = {row[0] for row in self._fences.rows(self._engine, gateways)}


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
