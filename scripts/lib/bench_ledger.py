"""What the ledger costs: reserve+settle pairs beside raw SQL, growth, and the audit, in one run.

Owns: `scripts/bench --ledger`. A pair is a call that is reserved and dispatched in one
transaction and committed in another, as a gateway does it; at batch N, N calls share each. Raw
SQL is the floor: the statements and values that the store writes, recorded beforehand, are
replayed by apsw on another new ledger with the same tables, indexes, triggers and pragmas
(WAL, synchronous=FULL), in the same transactions, and nothing is read or computed. The two take
turns.
Refuses to know: what a pair is made of (ledger_work.py).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

from ledger.audit import audit
from ledger.read import Reader
from scripts.lib.ledger_work import (
    URL,
    Cost,
    batches,
    copy_of,
    measure,
    new_ledger,
    opened,
    raw_connection,
    recorded,
    run_raw,
    run_store,
)

BATCHES = (1, 16, 64)
PAIRS = {1: 300, 16: 1_600, 64: 3_200}
SMALL_EVENTS = 10_000
EVENTS_A_PAIR = 3
BUILD_BATCH = 1_000
Costs = dict[tuple[str, int], list[Cost]]


def beside_raw(folder: Path, rounds: int) -> Costs:
    """Store and raw SQL in turns, each round on new ledgers."""
    costs: Costs = defaultdict(list)
    template = new_ledger(folder / "template")
    for size in BATCHES:
        work = batches(PAIRS[size], size)
        writes = recorded(copy_of(template, folder / f"recorded-{size}"), work)
        for number in range(rounds):
            store = opened(copy_of(template, folder / f"store-{size}-{number}"))
            raw = raw_connection(copy_of(template, folder / f"raw-{size}-{number}"))
            turns = [
                ("store", partial(run_store, store, work)),
                ("raw", partial(run_raw, raw, writes)),
            ]
            # Who goes first changes, because a disk is slower after much work.
            for name, act in turns[:: 1 - 2 * (number % 2)]:
                costs[name, size].append(measure(act, PAIRS[size]))
            store.close()
            raw.close()
        print(f"batch {size}: {rounds} rounds", file=sys.stderr)
    return costs


def build(base: Path, events: int) -> None:
    """Brings a new ledger to so many events, through the store, without syncs."""
    new_ledger(base)
    store = opened(base)
    store.engine.rows("PRAGMA synchronous = OFF")
    for done in range(0, events // EVENTS_A_PAIR, BUILD_BATCH):
        run_store(store, batches(BUILD_BATCH, BUILD_BATCH))
        if done % (50 * BUILD_BATCH) == 0:
            print(f"built {done * EVENTS_A_PAIR} of {events} events", file=sys.stderr)
    store.close()


def growth(folder: Path, events: int, rounds: int) -> Costs:
    """Pairs on a small and a large ledger, in turns."""
    costs: Costs = defaultdict(list)
    build(folder / "small", SMALL_EVENTS)
    build(folder / "large", events)
    large = opened(folder / "large")
    for size in BATCHES:
        for number in range(rounds):
            small = opened(copy_of(folder / "small", folder / f"small-{size}-{number}"))
            for name, store in (("small", small), ("large", large)):
                act = partial(run_store, store, batches(PAIRS[size], size))
                costs[name, size].append(measure(act, PAIRS[size]))
            small.close()
    large.close()
    return costs


def audit_rate(base: Path) -> float:
    """Events a second that a whole audit reads, checks and replays."""
    with Reader(URL, base) as reader:
        events, started = reader.head().seq, time.perf_counter()
        broken = [finding for finding in audit(reader) if not finding.holds]
        took = time.perf_counter() - started
    assert not broken, broken
    return events / took


def summary(costs: Costs) -> dict[tuple[str, int], Cost]:
    """The median of each figure."""
    return {
        key: Cost(
            statistics.median(cost.per_second for cost in rounds),
            statistics.median(cost.cpu_us for cost in rounds),
        )
        for key, rounds in costs.items()
    }


def report(figures: dict[tuple[str, int], Cost], audits: dict[str, float], as_json: bool) -> None:
    """Medians, and the ratios that count."""
    ratios = {}
    for size in BATCHES:
        store, raw = figures["store", size], figures["raw", size]
        small, large = figures["small", size], figures["large", size]
        ratios[f"store/raw pairs a second, batch {size}"] = store.per_second / raw.per_second
        ratios[f"store/raw CPU a pair, batch {size}"] = store.cpu_us / raw.cpu_us
        ratios[f"large/small time a pair, batch {size}"] = small.per_second / large.per_second
        ratios[f"large/small CPU a pair, batch {size}"] = large.cpu_us / small.cpu_us
    if as_json:
        rows = [
            {
                "ledger": name,
                "batch": size,
                "pairs_per_second": cost.per_second,
                "cpu_us": cost.cpu_us,
            }
            for (name, size), cost in figures.items()
        ]
        print(json.dumps({"pairs": rows, "ratios": ratios, "audit_events_per_second": audits}))
        return
    print(f"{'ledger':8} {'batch':>6} {'pairs/s':>9} {'CPU us/pair':>12}")
    for (name, size), cost in figures.items():
        print(f"{name:8} {size:6} {cost.per_second:9.0f} {cost.cpu_us:12.0f}")
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}")
    for name, rate in audits.items():
        print(f"audit of the {name} ledger: {rate:.0f} events/s")


def main() -> None:
    """Parses the arguments and runs."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench --ledger", description="What the ledger costs."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the large ledger")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="aex-bench-"))
    try:
        costs = beside_raw(folder, options.rounds) | growth(folder, options.events, options.rounds)
        audits = {name: audit_rate(folder / name) for name in ("small", "large")}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(summary(costs), audits, options.json)


if __name__ == "__main__":
    main()
