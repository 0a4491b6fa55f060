"""Commands with everything filled in, a pure ledger, and a clock that tests turn by hand.

Owns: the values that ledger tests share. Refuses to know: engines, except to open a SQLite file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.admin_commands import Command, CreateAgent, InstallTool, IssueToken, OpenRun
from ledger.chain import GENESIS, extend
from ledger.clock import KernelClock
from ledger.commands import Admit, Commit, Quote, Refusal, Release
from ledger.events import Event
from ledger.kernel import step
from ledger.opening import open_store
from ledger.outcomes import Admitted, Denied, Outcome, Rejected
from ledger.read import Reader
from ledger.state import State
from ledger.store import Store

START = 1_800_000_000_000_000_000
SECOND = 1_000_000_000
URL = "sqlite:///ledger.db"
REFUSED = Refusal(403, "model_unpriced", "no price for m")


@dataclass
class Hand:
    """Time that goes on only when it is told to."""

    now: int = START

    def __call__(self) -> int:
        return self.now

    def clock(self) -> KernelClock:
        """A kernel clock on this hand."""
        return KernelClock(wall=lambda: START, steady=lambda: self.now - START)


def token_hash(name: str, number: int = 1) -> str:
    """The hash under which the agent's n-th token is kept."""
    return sha256(f"{name} {number}".encode()).hexdigest()


def create(name: str = "alice", budget: int = 1_000, **changes: Any) -> CreateAgent:
    """A new agent without rate limits."""
    command = CreateAgent(name, budget, 0, 0, "operator", token_hash(name), f"{name}-1")
    return replace(command, **changes)


def team(name: str = "team", budget: int = 1_200, **changes: Any) -> CreateAgent:
    """A new team, which has no token."""
    return create(name, budget, kind="team", token_hash="", token_id="", **changes)


def run(name: str, label: str, budget: int, by: str = "", number: int = 1) -> OpenRun:
    """A run below an account; its token is that of the account `name/label`."""
    hashed = token_hash(f"{name}/{label}", number)
    return OpenRun(name, label, by, budget, 0, 0, "operator", hashed, f"{label}-{number}")


def admit(key: str, name: str = "alice", fixed: int = 100, **changes: Any) -> Admit:
    """A call that costs at most `fixed`, whatever it says."""
    command = Admit(
        execution_id=key,
        token_hash=token_hash(name),
        claimed_agent=None,
        gateway="gw-1",
        door="proxy",
        provider="openai",
        model="gpt-4o",
        endpoint="/v1/chat/completions",
        stream=False,
        fingerprint="f" * 16,
        quote=Quote(fixed_nanousd=fixed),
        input_tokens_max=10,
        metered=True,
    )
    return command._replace(**changes)


def commit(key: str, actual: int | None = None, **changes: Any) -> Commit:
    """The provider billed."""
    usage = {"input_tokens": 3, "output_tokens": 4}
    return replace(Commit(key, actual, 200, usage, "response", "exact"), **changes)


def release(key: str) -> Release:
    """The provider billed nothing."""
    return Release(key, 429, "the provider answered 429")


def issue(name: str = "alice", number: int = 2, **changes: Any) -> IssueToken:
    """A further token."""
    command = IssueToken(
        name, token_hash(name, number), f"{name}-{number}", "execution", "laptop", 0, "operator"
    )
    return replace(command, **changes)


def install(name: str = "lookup", version: str = "1", **changes: Any) -> InstallTool:
    """A tool that costs 40 n$, with a package and a manifest of this version's."""
    sha256_, digest = token_hash(name, 1), token_hash(version, 2)
    manifest = f"name = {name!r}\n"
    command = InstallTool(name, version, sha256_, digest, manifest, 40, "cli:ann")
    return replace(command, **changes)


@dataclass
class Pure:
    """The kernel alone: a state, and the log that led to it."""

    state: State = field(default_factory=State)
    log: list[Event] = field(default_factory=list)
    now: int = START

    def __call__(self, command: Command) -> Outcome:
        """Carries a command out, a second after the one before."""
        self.now += SECOND
        events, outcome = step(self.state, command, self.now, len(self.log))
        self.log += events
        return outcome

    def at_once(self, command: Command) -> Outcome:
        """Carries a command out a nanosecond after the newest event, as a store does in a batch."""
        self.now = max(self.now, self.log[-1].time_ns + 1) - SECOND if self.log else self.now
        return self(command)

    def balance(self, name: str = "alice") -> tuple[int, int, int]:
        """(budget, spent, reserved)."""
        agent = self.state.agents[name]
        return agent.budget_nanousd, agent.spent_nanousd, agent.reserved_nanousd

    def types(self) -> list[str]:
        """What happened, in order."""
        return [event.type for event in self.log]

    def root(self) -> str:
        """The hash of the newest event."""
        return extend(self.log, GENESIS)[-1][2].hex()


def rows(state: State) -> tuple[Any, ...]:
    """All that a state says about the books, without what it notes for the store."""
    return (
        state.agents,
        state.tokens,
        state.executions,
        state.rates,
        state.reservations,
        state.bindings,
        state.answers,
        state.bulks,
        state.tools,
    )


def open_at(base: Path, url: str = URL, **options: Any) -> Store:
    """A store on a ledger in this directory."""
    return open_store(url, base, ledger_id="test", version="0", **options)


def read_all(reader: Reader) -> tuple[Any, ...]:
    """The tables, in the shape of `rows`."""
    return (
        {agent.name: agent for agent in reader.agents(deleted=True)},
        {token.token_hash: token for token in reader.tokens()},
        {row.execution_id: row for row in reader.executions(limit=None)},
        reader.rates(),
        reader.reservations(),
        {(row.agent, row.key_hash): row for row in reader.bindings(0)},
        {row.execution_id: row for row in reader.answers(0)},
        reader.bulks(),
        reader.tools(),
    )


def word(outcome: Outcome) -> str:
    """An outcome in a word or two, as the tables have it."""
    match outcome:
        case Admitted():
            return f"holds {outcome.reserved_nanousd} cap {outcome.output_tokens_cap}"
        case Denied():
            return f"{outcome.status} {outcome.code}"
        case Rejected():
            return "rejected"
    return type(outcome).__name__


def started(**changes: Any) -> Pure:
    """A ledger with one agent, alice."""
    kernel = Pure()
    kernel(create(**changes))
    return kernel
