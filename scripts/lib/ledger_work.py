"""The work that ledger benchmarks measure: pairs of a reserve and its settlement, and raw SQL.

Owns: what a pair is, the ledgers it is done on, the recording of what a store writes, the clocks.
Refuses to know: which figures are compared (bench_ledger.py).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from ledger.admin_commands import Command, CreateAgent
from ledger.commands import Admit, Commit, Quote
from ledger.opening import open_store
from ledger.outcomes import Admitted, Settled
from ledger.store import Store

URL = "sqlite:///ledger.db"
TOKEN = sha256(b"bench").hexdigest()
USAGE = {"input_tokens": 60, "output_tokens": 24}

_numbers = count()
Transaction = list[tuple[str, list[Sequence[Any]]]]
Batch = tuple[list[Command], list[Command]]


@dataclass(frozen=True)
class Cost:
    """What a round took: pairs a second, and CPU microseconds a pair."""

    per_second: float
    cpu_us: float


def batches(pairs: int, size: int) -> list[Batch]:
    """Calls and their settlements; ids sort by the millisecond, as those of a gateway do."""
    made: list[Batch] = []
    for first in range(0, pairs, size):
        numbers = [next(_numbers) for _ in range(first, min(first + size, pairs))]
        keys = [f"ex_{n // 4:012x}{sha256(str(n).encode()).hexdigest()[:20]}" for n in numbers]
        made.append(([_admit(key) for key in keys], [_commit(key) for key in keys]))
    return made


def _admit(key: str) -> Admit:
    return Admit(
        execution_id=key,
        token_hash=TOKEN,
        claimed_agent=None,
        gateway="gw_bench",
        door="proxy",
        provider="openai",
        model="gpt-4o-mini",
        endpoint="/v1/chat/completions",
        stream=False,
        fingerprint=sha256(key.encode()).hexdigest(),
        quote=Quote(9_000, 600_000, 64),
        input_tokens_max=60,
        metered=True,
    )


def _commit(key: str) -> Commit:
    return Commit(key, 23_400, 200, USAGE, "response", "exact")


def new_ledger(base: Path) -> Path:
    """A directory with a ledger that has one agent."""
    base.mkdir()
    store = open_store(URL, base, ledger_id="bench", version="0")
    store.one(CreateAgent("bench", 2**52, 0, 0, "operator", TOKEN, "bench-1"))
    store.close()
    return base


def copy_of(ledger: Path, to: Path) -> Path:
    """The same ledger in another directory."""
    to.mkdir()
    shutil.copy(ledger / "ledger.db", to)
    return to


def opened(base: Path) -> Store:
    """A store on the ledger in this directory."""
    return open_store(URL, base, ledger_id="bench", version="0")


def run_store(store: Store, work: Iterable[Batch]) -> None:
    """The store's side of a round."""
    for calls, ends in work:
        admitted = store.execute(calls)
        settled = store.execute(ends)
        assert isinstance(admitted[-1], Admitted)
        assert isinstance(settled[-1], Settled)


def run_raw(connection: apsw.Connection, work: Iterable[Transaction]) -> None:
    """Raw SQL's side: nothing but the writes."""
    for transaction in work:
        connection.execute("BEGIN IMMEDIATE")
        for sql, rows in transaction:
            connection.executemany(sql, rows)
        connection.execute("COMMIT")


def measure(act: Callable[[], None], pairs: int) -> Cost:
    """What so many pairs cost."""
    cpu, wall = time.process_time(), time.perf_counter()
    act()
    used, took = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(pairs / took, used / pairs * 1e6)


def recorded(base: Path, work: Sequence[Batch]) -> list[Transaction]:
    """What the store writes for these batches, one list a transaction."""
    store, transactions = opened(base), list[Transaction]()
    begin, many = store.engine.begin, store.engine.many

    def noted_begin() -> None:
        transactions.append([])
        begin()

    def noted_many(sql: str, rows: Iterable[Sequence[Any]]) -> int:
        kept = [tuple(row) for row in rows]
        transactions[-1].append((sql, list(kept)))
        return many(sql, kept)

    vars(store.engine).update(begin=noted_begin, many=noted_many)
    run_store(store, work)
    store.close()
    return transactions


def raw_connection(base: Path) -> apsw.Connection:
    """A connection with the store's pragmas and no store."""
    connection = apsw.Connection(str(base / "ledger.db"))
    connection.execute("PRAGMA journal_mode = wal; PRAGMA synchronous = full")
    return connection
