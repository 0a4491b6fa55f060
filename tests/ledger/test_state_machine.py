"""Any order of calls, settlements, acts and crashes keeps the laws, after each step."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from ledger.admin_commands import Command, CreditAgent, DeleteAgent
from ledger.commands import (
    Adjust,
    Admitted,
    Denied,
    Done,
    Outcome,
    Quote,
    Recover,
    Rejected,
    Settled,
)
from ledger.evolve import evolve
from ledger.read import Reader
from ledger.state import OPEN_STATES, State
from tests.ledger.making import (
    URL,
    Hand,
    admit,
    commit,
    create,
    issue,
    open_at,
    read_all,
    release,
    rows,
    token_hash,
)

NAMES = ("alice", "bob")
names = st.sampled_from(NAMES)
batches = st.lists(st.integers(0, 400), min_size=1, max_size=4)


class Books(RuleBasedStateMachine):
    """A gateway with a SQLite ledger, and a shadow that is the fold of the log alone."""

    calls: Bundle[str] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(mkdtemp(prefix="aex-machine-"))
        self.hand = Hand()
        self.store = open_at(self.base, clock=self.hand.clock())
        self.reader = Reader(URL, self.base)
        self.shadow = State()
        self.seen = 0
        self.credits: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.ends: dict[str, Settled] = {}
        self.guessed: set[str] = set()
        self.adjusted: Counter[str] = Counter()
        self.overrun: set[str] = set()
        self.started = 0

    def teardown(self) -> None:
        self.reader.close()
        self.store.close()
        shutil.rmtree(self.base)

    def do(self, *commands: Command) -> list[Outcome]:
        """One batch, a little later than the one before."""
        self.hand.now += 1_000_000
        return self.store.execute(commands)

    @initialize()
    def begin(self) -> None:
        for name in NAMES:
            self.recreate(name, 1_000)

    def recreate(self, name: str, budget: int) -> None:
        self.tokens[name] += 1
        hashed = token_hash(name, self.tokens[name])
        (outcome,) = self.do(create(name, budget, token_hash=hashed, min_output_tokens=10))
        if isinstance(outcome, Done):
            self.credits[name] = budget
            self.overrun.discard(name)
        else:
            self.tokens[name] -= 1

    @rule(target=calls, name=names, costs=batches, rate=st.sampled_from([0, 2_000]))
    def reserve(self, name: str, costs: list[int], rate: int) -> object:
        """A batch of calls; each is held, denied, or held with a smaller cap."""
        self.started += len(costs)
        keys = [f"e{self.started - number}" for number in range(len(costs))]
        hashed = token_hash(name, self.tokens[name])
        outcomes = self.do(
            *(
                admit(key, token_hash=hashed, quote=Quote(cost, rate, 100))
                for key, cost in zip(keys, costs, strict=True)
            )
        )
        for key, outcome in zip(keys, outcomes, strict=True):
            assert isinstance(outcome, Admitted | Denied)
            if isinstance(outcome, Denied):
                self.ends[key] = Settled(key, "DENIED", 0, fresh=False)
        return multiple(*keys)

    @rule(key=calls, actual=st.none() | st.integers(0, 500))
    def bill(self, key: str, actual: int | None) -> None:
        """The bill is below, at or above the reserve; a second one changes nothing.

        A bill that comes after recovery has guessed takes the place of the guess, once.
        """
        if key in self.guessed and actual is not None:
            self.rebook(key, commit(key, actual), actual)
            self.guessed.discard(key)
            if actual > self.shadow.executions[key].reserved_nanousd:
                self.overrun.add(self.shadow.executions[key].agent)
            return
        held = self.shadow.executions[key].reserved_nanousd
        self.settle(key, commit(key, actual))
        if actual is not None and actual > held and self.ends[key].fresh:
            self.overrun.add(self.shadow.executions[key].agent)

    @rule(key=calls)
    def give_back(self, key: str) -> None:
        self.settle(key, release(key))

    @rule(key=calls, policy=st.sampled_from(["charge", "release"]))
    def recover(self, key: str, policy: str) -> None:
        self.settle(key, Recover(key, policy))
        if self.ends[key].fresh:
            self.guessed.add(key)

    @rule(key=calls, actual=st.integers(0, 500))
    def adjust(self, key: str, actual: int) -> None:
        """An operator books another amount for what has ended, and for nothing else."""
        command = Adjust(key, actual, "the invoice", "operator")
        if key in self.ends and self.ends[key].state != "DENIED":
            self.rebook(key, command, actual)
        else:
            assert isinstance(self.do(command)[0], Rejected)

    def rebook(self, key: str, command: Command, actual: int) -> None:
        """The amount is replaced, the end stays."""
        before = self.ends[key]
        assert self.do(command) == [Settled(key, before.state, actual, fresh=True)]
        self.ends[key] = replace(before, actual_nanousd=actual)
        self.adjusted[key] += 1
        if actual > before.actual_nanousd:
            self.overrun.add(self.shadow.executions[key].agent)

    def settle(self, key: str, command: Command) -> None:
        """Whatever is asked: the first end stands, and every later answer names it."""
        (outcome,) = self.do(command)
        assert isinstance(outcome, Settled)
        first = self.ends.get(key)
        assert outcome.fresh == (first is None)
        if first is not None:
            expected = (first.state, first.actual_nanousd)
            assert (outcome.state, outcome.actual_nanousd) == expected
        self.ends[key] = outcome

    @rule(name=names, amount=st.integers(1, 500))
    def top_up(self, name: str, amount: int) -> None:
        (outcome,) = self.do(CreditAgent(name, amount, "more", "operator"))
        if isinstance(outcome, Done):
            self.credits[name] += amount

    @rule(name=names)
    def rotate(self, name: str) -> None:
        (outcome,) = self.do(issue(name, self.tokens[name] + 1, revoke_others=True))
        self.tokens[name] += isinstance(outcome, Done)

    @rule(name=names)
    def delete(self, name: str) -> None:
        (outcome,) = self.do(DeleteAgent(name, "operator"))
        assert isinstance(outcome, Done | Rejected)

    @rule(name=names, budget=st.integers(0, 1_500))
    def create_again(self, name: str, budget: int) -> None:
        self.recreate(name, budget)

    @rule(unfinished=st.booleans())
    def crash(self, unfinished: bool) -> None:
        """The gateway ends, in the middle of a transaction or not, and another one opens."""
        if unfinished:
            self.store.engine.begin()
            self.store.engine.rows("UPDATE agents SET budget_nanousd = 0, spent_nanousd = 7")
        self.store.engine.close()
        self.store = open_at(self.base, clock=self.hand.clock())

    @invariant()
    def the_laws_hold(self) -> None:
        self.the_fold_is_the_tables()
        self.money_is_neither_made_nor_lost()
        self.an_execution_ends_at_most_once()

    def the_fold_is_the_tables(self) -> None:
        for logged in self.reader.log(after=self.seen):
            self.seen += 1
            assert logged.event.seq == self.seen
            evolve(self.shadow, logged.event)
        assert self.reader.head().seq == self.seen
        assert rows(self.shadow) == read_all(self.reader)

    def money_is_neither_made_nor_lost(self) -> None:
        open_reserves: Counter[str] = Counter()
        for row in self.shadow.executions.values():
            if row.state in OPEN_STATES:
                open_reserves[row.agent] += row.reserved_nanousd
        for agent in self.reader.agents(deleted=True):
            held, spent = agent.reserved_nanousd, agent.spent_nanousd
            assert agent.budget_nanousd == self.credits[agent.name]
            assert agent.remaining_nanousd == self.credits[agent.name] - spent - held
            assert held == open_reserves[agent.name]
            assert spent + held <= agent.budget_nanousd or agent.name in self.overrun

    def an_execution_ends_at_most_once(self) -> None:
        entries = Counter(entry.execution_id for entry in self.shadow.reservations)
        for row in self.shadow.executions.values():
            ended = row.execution_id in self.ends
            assert ended == (row.state not in OPEN_STATES)
            expected = 0 if row.state == "DENIED" else 1 + ended + self.adjusted[row.execution_id]
            assert entries[row.execution_id] == expected


TestBooks = Books.TestCase
# A soak runs more and longer ones (scripts/soak ledger).
TestBooks.settings = settings(
    max_examples=int(os.environ.get("AEX_MACHINE_EXAMPLES", "60")),
    stateful_step_count=int(os.environ.get("AEX_MACHINE_STEPS", "40")),
)
