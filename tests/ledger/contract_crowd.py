"""What a store promises when many write at once, and the control that breaks the promise."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event

import pytest

from ledger.audit import audit
from ledger.engine import connect
from ledger.outcomes import Admitted
from ledger.read import Reader
from tests.ledger.contract import StoreContract, sound
from tests.ledger.making import admit, commit, create, open_at, team
from tests.ledger.worker import crowd


def together[T](number: int, job: Callable[[int], T]) -> list[T]:
    """What so many threads return, each with its index, all begun before the first returns."""
    ready = Barrier(number)

    def run(index: int) -> T:
        ready.wait(30)
        return job(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


class CrowdContract(StoreContract):
    """The clauses about many writers, besides the others."""

    def test_a_new_ledger_is_opened_by_many(self, url: str, tmp_path: Path) -> None:
        """Gateways that open a new ledger at the same moment all do, and its log begins once."""
        stores = together(6, lambda _: open_at(tmp_path, url))
        with Reader(url, tmp_path) as reader:
            assert [logged.event.type for logged in reader.log()] == ["ledger.created"]
        for store in stores:
            store.close()

    @pytest.mark.parametrize("short", ["agent", "team"])
    def test_processes_grant_what_fits(
        self, url: str, tmp_path: Path, outer_environment: dict[str, str], short: str
    ) -> None:
        """Eight processes below a team are granted exactly what the level that is short carries."""
        # One agent runs out below a team with enough, or a team below which two have enough.
        each = int(outer_environment.get("AEX_RACE_RESERVES", "500"))
        fit = 8 * each * 5 // 8
        enough, exact = 100 * 8 * each + 7, 100 * fit + 50
        agents = ["alice"] * 8 if short == "agent" else ["alice", "bob"] * 4
        with closing(open_at(tmp_path, url)) as store:
            store.one(team(budget=exact if short == "team" else enough))
            for name in ("alice", "bob"):
                budget = exact if short == "agent" else enough
                store.one(create(name, budget, parent="team", on_short_budget="deny"))
        granted = crowd(url, tmp_path, agents, each, 100)
        assert sum(granted.values()) == fit
        with Reader(url, tmp_path) as reader:
            held = {agent.name: agent.reserved_nanousd // 100 for agent in reader.agents()}
            assert held == {"alice": 0, "bob": 0} | granted | {"team": fit}
            denied = reader.executions(state="DENIED", limit=None)
            assert len(denied) == 8 * each - fit
            assert {row.reason for row in denied} == {"budget_exceeded"}
            assert sound(reader)
        with closing(connect(url, tmp_path)) as engine:
            if engine.blocking:
                deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = "
                assert engine.rows(f"{deadlocks} current_database()") == [(0,)]

    def test_threads_grant_what_fits(self, url: str, tmp_path: Path) -> None:
        """Threads with a store each, in batches, are granted exactly what fits."""
        with closing(open_at(tmp_path, url)) as store:
            store.one(create(budget=6_050, on_short_budget="deny"))

        def batches(index: int) -> int:
            store = open_at(tmp_path, url, busy_timeout_ms=30_000)
            calls = [admit(f"t{index}-{number}") for number in range(30)]
            outcomes = [*store.execute(calls[:7]), *store.execute(calls[7:9])]
            outcomes += [store.one(call) for call in calls[9:]]
            store.close()
            return sum(isinstance(outcome, Admitted) for outcome in outcomes)

        assert sum(together(4, batches)) == 60
        with Reader(url, tmp_path) as reader:
            assert sound(reader)

    def test_reading_first_and_writing_later_overspends(self, url: str, tmp_path: Path) -> None:
        """The control: the same crowd with plain SQL and no lock grants more than there is."""
        with closing(open_at(tmp_path, url)) as store:
            store.one(team(budget=500))
            for name in ("alice", "bob"):
                store.one(create(name, 10_000, parent="team"))
        barrier = Barrier(8)

        def naive(index: int) -> int:
            names = ("alice", "bob")[index % 2], "team"
            engine = connect(url, tmp_path, busy_timeout_ms=30_000)
            left = engine.rows("SELECT min(budget_nanousd - reserved_nanousd) FROM agents")[0][0]
            engine.rollback()
            barrier.wait(30)
            if left >= 100:
                more = "UPDATE agents SET reserved_nanousd = reserved_nanousd + 100 WHERE name = ?"
                engine.many(more, [(name,) for name in names])
                if engine.blocking:
                    engine.commit()
            engine.close()
            return int(left >= 100)

        granted = sum(together(8, naive))
        with Reader(url, tmp_path) as reader:
            held = {agent.name: agent.reserved_nanousd for agent in reader.agents()}
            assert (granted, held) == (8, {"alice": 400, "bob": 400, "team": 800})
            above = reader.agent("team")
            assert above is not None
            assert above.remaining_nanousd < 0
            wrong = [finding.law for finding in audit(reader) if not finding.holds]
            assert wrong == ["agents"]

    def test_a_snapshot_is_one_moment(self, url: str, tmp_path: Path) -> None:
        """What is written while somebody reads is not seen until the reading is over."""
        store = open_at(tmp_path, url)
        store.execute([create(), admit("e1")])
        with Reader(url, tmp_path) as reader:
            with reader.snapshot():
                before = reader.head(), reader.agents()
                store.one(commit("e1", 5))
                assert (reader.head(), reader.agents()) == before
            assert reader.head().seq == before[0].seq + 1
            assert reader.agents() != before[1]
        store.close()

    def test_an_audit_of_a_busy_ledger_is_calm(self, url: str, tmp_path: Path) -> None:
        """An audit beside a gateway that writes all the time finds nothing wrong."""
        done = Event()

        def write(_index: int) -> bool:
            for number in range(150):
                writer.execute([admit(f"e{number}"), commit(f"e{number}", 7)])
            done.set()
            return True

        def look(_index: int) -> bool:
            found = []
            with Reader(url, tmp_path) as reader:
                while not found and not done.is_set():
                    found = [finding for finding in audit(reader) if not finding.holds]
            return found == []

        with closing(open_at(tmp_path, url)) as writer:
            writer.one(create(budget=10**9))
            assert together(2, lambda index: (write, look)[index](index)) == [True, True]
