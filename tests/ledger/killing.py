"""Kills a process that writes to a ledger, again and again, and looks at what is left.

    python -m tests.ledger.killing DIRECTORY KILLS SEED

Each round a child reserves and settles in a loop and tells every outcome that it was given
through a pipe; it is killed at a random instant. Prints what was counted as JSON. A program of
its own because forking wants a process without threads.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
from collections import Counter
from pathlib import Path

from ledger.audit import audit
from ledger.commands import Admitted, Settled
from ledger.evolve import fold
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.making import URL, admit, commit, create, open_at, read_all, rows

# A new ledger now and then, or the look at it would be most of the work.
ROUNDS_PER_LEDGER = 10
COST = 7
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


def write(base: Path, prefix: str, pipe: int) -> None:
    """The child: works until it is killed. One line per outcome, only once it was given."""
    store = open_at(base)
    number = 0
    while True:
        keys = [f"{prefix}-{number}-{part}" for part in range(1 + number % 3)]
        for outcome in store.execute([admit(key) for key in keys]):
            assert isinstance(outcome, Admitted)
            os.write(pipe, f"A {outcome.execution_id}\n".encode())
        for outcome in store.execute([commit(key, COST) for key in keys]):
            assert isinstance(outcome, Settled)
            os.write(pipe, f"C {outcome.execution_id}\n".encode())
        number += 1


def round_of(base: Path, prefix: str, chance: random.Random) -> tuple[set[str], set[str]]:
    """What a child was told to be admitted and committed, until it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            write(base, prefix, writing)
        finally:
            os._exit(1)
    os.close(writing)
    if chance.random() < 0.9:
        # Most children get to work first; some die while they open the ledger.
        select.select([reading], [], [], 10)
    # Not a wait for anything: this is the random instant.
    select.select([], [], [], chance.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child ended by itself"
    with os.fdopen(reading) as pipe:
        lines = [line.split() for line in pipe.read().splitlines(keepends=True) if line[-1] == "\n"]
    told = {"A": set[str](), "C": set[str]()}
    for kind, key in lines:
        told[kind].add(key)
    return told["A"], told["C"]


def look(base: Path, admitted: set[str], committed: set[str], counts: Counter[str]) -> None:
    """Holds the ledger against what was acknowledged."""
    with Reader(URL, base) as reader:
        counts["findings"] += sum(not finding.holds for finding in audit(reader))
        tables = read_all(reader)
        counts["unlike_the_fold"] += tables != rows(fold([e.event for e in reader.log()]))
        executions, entries = tables[2], tables[4]
    counts["lost"] += len(admitted - executions.keys())
    states = {key: (row.state, row.actual_nanousd) for key, row in executions.items()}
    counts["lost"] += sum(states.get(key) != ("COMMITTED", COST) for key in committed)
    ends = Counter(entry.execution_id for entry in entries if entry.entry != "reserve")
    counts["doubled"] += sum(count > 1 for count in ends.values())
    done = sum(state == "COMMITTED" for state, _ in states.values())
    counts["misbooked"] += sum(agent.spent_nanousd != done * COST for agent in tables[0].values())
    # What was done and not told is the one batch that the kill cut off.
    counts["untold"] += len(executions.keys() - admitted)


def settle_rest(store: Store, committed: set[str], counts: Counter[str]) -> None:
    """What a new process does: settles what is open, and asks again for some that is not."""
    left = [key for key, _ in store.open_executions()]
    counts["recovered"] += len(left)
    store.execute([commit(key, COST) for key in left])
    for outcome in store.execute([commit(key, 9 * COST) for key in sorted(committed)[-5:]]):
        assert isinstance(outcome, Settled)
        counts["settled_twice"] += outcome.fresh
    counts["corrupt"] += store.engine.rows("PRAGMA quick_check") != [("ok",)]


def main(directory: str, kills: int, seed: int) -> Counter[str]:
    """All rounds; everything that must not be, and some that must."""
    chance, counts = random.Random(seed), Counter[str]()
    base, admitted, committed = Path(), set[str](), set[str]()
    for number in range(kills):
        if number % ROUNDS_PER_LEDGER == 0:
            base = Path(directory) / str(number)
            base.mkdir()
            admitted, committed = set(), set()
            store = open_at(base)
            store.one(create(budget=10**12))
            store.close()
        new_admitted, new_committed = round_of(base, f"r{number}", chance)
        admitted, committed = admitted | new_admitted, committed | new_committed
        look(base, admitted, committed, counts)
        store = open_at(base)
        settle_rest(store, committed, counts)
        with Reader(URL, base) as reader:
            known = {row.execution_id for row in reader.executions(limit=None)}
        store.close()
        admitted, committed = known, known
        look(base, admitted, committed, counts)
        counts["acknowledged"] += len(new_admitted) + len(new_committed)
        counts["kills"] += 1
    return counts


if __name__ == "__main__":
    found = main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(found))
