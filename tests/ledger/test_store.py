"""The store keeps its contract on every engine."""

from __future__ import annotations

from contextlib import closing
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.admin_commands import Command
from ledger.errors import IntegrityBroken
from ledger.outcomes import Admitted
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import sound
from tests.ledger.contract_crowd import CrowdContract
from tests.ledger.contract_refusals import RefusalContract
from tests.ledger.histories import histories
from tests.ledger.making import SECOND, URL, Hand, Pure, admit, commit, create, open_at, token_hash


class TestSqlite(CrowdContract, RefusalContract):
    """Embedded."""

    @pytest.fixture
    def url(self) -> str:
        return URL


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
class TestPostgres(CrowdContract, RefusalContract):
    """Shared by many gateways."""

    @pytest.fixture
    def url(self, postgres_url: str) -> str:
        return postgres_url


def test_a_log_without_a_head_is_broken(store: Store) -> None:
    """A store that cannot tell where the log ends serves nothing."""
    store.engine.rows("DELETE FROM ledger_head")
    with pytest.raises(IntegrityBroken, match="head of the log is missing"):
        store.one(create())


def test_time_never_goes_back(store: Store, hand: Hand) -> None:
    """A store whose clock lags behind the log goes on from the log's time."""
    store.one(create())
    before = store.engine.rows("SELECT time_ns FROM ledger_head")[0][0]
    hand.now -= 5_000_000_000
    store.one(create("bob"))
    assert store.engine.rows("SELECT time_ns FROM ledger_head")[0][0] == before + 1
    hand.now += 7
    store.one(create("carol"))
    assert store.engine.rows("SELECT time_ns FROM ledger_head")[0][0] == before + 7


def test_accounts_above_are_loaded(store: Store) -> None:
    """A call of an agent below two accounts is held on all three."""
    store.execute([create("org"), create("team"), create("alice")])
    store.engine.rows("UPDATE agents SET parent = 'team' WHERE name = 'alice'")
    store.engine.rows("UPDATE agents SET parent = 'org' WHERE name = 'team'")
    assert isinstance(store.one(admit("e1")), Admitted)
    held = "SELECT name, reserved_nanousd FROM agents ORDER BY name"
    assert store.engine.rows(held) == [("alice", 100), ("org", 100), ("team", 100)]
    store.one(commit("e1", 30))
    spent = "SELECT name, spent_nanousd, reserved_nanousd FROM agents ORDER BY name"
    assert store.engine.rows(spent) == [("alice", 30, 0), ("org", 30, 0), ("team", 30, 0)]
    found = store.lineage(token_hash("alice"))
    assert found is not None
    assert (found[0], [each.name for each in found[1]]) == ("alice", ["alice", "team", "org"])
    assert store.lineage(token_hash("nobody")) is None


@settings(max_examples=40)
@given(histories, st.lists(st.integers(1, 9), min_size=1))
def test_batches_of_any_history(history: list[Command], sizes: list[int]) -> None:
    """What a batch loads is enough: it decides as a kernel that knows all rows."""
    kernel, hand = Pure(), Hand()
    with TemporaryDirectory() as directory:
        store = open_at(Path(directory), clock=hand.clock())
        with closing(store), Reader(URL, Path(directory)) as reader:
            kernel.log = [logged.event for logged in reader.log()]
            waiting, turns = history, cycle(sizes)
            while waiting:
                size = next(turns)
                batch, waiting = waiting[:size], waiting[size:]
                # Now and then long enough for a new day, week or month of a budget.
                kernel.now = hand.now = hand.now + (20 if size % 2 else 200_000) * SECOND
                expected = [kernel.at_once(command) for command in batch]
                assert store.execute(batch) == expected
            assert [logged.event for logged in reader.log()] == kernel.log
            assert sound(reader)
