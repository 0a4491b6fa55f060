"""Long runs of the durability tests: many kills, losses of power, random histories, races.

Owns: `scripts/soak`. Work is cut into chunks, each a process with a seed of its own, as many at a
time as there are processors; what they count is added up. Ends with one line of figures and a
non-zero status if anything was lost, or if nothing was tested.
Refuses to know: what a loss is (tests/ledger decides).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTEST = ("-m", "pytest", "-q", "-n0", "-p", "no:randomly", "--timeout=0")
MACHINE = "tests/ledger/test_state_machine.py"
RACE = ("tests/ledger/test_store.py", "-k", "test_processes_grant_what_fits")


@dataclass(frozen=True)
class Chunk:
    """A process to run: arguments for Python, environment, and how many trials it makes."""

    words: tuple[str, ...]
    environment: dict[str, str]
    trials: int


@dataclass(frozen=True)
class Soak:
    """One kind of run. `chunk` makes a process from a directory, a number of trials and a seed."""

    trials: str
    default: int
    size: int
    chunk: Callable[[str, int, int], Chunk]
    counted: bool
    about: str


def kill(directory: str, trials: int, seed: int) -> Chunk:
    """Kills of a process that writes; prints what it counted."""
    return Chunk(("-m", "tests.ledger.killing", directory, str(trials), str(seed)), {}, trials)


def power(directory: str, trials: int, seed: int) -> Chunk:
    """Losses of power; prints what it counted."""
    return Chunk(("-m", "tests.ledger.blackouts", directory, str(trials), str(seed)), {}, trials)


def ledger(_directory: str, trials: int, seed: int) -> Chunk:
    """Random histories of the state machine."""
    environment = {"AEX_MACHINE_EXAMPLES": str(trials), "AEX_MACHINE_STEPS": "50"}
    return Chunk((*PYTEST, f"--hypothesis-seed={seed}", MACHINE), environment, trials)


def race(_directory: str, trials: int, _seed: int) -> Chunk:
    """Eight processes on one budget tree, on SQLite and on PostgreSQL."""
    return Chunk((*PYTEST, *RACE), {"AEX_RACE_RESERVES": str(trials)}, trials)


def bounds(directory: str, trials: int, seed: int) -> Chunk:
    """Random requests of every format, held against what a tokenizer makes of them."""
    return Chunk(("-m", "tests.providers.bounds", directory, str(trials), str(seed)), {}, trials)


SOAKS = {
    "kill": Soak("kills", 50_000, 250, kill, True, "kill -9 of a writing process"),
    "power": Soak("seeds", 5_000, 100, power, True, "loss of power at any call to the disk"),
    "ledger": Soak("examples", 20_000, 250, ledger, False, "random histories of 50 steps"),
    "bounds": Soak("requests", 100_000, 2_000, bounds, True, "reserves against bills, per format"),
    "race": Soak("reserves", 5_000, 10**9, race, False, "8 processes below one team's budget"),
}


def bad_names(name: str) -> tuple[str, ...]:
    """The counts that must stay 0."""
    sys.path.insert(0, str(ROOT))
    from tests.ledger import blackouts, killing
    from tests.providers import bounds

    return {"kill": killing.BAD, "power": blackouts.BAD, "bounds": bounds.BAD}.get(name, ())


def run(chunk: Chunk, counted: bool) -> Counter[str]:
    """What one process counted; a process that fails is a loss, and its output is shown."""
    done = subprocess.run(
        [sys.executable, *chunk.words],
        cwd=ROOT,
        env=os.environ | chunk.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        print(f"failed: {' '.join(chunk.words)} {chunk.environment}", file=sys.stderr)
        return Counter(failed=1)
    return Counter(json.loads(done.stdout)) if counted else Counter()


def chunks(soak: Soak, trials: int, seed: int, folder: Path) -> list[Chunk]:
    """The processes that together make so many trials; no two share a seed."""
    made = []
    for first in range(0, trials, soak.size):
        directory = folder / str(first)
        directory.mkdir()
        size = min(soak.size, trials - first)
        made.append(soak.chunk(str(directory), size, seed + first))
    return made


def work(name: str, trials: int, seed: int, jobs: int) -> Counter[str]:
    """Runs everything and tells how far it is after each chunk."""
    soak, total, started = SOAKS[name], Counter[str](), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="aex-soak-"))
    done = 0
    try:
        with ThreadPoolExecutor(jobs) as pool:
            todo = chunks(soak, trials, seed, folder)
            running = {pool.submit(run, chunk, soak.counted): chunk for chunk in todo}
            for future in as_completed(running):
                total += future.result()
                done += running[future].trials
                wrong = total["failed"] + sum(total[bad] for bad in bad_names(name))
                seconds = time.monotonic() - started
                line = f"{name}: {done} of {trials} {soak.trials}, {wrong} wrong, {seconds:.0f} s"
                print(line, file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return total


def medians(total: Counter[str]) -> list[str]:
    """The middle ratio of reserve to bill, of each format, where the whole cap is used up."""
    from tests.providers.bounds import MAKERS, median

    return [f"{name} reserves {median(total, name):.2f} x the bill" for name in MAKERS]


def verdict(name: str, trials: int, seed: int, total: Counter[str]) -> bool:
    """Prints the last line; whether all is well."""
    soak, bad = SOAKS[name], ("failed", *bad_names(name))
    wrong = {each: total[each] for each in bad if total[each]}
    # The control: a run in which nothing was answered has found nothing.
    idle = soak.counted and total["acknowledged"] < trials
    figures = [f"{trials} {soak.trials}", f"seed {seed}"]
    if soak.counted:
        figures.append(f"{total['acknowledged']} acknowledged")
    figures += [f"{each} {total[each]}" for each in bad]
    if name == "bounds":
        figures += medians(total)
    words = "nothing was tested" if idle else "LOSSES" if wrong else "sound"
    print(f"soak {name}: {words}: " + ", ".join(figures))
    return not wrong and not idle


def main() -> int:
    """Parses the arguments and runs."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__.split("\n")[0])
    kinds = parser.add_subparsers(dest="name", required=True)
    for name, soak in SOAKS.items():
        kind = kinds.add_parser(name, help=soak.about)
        kind.add_argument(f"--{soak.trials}", dest="trials", type=int, default=soak.default)
        kind.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
        kind.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    started = time.monotonic()
    total = work(asked.name, asked.trials, asked.seed, asked.jobs)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0 if verdict(asked.name, asked.trials, asked.seed, total) else 1


if __name__ == "__main__":
    sys.exit(main())
