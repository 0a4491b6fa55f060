"""Any order of calls, settlements, acts, crashes and clocks keeps the laws, after each step.

The model beside the ledger knows only what it was answered: which calls are held with how much,
what was booked for each, what credit each account got.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
)

from ledger.admin_commands import Command, CreditAgent, DeleteAgent, Fence, SetLimits, Withdraw
from ledger.audit import examine
from ledger.audit_checkpoints import Evidence
from ledger.checkpoint import verify
from ledger.checkpoints import Taker
from ledger.clock import KernelClock
from ledger.commands import Adjust, Admit, Quote, Recover
from ledger.events import OVERRUN, RELEASED, Event
from ledger.note import Signer, generate_key
from ledger.outcomes import Admitted, Denied, Done, Outcome, Rejected, Settled
from ledger.read import Reader
from ledger.store import Store
from ledger.tree import Tree
from tests.ledger.bystander import Bystander
from tests.ledger.making import (
    SECOND,
    START,
    URL,
    admit,
    commit,
    create,
    issue,
    open_at,
    release,
    run,
    team,
    token_hash,
)

DAY = 86_400 * SECOND
CREDITS = {"team": 4_500, "alice": 3_000, "bob": 3_000, "alice/r1": 1_000}
SIGNER = Signer("aex/test", generate_key())
agents = st.sampled_from(["alice", "bob"])
accounts = st.sampled_from(["alice", "bob", "alice", "bob", "team"])
policies = st.sampled_from(["charge", "release"])
which = st.integers(0, 1)
budgets = st.integers(0, 4_000)
ASKED: dict[str, Any] = {
    # An overrun stops an agent; mostly somebody tops it up before it asks again.
    "eased": st.sampled_from([True, True, True, False]),
    "payer": st.sampled_from(["alice", "bob", "alice/r1", "alice", "bob", "bob/r2"]),
    "costs": st.lists(st.integers(0, 400), min_size=1, max_size=4),
    "rate": st.sampled_from([0, 2_000]),
    "at": which,
}
BILLED: dict[str, Any] = {"actual": st.none() | st.integers(0, 500)}


@dataclass
class Call:
    """A call that was recorded: where it is booked, what it holds, how it ended."""

    asked: Admit
    levels: list[tuple[str, int]] = field(default_factory=list)
    held: int = 0
    end: Settled | None = None
    guessed: bool = False
    adjusted: int = 0


@cache
def template() -> bytes:
    """A ledger with a team, two agents below it, and a run below one of them, to be copied."""
    with TemporaryDirectory() as directory:
        base = Path(directory)
        with closing(open_at(base, clock=KernelClock(lambda: START, lambda: 0))) as store:
            store.one(team(budget=CREDITS["team"]))
            for name in ("alice", "bob"):
                store.one(create(name, CREDITS[name], parent="team", min_output_tokens=10))
            store.one(run("alice", "r1", CREDITS["alice/r1"]))
        return (base / "ledger.db").read_bytes()


class Books(RuleBasedStateMachine):
    """Two gateways' calls on one SQLite ledger, and a bystander that reads its log."""

    calls: Bundle[str] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(mkdtemp(prefix="aex-machine-"))
        (self.base / "ledger.db").write_bytes(template())
        # A steady clock, and how far the one on the wall is off.
        self.now, self.skew = SECOND, 0
        self.store, self.taker = self.opened(Tree())
        self.seen = Bystander(self.base)
        self.seen.read()
        self.known: dict[str, Call] = {}
        self.notes: list[str] = []
        self.started = 0
        self.gateways = ["gw-1", "gw-2"]
        self.credits = dict(CREDITS)
        # A name that is created again is another account, with a token of another number.
        self.births = Counter(CREDITS.keys())
        self.tokens = Counter(CREDITS.keys())
        self.gone: set[str] = set()
        self.spared = 3
        self.over: set[str] = set()
        # Agents that an overrun has stopped; and those that had been when calls were last asked.
        self.stopped: set[str] = set()
        self.halted: set[str] = set()
        self.before: dict[str, int] = {}

    def opened(self, tree: Tree) -> tuple[Store, Taker]:
        """A new process on the ledger; it reads the wall clock once."""
        clock = KernelClock(lambda: START + self.now + self.skew, lambda: self.now)
        store = open_at(self.base, clock=clock)
        # Nothing pulls the plug here.
        store.engine.rows("PRAGMA synchronous = OFF")
        return store, Taker(store.engine, SIGNER, tree)

    def teardown(self) -> None:
        try:
            self.all_ends_well()
        finally:
            self.seen.close()
            self.store.close()
            shutil.rmtree(self.base)

    def all_ends_well(self) -> None:
        """Once no gateway is left every call has its one end, and an audit finds nothing."""
        for at, _ in enumerate(self.gateways):
            self.expire(at, "charge")
        assert all(call.end is not None for call in self.known.values())
        self.an_execution_ends_at_most_once()
        self.money_is_neither_made_nor_lost()
        self.seen.compare()
        self.seen.compare_whole()
        evidence = Evidence((SIGNER.vkey,), tuple(("a copy", note) for note in self.notes))
        with Reader(URL, self.base) as reader:
            broken = [one for one in examine(reader, evidence=evidence).findings if not one.holds]
        assert broken == []

    def do(self, *commands: Command) -> tuple[list[Outcome], list[Event]]:
        """One batch, a little later than the one before; what came of it, and what happened."""
        self.now += 1_000_000
        outcomes = self.store.execute(commands)
        happened = self.seen.read()
        for event in happened:
            if event.type == OVERRUN and self.is_its_own(event):
                self.stopped.add(str(event.agent))
        return outcomes, happened

    def is_its_own(self, event: Event) -> bool:
        """Whether the call was made by the account that has its agent's name now."""
        call = self.known.get(str(event.execution_id))
        return call is None or (event.agent, self.births[str(event.agent)]) in call.levels

    def one(self, command: Command) -> Outcome:
        """A command in a batch of its own."""
        return self.do(command)[0][0]

    # ------------------------------------------------------------------------- calls

    def asked(self, payer: str, costs: list[int], rate: int, at: int, eased: bool) -> list[Admit]:
        """Calls that nobody has asked for yet."""
        if eased and (agent := payer.partition("/")[0]) in self.stopped:
            self.top_up(agent, 1)
        self.halted = set(self.stopped)
        self.started += len(costs)
        return [
            admit(
                f"e{self.started - number}",
                token_hash=token_hash(payer, self.tokens[payer]),
                quote=Quote(cost, rate, 100),
                gateway=self.gateways[at],
                tokens_max=cost,
            )
            for number, cost in enumerate(costs)
        ]

    def recorded(self, payer: str, command: Admit, outcome: Outcome) -> bool:
        """Whether the books know of the call now: held and dispatched, or denied to somebody."""
        key = command.execution_id
        assert isinstance(outcome, Admitted | Denied)
        if isinstance(outcome, Denied) and outcome.agent is None:
            return False
        halted = payer.partition("/")[0] in self.halted
        assert halted <= isinstance(outcome, Denied)
        assert halted or not (isinstance(outcome, Denied) and outcome.code == "overrun")
        call = self.known[key] = Call(command)
        if isinstance(outcome, Denied):
            call.end = Settled(key, "DENIED", 0, fresh=False)
        else:
            call.held = outcome.reserved_nanousd
            names = ([payer] if "/" in payer else []) + [payer.partition("/")[0], "team"]
            call.levels = [(name, self.births[name]) for name in names]
        return True

    def reserve(self, payer: str, costs: list[int], rate: int, at: int, eased: bool) -> object:
        """A batch of calls; each is held and dispatched at once, or held for less, or denied."""
        self.before = {
            name: agent.spent_nanousd + agent.reserved_nanousd
            for name, agent in self.seen.state.agents.items()
        }
        asked = self.asked(payer, costs, rate, at, eased)
        outcomes, _ = self.do(*asked)
        pairs = zip(asked, outcomes, strict=True)
        return multiple(
            *(one.execution_id for one, said in pairs if self.recorded(payer, one, said))
        )

    # Twice, or calls would be rare among all that may happen.
    some_reserve = rule(**ASKED, target=calls)(reserve)
    others_reserve = rule(**ASKED, target=calls)(reserve)

    @rule(**ASKED, target=calls, **BILLED)
    def rush(
        self,
        payer: str,
        costs: list[int],
        rate: int,
        at: int,
        eased: bool,
        actual: int | None,
    ) -> object:
        """Calls with their ends in one batch."""
        asked = self.asked(payer, costs, rate, at, eased)
        ends = [commit(one.execution_id, actual) for one in asked]
        outcomes, happened = self.do(*asked, *ends)
        found = []
        for command, said, end in zip(asked, outcomes, outcomes[len(asked) :], strict=False):
            if self.recorded(payer, command, said):
                found.append(command.execution_id)
                self.ended(self.known[found[-1]], end, happened)
            else:
                assert isinstance(end, Rejected)
        return multiple(*found)

    def bill(self, keys: list[str], actual: int | None) -> None:
        """Bills below, at or above the reserve, the same twice, or late where recovery guessed."""
        outcomes, happened = self.do(*(commit(key, actual) for key in keys))
        for key, outcome in zip(keys, outcomes, strict=True):
            call = self.known[key]
            if call.guessed and actual is not None:
                self.rebooked(call, outcome, actual)
                call.guessed = False
            else:
                self.ended(call, outcome, happened)

    some_bill = rule(**BILLED, keys=st.lists(calls, min_size=1, max_size=3))(bill)
    others_bill = rule(**BILLED, keys=st.lists(calls, min_size=1, max_size=3))(bill)

    @rule(key=calls)
    def void(self, key: str) -> None:
        """What was not billed is given back, but for what has ended already."""
        (outcome,), happened = self.do(release(key))
        self.ended(self.known[key], outcome, happened)

    @rule(key=calls)
    def ask_again(self, key: str) -> None:
        """A call that was recorded is not reserved a second time."""
        assert isinstance(self.one(self.known[key].asked), Rejected)

    @rule(key=calls, policy=policies)
    def recover(self, key: str, policy: str) -> None:
        """Recovery of a call that may have ended."""
        call = self.known[key]
        (outcome,), happened = self.do(Recover(key, policy))
        call.guessed |= self.ended(call, outcome, happened)

    @precondition(lambda self: any(call.end is None for call in self.known.values()))
    @rule(at=which, policy=policies)
    def expire(self, at: int, policy: str) -> None:
        """A gateway's lease lapses: it is shut out, what it left open is settled, another comes."""
        gone, self.gateways[at] = self.gateways[at], f"gw-{len(self.seen.log)}"
        self.one(Fence(gone, "no sign of life"))
        for key, gateway in self.store.open_executions():
            if gateway == gone:
                self.recover(key, policy)
        assert isinstance(self.one(admit("never", gateway=gone)), Rejected)

    @rule(key=calls, actual=st.integers(0, 500))
    def adjust(self, key: str, actual: int) -> None:
        """An operator books another amount for what has ended, and for nothing else."""
        call, command = self.known[key], Adjust(key, actual, "the invoice", "operator")
        outcome = self.one(command)
        if call.end is not None and call.end.state != "DENIED":
            self.rebooked(call, outcome, actual)
        else:
            assert isinstance(outcome, Rejected)

    def rebooked(self, call: Call, outcome: Outcome, actual: int) -> None:
        """The amount was replaced, the end stays."""
        assert call.end is not None
        if actual > call.end.actual_nanousd:
            self.exceed(call)
        call.end = replace(call.end, actual_nanousd=actual, fresh=True)
        call.adjusted += 1
        assert outcome == call.end

    def ended(self, call: Call, outcome: Outcome, happened: list[Event]) -> bool:
        """Whether it ended now: the first end stands, and every later answer names it."""
        assert isinstance(outcome, Settled)
        first = call.end
        assert outcome.fresh == (first is None)
        if first is not None:
            expected = (first.state, first.actual_nanousd)
            assert (outcome.state, outcome.actual_nanousd) == expected
            return False
        call.end = outcome
        over = outcome.actual_nanousd > call.held
        own = [event for event in happened if event.execution_id == outcome.execution_id]
        assert over == any(event.type == OVERRUN for event in own)
        if over:
            self.exceed(call)
        # What was sent is given back only with a proof that it was not billed.
        assert all(event.data()["proof"] for event in own if event.type == RELEASED)
        return True

    def exceed(self, call: Call) -> None:
        """More is booked than was held: these accounts may be above their budgets."""
        self.over |= {name for name, birth in call.levels if birth == self.births[name]}

    # -------------------------------------------------------------------------- acts

    @rule(name=accounts, amount=st.integers(1, 2_000))
    def top_up(self, name: str, amount: int) -> None:
        if isinstance(self.one(CreditAgent(name, amount, "more", "operator")), Done):
            self.credits[name] += amount
            self.stopped.discard(name)

    @rule(name=accounts, amount=st.integers(1, 2_000))
    def take_back(self, name: str, amount: int) -> None:
        if isinstance(self.one(Withdraw(name, amount, "less", "operator")), Done):
            self.credits[name] -= amount

    @rule(
        name=accounts,
        window=st.sampled_from([None, "total", "day"]),
        rpm=st.sampled_from([None, 0, 5]),
        tpm=st.sampled_from([None, 0, 700]),
    )
    def limit(self, name: str, window: str | None, rpm: int | None, tpm: int | None) -> None:
        """Limits of calls and tokens, and a budget for each day or for all time."""
        self.one(SetLimits(name, "operator", rpm=rpm, tpm=tpm, budget_window=window))
        if window == "total":
            # What was spent on the days before counts again.
            self.over.add(name)

    @rule(name=agents, label=st.sampled_from(["r1", "r2"]), budget=budgets)
    def open_run(self, name: str, label: str, budget: int) -> None:
        asking = token_hash(name, self.tokens[name])
        command = run(name, label, budget, by=asking)
        if isinstance(self.one(command), Done):
            self.credits[f"{name}/{label}"] = budget
            self.births[f"{name}/{label}"] = self.tokens[f"{name}/{label}"] = 1

    @rule(name=agents)
    def rotate(self, name: str) -> None:
        outcome = self.one(issue(name, self.tokens[name] + 1, revoke_others=True))
        self.tokens[name] += isinstance(outcome, Done)

    @precondition(lambda self: self.started > self.spared)
    @rule(name=accounts)
    def delete(self, name: str) -> None:
        """An account ends; another one may when some calls have been made since."""
        if isinstance(self.one(DeleteAgent(name, "operator")), Done):
            self.gone.add(name)
            self.spared = self.started + 3

    @precondition(lambda self: self.gone)
    @rule(name=accounts, budget=budgets)
    def create_again(self, name: str, budget: int) -> None:
        """An account where one was deleted and nothing is held below it; else none."""
        hashed = token_hash(name, self.tokens[name] + 1)
        command = create(name, budget, parent="team", token_hash=hashed, min_output_tokens=10)
        if isinstance(self.one(team(budget=budget) if name == "team" else command), Done):
            self.gone.remove(name)
            self.credits[name] = budget
            self.births[name] += 1
            self.tokens[name] += 1
            self.over.discard(name)
            self.stopped.discard(name)

    @rule()
    def sign(self) -> None:
        """A checkpoint says what the log is: all of them are of one tree that only grows."""
        taken = self.taker.take(1)
        if taken is not None:
            said = verify(taken.note, [SIGNER.vkey], SIGNER.name)
            assert (said.size, said.root) == (self.seen.tree.size, self.seen.tree.root())
            self.notes.append(taken.note)

    # --------------------------------------------------------------- crashes and time

    @rule(unfinished=st.booleans())
    def crash(self, unfinished: bool) -> None:
        """The gateway ends, in the middle of a transaction or not, and another one opens."""
        if unfinished:
            self.store.engine.begin()
            self.store.engine.rows("UPDATE agents SET budget_nanousd = 0, spent_nanousd = 7")
        self.store.engine.close()
        self.store, self.taker = self.opened(Tree.load(self.taker.tree.dump()))

    @rule(seconds=st.sampled_from([1, 60, 86_400]))
    def wait(self, seconds: int) -> None:
        """Time passes; with days, windows of budgets end."""
        self.now += seconds * SECOND

    @rule(by=st.sampled_from([-DAY, -3_600 * SECOND, -SECOND, SECOND, DAY]))
    def step_clock(self, by: int) -> None:
        """The wall clock is set: whoever runs goes on as before, whoever starts begins there."""
        before = self.store.clock()
        self.skew += by
        assert self.store.clock() == before

    # -------------------------------------------------------------------------- laws

    @invariant()
    def the_fold_is_the_tables(self) -> None:
        self.seen.compare()

    @invariant()
    def money_is_neither_made_nor_lost(self) -> None:
        held, spent = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
        for call in self.known.values():
            for level in call.levels:
                if call.end is None:
                    held[level] += call.held
                else:
                    spent[level] += call.end.actual_nanousd
        for name, agent in self.seen.state.agents.items():
            account = name, self.births[name]
            assert agent.budget_nanousd == self.credits[name]
            assert agent.reserved_nanousd == held[account]
            assert agent.spent_nanousd + agent.spent_before_nanousd == spent[account]
            used = agent.spent_nanousd + agent.reserved_nanousd
            assert agent.remaining_nanousd == self.credits[name] - used
            if used <= agent.budget_nanousd:
                self.over.discard(name)
            else:
                # Above its budget only by what was billed; no reserve adds to that.
                assert name in self.over
                assert used <= self.before.get(name, used)
        self.before = {}

    @invariant()
    def an_overrun_stops_its_agent_alone(self) -> None:
        rows = self.seen.state.agents
        assert {name for name, agent in rows.items() if agent.stopped_by} == self.stopped

    @invariant()
    def an_execution_ends_at_most_once(self) -> None:
        entries = Counter(entry.execution_id for entry in self.seen.state.reservations)
        rows = self.seen.state.executions
        assert rows.keys() == self.known.keys()
        for key, call in self.known.items():
            if call.end is None:
                assert (rows[key].state, entries[key]) == ("DISPATCHED", 1)
            else:
                assert (rows[key].state, rows[key].actual_nanousd) == (
                    call.end.state,
                    call.end.actual_nanousd,
                )
                denied = call.end.state == "DENIED"
                assert entries[key] == (0 if denied else 2 + call.adjusted)


TestBooks = pytest.mark.timeout(600)(pytest.mark.slow(Books.TestCase))
# Some are variations of others, which Hypothesis cuts short: about 300 of these have all 50 steps.
# A soak runs more of them (scripts/soak ledger).
TestBooks.settings = settings(
    max_examples=int(os.environ.get("AEX_MACHINE_EXAMPLES", "420")),
    stateful_step_count=int(os.environ.get("AEX_MACHINE_STEPS", "50")),
)
