"""A process that reserves on a ledger, for the tests in which many do that at once.

    python -m tests.ledger.worker URL DIRECTORY AGENT PREFIX COUNT AMOUNT

It says "ready", waits for a line, reserves COUNT times, and says how many were granted.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ledger.commands import Admitted
from ledger.store import Store
from tests.ledger.making import admit, open_at

ROOT = Path(__file__).resolve().parents[2]


def reserve(store: Store, agent: str, prefix: str, count: int, amount: int) -> int:
    """How many of so many calls are granted."""
    calls = (admit(f"{prefix}-{number}", agent, amount) for number in range(count))
    return sum(isinstance(store.one(call), Admitted) for call in calls)


@contextmanager
def workers(url: str, base: Path, number: int, *job: str) -> Iterator[list[subprocess.Popen[str]]]:
    """So many ready processes; each waits for a line on its standard input."""
    with ExitStack() as stack:
        running = []
        for index in range(number):
            words = [url, str(base), job[0], f"w{index}", *job[1:]]
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.ledger.worker", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            # Last in, first out: killed if something failed, then waited for.
            stack.enter_context(process)
            stack.callback(process.kill)
            running.append(process)
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield running


def main(url: str, base: str, agent: str, prefix: str, count: str, amount: str) -> None:
    """What one process does."""
    store = open_at(Path(base), url, busy_timeout_ms=60_000)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(f"{reserve(store, agent, prefix, int(count), int(amount))}\n")
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
