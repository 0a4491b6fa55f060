"""Processes that reserve on one ledger at the same time, for tests of what many may do at once.

    python -m tests.ledger.worker URL DIRECTORY RESERVES AMOUNT SEED AGENT...

One process for each AGENT (a name may come again), forked from one that has loaded everything.
All open the ledger and wait for each other; then each asks for RESERVES calls of AMOUNT, in
batches of random sizes as a gateway's are. Prints how many each agent was granted, as JSON. A
program of its own because forking wants a process without threads.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from ledger.outcomes import Admitted, Denied
from tests.ledger.making import admit, open_at

ROOT = Path(__file__).resolve().parents[2]
BATCH_MAX = 12


class Job:
    """Who reserves how much how often."""

    def __init__(self, index: int, agent: str, numbers: list[str]) -> None:
        self.prefix, self.agent = f"w{index}", agent
        self.reserves, self.amount, self.seed = map(int, numbers)


def crowd(url: str, base: Path, agents: list[str], reserves: int, amount: int) -> dict[str, int]:
    """How many calls each agent was granted; fails where a process did."""
    seed = random.SystemRandom().randrange(10**9)
    numbers = [str(number) for number in (reserves, amount, seed)]
    words = ["-m", "tests.ledger.worker", url, str(base), *numbers, *agents]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    # None was turned away by a lock or a deadlock.
    assert (done.returncode, done.stderr) == (0, ""), f"seed {seed}: {done.stderr}"
    granted: dict[str, int] = json.loads(done.stdout)
    return granted


def reserve(url: str, base: str, job: Job, ready: int, begin: int) -> int:
    """What one process does; how many of its calls were granted."""
    granted, chance = 0, random.Random(f"{job.seed} {job.prefix}")
    with closing(open_at(Path(base), url, busy_timeout_ms=60_000)) as store:
        os.write(ready, b".")
        # Nothing is ever written there: it is closed when all are ready.
        os.read(begin, 1)
        calls = [admit(f"{job.prefix}-{n}", job.agent, job.amount) for n in range(job.reserves)]
        while calls:
            size = chance.randint(1, BATCH_MAX)
            batch, calls = calls[:size], calls[size:]
            for outcome in store.execute(batch):
                assert isinstance(outcome, Admitted | Denied)
                granted += isinstance(outcome, Admitted)
    return granted


def main(url: str, base: str, *words: str) -> int:
    """Forks, starts all at once, adds up; the number of processes that failed."""
    jobs = [Job(index, agent, list(words[:3])) for index, agent in enumerate(words[3:])]
    (ready_r, ready_w), (begin_r, begin_w) = os.pipe(), os.pipe()
    result_r, result_w = os.pipe()
    children = []
    for job in jobs:
        child = os.fork()
        if child == 0:
            os.close(begin_w)
            code = 1
            try:
                granted = reserve(url, base, job, ready_w, begin_r)
                os.write(result_w, f"{job.agent} {granted}\n".encode())
                code = 0
            finally:
                if code:
                    sys.excepthook(*sys.exc_info())
                os._exit(code)
        children.append(child)
    os.close(ready_w)
    os.close(result_w)
    # Ends early, with the pipe, if all that are not ready have failed.
    waiting = len(jobs)
    while waiting and os.read(ready_r, 1):
        waiting -= 1
    os.close(begin_w)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    total = Counter[str]()
    with os.fdopen(result_r) as results:
        for agent, number in map(str.split, results):
            total[agent] += int(number)
    sys.stdout.write(json.dumps(total))
    return sum(code != 0 for code in codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
