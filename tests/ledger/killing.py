"""Kills a process that writes to a ledger, again and again, and looks at what is left.

    python -m tests.ledger.killing DIRECTORY KILLS SEED [early]

A child settles what the one before it left open, then reserves and settles in a loop, and tells
every outcome that it was given through a pipe; it is killed at a random instant. Prints what was
counted as JSON. A program of its own because forking wants a process without threads. `early` is
for a control: outcomes are told before they are durable.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

from ledger.audit import audit
from ledger.evolve import fold
from ledger.outcomes import Admitted, Settled
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.making import URL, admit, commit, create, open_at, read_all, rows

KILLS_MAX = 15
# After how many outcomes a child is killed at the latest, and how much later at the most.
OUTCOMES_MAX = 16
INSTANT_S = 0.003
COST = 7
Tell = Callable[[str, object], None]
# What must not be, whenever a process was killed.
BAD = (
    "findings",
    "unlike_the_fold",
    "lost",
    "doubled",
    "misbooked",
    "settled_twice",
    "corrupt",
)


class Life:
    """What a child's outcomes say it did: calls admitted and committed, and what it found."""

    def __init__(self, lines: list[str]) -> None:
        self.told: dict[str, set[str]] = {"A": set(), "C": set()}
        self.counts = Counter[str]()
        for line in lines:
            kind, what = line.split()
            if kind in self.told:
                self.told[kind].add(what)
            else:
                self.counts[kind] += int(what)


def live(base: Path, prefix: str, committed: list[str], early: bool, pipe: int) -> None:
    """The child: works until it is killed. One line per outcome, only once it was given."""

    def tell(kind: str, what: object) -> None:
        os.write(pipe, f"{kind} {what}\n".encode())

    found: list[tuple[str, object]] = []
    store = open_at(base)
    settle_rest(store, committed, lambda *said: found.append(said))
    for number in count():
        keys = [f"{prefix}-{number}-{part}" for part in range(1 + number % 3)]
        if early:
            for key in keys:
                tell("A", key)
        for outcome in store.execute([admit(key) for key in keys]):
            assert isinstance(outcome, Admitted)
            tell("A", outcome.execution_id)
        # With the first acknowledgement: the kill waits for that.
        while found:
            tell(*found.pop())
        for outcome in store.execute([commit(key, COST) for key in keys]):
            assert isinstance(outcome, Settled)
            tell("C", outcome.execution_id)


def settle_rest(store: Store, committed: list[str], tell: Tell) -> None:
    """What a new process does: settles what is open, and asks again for some that is not."""
    left = [key for key, _ in store.open_executions()]
    if left:
        store.execute([commit(key, COST) for key in left])
        tell("recovered", len(left))
    again = store.execute([commit(key, 9 * COST) for key in committed[-5:]])
    tell("settled_twice", sum(isinstance(one, Settled) and one.fresh for one in again))


def killed(
    base: Path, prefix: str, committed: list[str], early: bool, chance: random.Random
) -> Life:
    """What a child was told until it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            live(base, prefix, committed, early, writing)
        finally:
            os._exit(1)
    os.close(writing)
    said = b""
    # Most children get to work first; some die while they open the ledger, or soon after.
    outcomes = chance.randint(1, OUTCOMES_MAX) if chance.random() < 0.9 else 0
    while said.count(b"\n") < outcomes:
        told = os.read(reading, 4096)
        assert told, "the child ended by itself"
        said += told
    # Not a wait for anything: this is the random instant.
    select.select([], [], [], chance.uniform(0, INSTANT_S if outcomes else 5 * INSTANT_S))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child ended by itself"
    with os.fdopen(reading, "rb") as pipe:
        said += pipe.read()
    # A line that the kill tore was not told.
    return Life(said.decode().split("\n")[:-1])


def look(base: Path, admitted: set[str], committed: set[str], counts: Counter[str]) -> set[str]:
    """Holds the ledger against what was acknowledged; the calls that it knows."""
    with Reader(URL, base) as reader:
        counts["findings"] += sum(not finding.holds for finding in audit(reader))
        tables = read_all(reader)
        counts["unlike_the_fold"] += tables != rows(fold([e.event for e in reader.log()]))
        executions, entries = tables[2], tables[4]
    counts["lost"] += len(admitted - executions.keys())
    states = {key: (row.state, row.actual_nanousd) for key, row in executions.items()}
    counts["lost"] += sum(states.get(key) != ("COMMITTED", COST) for key in committed)
    ends = Counter(entry.execution_id for entry in entries if entry.entry != "reserve")
    counts["doubled"] += sum(number > 1 for number in ends.values())
    done = sum(state == "COMMITTED" for state, _ in states.values())
    counts["misbooked"] += sum(agent.spent_nanousd != done * COST for agent in tables[0].values())
    # What was done and not told is the one batch that each kill cut off.
    counts["untold"] += len(executions.keys() - admitted)
    return set(executions)


def ledger_of(
    base: Path, prefix: str, kills: int, early: bool, chance: random.Random
) -> Counter[str]:
    """One ledger: so many children, each killed and followed by the next, then a look at all.

    What any of them acknowledged is looked for at the end: nothing that was lost comes back.
    """
    counts = Counter[str](kills=kills)
    admitted, committed = set[str](), list[str]()
    for number in range(kills):
        life = killed(base, f"{prefix}-{number}", committed, early, chance)
        admitted |= life.told["A"]
        committed += sorted(life.told["C"])
        counts += life.counts
    counts["acknowledged"] += len(admitted) + len(committed)
    known = look(base, admitted, set(committed), counts)

    def tell(what: str, number: object) -> None:
        counts[what] += int(str(number))

    with closing(open_at(base)) as store:
        settle_rest(store, committed, tell)
        counts["corrupt"] += store.engine.rows("PRAGMA quick_check") != [("ok",)]
    look(base, known, known, counts)
    return counts


def main(directory: str, kills: int, seed: int, early: bool = False) -> Counter[str]:
    """All kills; everything that must not be, and some that must."""
    chance, counts = random.Random(seed), Counter[str]()
    template = Path(directory) / "template"
    template.mkdir()
    with closing(open_at(template)) as store:
        store.one(create(budget=10**12))
    while kills:
        # A new ledger now and then, or the look at it would be most of the work.
        number = min(kills, chance.randint(1, KILLS_MAX))
        base = Path(directory) / str(kills)
        shutil.copytree(template, base)
        counts += ledger_of(base, f"k{kills}", number, early, chance)
        shutil.rmtree(base)
        kills -= number
    return counts


if __name__ == "__main__":
    found = main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), "early" in sys.argv)
    sys.stdout.write(json.dumps(found))
