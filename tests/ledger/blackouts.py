"""Takes the power from a gateway at a random call to the disk, and looks at what is left.

    python -m tests.ledger.blackouts DIRECTORY SEEDS FIRST [SYNCHRONOUS]

Each seed is a short history on a disk that keeps only what was synced (power_loss.py): calls are
reserved and settled in batches, a reader holds snapshots, the store is closed and opened. What
the store answered must be there afterwards, on an ordinary disk; the batch that was cut off must
be there as a whole or not at all. Prints what was counted as JSON. SYNCHRONOUS is for controls:
without it the ledger is opened as always.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from tempfile import mkdtemp

import apsw
import peewee

from ledger.admin_commands import Command, CreditAgent
from ledger.audit import audit
from ledger.commands import Admit, Commit, Release
from ledger.errors import LedgerError, LedgerUnavailable
from ledger.evolve import fold
from ledger.outcomes import Admitted, Done, Settled
from ledger.read import Reader
from ledger.state import COMMITTED, DISPATCHED, RELEASED
from ledger.store import Store
from tests.ledger.making import URL, admit, commit, create, open_at, read_all, release, rows
from tests.ledger.power_loss import Disk, disk

BUDGET = 10**12
COST = 7
# Power goes within so many calls to the disk; the shortest histories end while the file is made.
CALLS_MAX = 900
# Pages until the log is carried over into the database: often enough to be hit.
CHECKPOINT_PAGES = (6, 20, 60, 1000)
# What must not be, whatever was cut off.
BAD = ("findings", "unlike_the_fold", "lost", "torn", "unreadable", "doubled", "corrupt")

Books = dict[str, str | int]


def told(books: Books, commands: Sequence[Command]) -> Books:
    """The books once the commands are done; every one of them changes something."""
    after = dict(books)
    for command in commands:
        match command:
            case CreditAgent():
                after["budget"] = int(after["budget"]) + command.amount_nanousd
            case Admit():
                after[command.execution_id] = DISPATCHED
            case Commit():
                after[command.execution_id] = COMMITTED
            case Release():
                after[command.execution_id] = RELEASED
    return after


class Gateway:
    """A gateway at work until the power goes; `books` is what it was told, `asked` what not."""

    def __init__(self, base: Path, running: Disk, synchronous: str, chance: random.Random) -> None:
        self.base, self.disk, self.synchronous, self.chance = base, running, synchronous, chance
        self.books: Books = {}
        self.asked: Books = {}
        self.number = 0
        self.open_calls: list[str] = []
        self.acknowledged = 0

    def start(self) -> Store:
        """Opens the ledger, and makes it where it is new."""
        store = open_at(self.base)
        pages = self.chance.choice(CHECKPOINT_PAGES)
        store.engine.rows(f"PRAGMA wal_autocheckpoint = {pages}")
        if self.synchronous:
            store.engine.rows(f"PRAGMA synchronous = {self.synchronous}")
        if "budget" not in self.books:
            self.asked = {"budget": BUDGET}
            assert isinstance(store.one(create(budget=BUDGET)), Done)
            self.heard()
        return store

    def heard(self) -> None:
        """What was asked was answered, unless the machine went down meanwhile."""
        if self.disk.dark:
            raise LedgerUnavailable("the power is lost")
        self.books = self.asked

    def batch(self) -> list[Command]:
        """Some of what a gateway does at a time."""
        commands: list[Command] = []
        for _ in range(self.chance.randint(1, 4)):
            if self.open_calls and self.chance.random() < 0.5:
                key = self.open_calls.pop(self.chance.randrange(len(self.open_calls)))
                end = commit(key, COST, reason="r" * self.chance.choice((0, 3_000)))
                commands.append(self.chance.choice((end, release(key))))
            elif self.chance.random() < 0.1:
                commands.append(CreditAgent("alice", COST, "more", "operator"))
            else:
                self.number += 1
                commands.append(admit(f"e{self.number}"))
        return commands

    def work(self) -> None:
        """Goes on for ever; raises LedgerError once nothing can be written."""
        with ExitStack() as stack:
            store = stack.enter_context(closing(self.start()))
            reader = stack.enter_context(Reader(URL, self.base))
            while True:
                held = self.chance.random() < 0.2
                with reader.snapshot() if held else ExitStack():
                    reader.agents()
                    for _ in range(self.chance.randint(1, 6)):
                        self.step(store)
                if self.chance.random() < 0.15:
                    return

    def step(self, store: Store) -> None:
        """One batch; what it was told goes into the books."""
        commands = self.batch()
        self.asked = told(self.books, commands)
        outcomes = store.execute(commands)
        assert all(isinstance(outcome, Admitted | Settled | Done) for outcome in outcomes)
        self.heard()
        self.acknowledged += len(commands)
        self.open_calls += [c.execution_id for c in outcomes if isinstance(c, Admitted)]


def until_dark(gateway: Gateway) -> None:
    """Lets the gateway work, again after each time it closes, until the power is gone."""
    while not gateway.disk.dark:
        try:
            gateway.work()
        except (LedgerError, apsw.Error, peewee.PeeweeException):
            # A connection that is closed says in its driver's words what went wrong.
            if not gateway.disk.dark:
                raise


def found(reader: Reader) -> Books:
    """What the ledger says, in the shape of a gateway's books."""
    books: Books = {row.execution_id: row.state for row in reader.executions(limit=None)}
    budgets = [agent.budget_nanousd for agent in reader.agents()]
    return books | ({"budget": budgets[0]} if budgets else {})


def judge(base: Path, gateway: Gateway, counts: Counter[str]) -> None:
    """Opens what is left on an ordinary disk and holds it against what was told."""
    try:
        with closing(open_at(base)) as store, Reader(URL, base) as reader:
            books = found(reader)
            compare(books, gateway, counts)
            if sound(reader, counts) and "budget" in books:
                go_on(store, books, counts)
                sound(reader, counts)
            counts["corrupt"] += store.engine.rows("PRAGMA integrity_check") != [("ok",)]
    except LedgerError:
        counts["unreadable"] += 1


def compare(books: Books, gateway: Gateway, counts: Counter[str]) -> None:
    """The books are what was told, or that and the whole batch that was cut off."""
    before, after = gateway.books, gateway.asked
    if books not in (before, after):
        kept = all(books.get(key) in (before[key], after[key]) for key in before)
        counts["torn" if kept else "lost"] += 1
    counts["untold"] += books != before


def sound(reader: Reader, counts: Counter[str]) -> bool:
    """Whether an audit finds nothing and the tables are the fold of the log; counts what not."""
    wrong = sum(not finding.holds for finding in audit(reader))
    counts["findings"] += wrong
    if not wrong:
        replayed = rows(fold([logged.event for logged in reader.log()]))
        wrong += replayed != read_all(reader)
        counts["unlike_the_fold"] += wrong
    return not wrong


def go_on(store: Store, books: Books, counts: Counter[str]) -> None:
    """What comes next: open calls are settled, settled ones do not settle again."""
    keys = [key for key in books if key != "budget"]
    for key, outcome in zip(keys, store.execute([commit(key, COST) for key in keys]), strict=True):
        assert isinstance(outcome, Settled)
        counts["doubled"] += outcome.fresh != (books[key] == "DISPATCHED")
    assert isinstance(store.one(admit("next")), Admitted)


def one(directory: Path, seed: int, synchronous: str, counts: Counter[str]) -> None:
    """One seed, in a directory of its own that is gone afterwards."""
    chance = random.Random(seed)
    base = Path(mkdtemp(dir=directory))
    before, after = base / "before", base / "after"
    before.mkdir()
    after.mkdir()
    with disk() as running:
        running.chance, running.dark_at = chance, chance.randint(1, CALLS_MAX)
        gateway = Gateway(before, running, synchronous, chance)
        until_dark(gateway)
        running.restore(after)
    counts["acknowledged"] += gateway.acknowledged
    counts.update(f"in {name}" for name in running.unsynced)
    judge(after, gateway, counts)
    counts["seeds"] += 1
    with suppress(OSError):
        shutil.rmtree(base)


def main(directory: str, seeds: int, first: int, synchronous: str = "") -> Counter[str]:
    """All seeds; everything that must not be, and some that must."""
    counts = Counter[str]()
    for seed in range(first, first + seeds):
        before = sum(counts[name] for name in BAD)
        one(Path(directory), seed, synchronous, counts)
        if sum(counts[name] for name in BAD) > before:
            counts["bad_seeds"] += 1
            counts["first_bad_seed"] = counts["first_bad_seed"] or seed
    return counts


if __name__ == "__main__":
    seeds, first = int(sys.argv[2]), int(sys.argv[3])
    sys.stdout.write(json.dumps(main(sys.argv[1], seeds, first, *sys.argv[4:])))
