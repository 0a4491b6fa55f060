"""Whichever call to the disk fails, nothing is answered that is not durable, and work goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import apsw
import peewee
import pytest

from ledger.admin_commands import Command
from ledger.engine import connect
from ledger.errors import CommitUnknown, LedgerBusy, LedgerError
from ledger.outcomes import Admitted, Rejected, Settled
from ledger.read import Reader
from ledger.state import COMMITTED, DISPATCHED
from ledger.store import Store
from tests.ledger.contract import sound
from tests.ledger.making import URL, admit, commit, create, open_at
from tests.ledger.power_loss import Disk, Failures, disk

CALLS = 200
BATCHES = 8
FULL: Failures = dict.fromkeys(("write", "sync", "truncate"), apsw.FullError)
BROKEN: Failures = dict.fromkeys(("write", "sync", "truncate", "delete"), apsw.IOError)
BUSY: Failures = {"lock": apsw.BusyError}
CLOSED: Failures = {"open": apsw.CantOpenError}


@dataclass(frozen=True)
class Plan:
    """What fails: the call of that number among those that `failures` names, and for how long.

    `synchronous` is for controls: without it the ledger is opened as always.
    """

    failures: Failures
    number: int
    until_mended: bool = False
    synchronous: str | None = None


class Result(NamedTuple):
    """Calls that failed, errors that were told, and answers that are not on the disk."""

    failed: int
    errors: int
    lost: int


Rehearse = Callable[[Plan], Result]


class History:
    """Batches of calls and their settlements; `told` is what was answered."""

    def __init__(self, base: Path, running: Disk, synchronous: str | None) -> None:
        self.base, self.disk, self.synchronous = base, running, synchronous
        self.told: dict[str, str] = {}
        self.errors = 0

    def run(self) -> Store:
        """Opens the ledger twice; in between everything goes to one store, whatever fails.

        Ends two batches after a failure: what was answered then is to be durable as it stands,
        not because the ledger was closed later.
        """
        self.again(self.use(0).close)
        return self.use(BATCHES // 2)

    def use(self, first: int) -> Store:
        """Opens a store and gives it batches from the first on."""
        store = self.again(lambda: open_at(self.base, busy_timeout_ms=50))
        self.again(lambda: self.adjust(store))
        batches_left = 2
        for number in range(first, first + BATCHES // 2):
            keys = [f"e{number}-{part}" for part in range(1 + number % 3)]
            self.ask(store, [admit(key) for key in keys])
            self.ask(store, [commit(key, 7) for key in keys])
            batches_left -= self.errors > 0
            if not batches_left:
                break
        return store

    def again[T](self, act: Callable[[], T]) -> T:
        """What comes of it; where it fails all is mended, and it is done again."""
        try:
            return act()
        except (LedgerError, apsw.Error, peewee.PeeweeException):
            # A connection that is closed says in its driver's words what went wrong.
            self.errors += 1
            self.disk.mend()
            return act()

    def adjust(self, store: Store) -> None:
        """A log that is soon carried over into the database."""
        store.engine.rows("PRAGMA wal_autocheckpoint = 12")
        if self.synchronous:
            store.engine.rows(f"PRAGMA synchronous = {self.synchronous}")

    def ask(self, store: Store, commands: list[Command]) -> None:
        """One batch, again where it failed; afterwards each command was answered."""
        before = ends_at(store)
        unknown = False
        try:
            outcomes = store.execute(commands)
        except LedgerError as error:
            self.errors += 1
            self.disk.mend()
            unknown = isinstance(error, CommitUnknown)
            assert unknown or ends_at(store) == before
            outcomes = store.execute(commands)
        for outcome in outcomes:
            match outcome:
                case Admitted():
                    self.told[outcome.execution_id] = DISPATCHED
                case Settled():
                    self.told[outcome.execution_id] = COMMITTED
                    assert outcome.fresh or unknown
                case _:
                    # It had taken place at the first attempt, although nobody knew.
                    assert isinstance(outcome, Rejected)
                    assert unknown
        assert ends_at(store) > before


def ends_at(store: Store) -> int:
    """The number of the newest event."""
    return int(store.engine.rows("SELECT seq FROM ledger_head")[0][0])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a ledger with one agent."""
    base = tmp_path_factory.mktemp("template")
    with closing(open_at(base)) as store:
        store.one(create(budget=10**9))
    return base / "ledger.db"


@pytest.fixture
def rehearse(template: Path, tmp_path: Path) -> Rehearse:
    """Runs a history by a plan, then takes the power away."""

    def run(plan: Plan) -> Result:
        before, after = Path(mkdtemp(dir=tmp_path)), Path(mkdtemp(dir=tmp_path))
        shutil.copy(template, before)
        with disk() as running:
            running.failures, running.fails_at = plan.failures, plan.number
            running.lasting = plan.until_mended
            history = History(before, running, plan.synchronous)
            store = history.run()
            # Only what was synced counts: everything else is gone.
            running.lose_power()
            running.restore(after)
            store.close()
        with Reader(URL, after) as reader:
            states = {row.execution_id: row.state for row in reader.executions(limit=None)}
            lost = len(history.told.items() - states.items())
            done = list(states.values()).count(COMMITTED)
            assert [agent.spent_nanousd for agent in reader.agents()] == [7 * done]
            assert sound(reader)
        shutil.rmtree(before)
        shutil.rmtree(after)
        return Result(running.failed, history.errors, lost)

    return run


@pytest.mark.parametrize(
    ("failures", "until_mended"),
    [
        pytest.param(FULL, False, id="full"),
        pytest.param(FULL, True, id="full until there is room"),
        pytest.param(BROKEN, False, id="broken"),
        pytest.param(BROKEN, True, id="broken until mended"),
    ],
)
def test_each_of_many_calls_fails(
    rehearse: Rehearse, failures: Failures, until_mended: bool
) -> None:
    """Call by call, what was answered is on the disk, and the same store goes on."""
    for number in range(1, CALLS + 1):
        result = rehearse(Plan(failures, number, until_mended))
        assert result.lost == 0
        assert result.failed == 1 or (result.failed > 1 and until_mended)
        assert result.errors == 1


@pytest.mark.parametrize(
    "failures", [pytest.param(BUSY, id="locked"), pytest.param(CLOSED, id="cannot be opened")]
)
def test_each_opening_fails(rehearse: Rehearse, failures: Failures) -> None:
    """Whichever lock or file is refused while a ledger is opened, the next attempt has it."""
    number = 1
    while (result := rehearse(Plan(failures, number))).failed:
        assert result.lost == 0
        number += 1
    assert number > 3


def test_a_ledger_that_is_busy_at_each_batch(tmp_path: Path) -> None:
    """While another writes a batch is refused before anything happened, and goes through after."""
    with closing(open_at(tmp_path, busy_timeout_ms=0)) as store, Reader(URL, tmp_path) as reader:
        store.one(create(budget=10**9))
        with closing(connect(URL, tmp_path)) as other:
            for number in range(CALLS // 2):
                for command in (admit(f"e{number}"), commit(f"e{number}", 7)):
                    before = reader.head()
                    other.begin()
                    with pytest.raises(LedgerBusy):
                        store.one(command)
                    other.rollback()
                    assert reader.head() == before
                    assert isinstance(store.one(command), Admitted | Settled)
        assert sound(reader)


def test_a_history_that_is_not_synced_is_found(rehearse: Rehearse) -> None:
    """The control: where a commit is not synced, what was answered is missing."""
    numbers = range(CALLS // 2, 2 * CALLS, 10)
    assert any(rehearse(Plan(BROKEN, number, synchronous="NORMAL")).lost > 0 for number in numbers)
