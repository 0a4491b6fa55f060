"""Laws of reading: typed rows, in a stated order, from a connection that waits for nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import read
from ledger.admin_commands import DeleteAgent
from ledger.engine import connect
from ledger.errors import IntegrityBroken, LedgerUnavailable, SchemaTooNew
from ledger.read import Reader
from ledger.schema import VERSION
from ledger.store import Store
from tests.ledger.making import URL, Hand, admit, commit, create, issue, run, token_hash


@pytest.fixture
def filled(store: Store, hand: Hand) -> Store:
    """Two agents, one of them deleted, and four calls, each a second after the one before."""
    for command in (
        create("zoe"),
        create("alice", rpm=5),
        admit("e1"),
        admit("e2", "zoe"),
        issue(number=2),
        commit("e1", 5),
        admit("e3"),
        admit("e4", fixed=9_999),
        DeleteAgent("zoe", "operator"),
    ):
        hand.now += 1_000_000_000
        store.one(command)
    return store


def test_agents(filled: Store, reader: Reader) -> None:
    """Agents come by name, deleted ones only if asked for, and one by one in any case."""
    assert [agent.name for agent in reader.agents()] == ["alice"]
    assert [agent.name for agent in reader.agents(deleted=True)] == ["alice", "zoe"]
    agent = reader.agent("zoe")
    assert agent is not None
    assert (agent.lifecycle_state, agent.reserved_nanousd) == ("DECOMMISSIONED", 100)
    assert reader.agent("nobody") is None


def test_tokens(filled: Store, reader: Reader) -> None:
    """Tokens come oldest first, of all agents or of one."""
    assert [token.token_id for token in reader.tokens()] == ["zoe-1", "alice-1", "alice-2"]
    assert [token.token_id for token in reader.tokens("alice")] == ["alice-1", "alice-2"]
    assert reader.tokens("alice")[0].token_hash == token_hash("alice")


def test_executions(filled: Store, reader: Reader) -> None:
    """Executions come newest first, of one agent, in one state, and as many as asked for."""
    assert [row.execution_id for row in reader.executions()] == ["e4", "e3", "e2", "e1"]
    assert [row.execution_id for row in reader.executions(limit=2)] == ["e4", "e3"]
    assert [row.execution_id for row in reader.executions(agent="zoe")] == ["e2"]
    found = reader.executions(agent="alice", state="DISPATCHED")
    assert [row.execution_id for row in found] == ["e3"]
    row = reader.execution("e1")
    assert row is not None
    assert (row.state, row.actual_nanousd, row.usage_source) == ("COMMITTED", 5, "response")
    assert reader.execution("e9") is None


def test_executions_of_a_run(store: Store, reader: Reader) -> None:
    """Where a run is named, its calls are told, one by one and as an export reads them."""
    store.execute([create("alice", 10**9), run("alice", "r1", 10**6)])
    store.execute([admit("e1"), admit("e2", "alice/r1")])
    for name, found in (("alice", ["e1", "e2"]), ("alice/r1", ["e2"]), ("alice/r2", [])):
        assert [row.execution_id for row in reader.executions_between(agent=name)] == found
        assert [row.execution_id for row in reversed(reader.executions(agent=name))] == found
        assert reader.count_between(agent=name) == len(found)


def test_the_reserve_book_and_the_rates(filled: Store, reader: Reader) -> None:
    """The reserve book comes in order, and every rate limit with its state."""
    assert [(entry.execution_id, entry.entry) for entry in reader.reservations()] == [
        ("e1", "reserve"),
        ("e2", "reserve"),
        ("e1", "commit"),
        ("e3", "reserve"),
    ]
    assert list(reader.rates()) == [("alice", "rpm")]


def test_the_log(filled: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log comes whole and in order whatever the size of the chunks, and from any place."""
    whole = list(reader.log())
    assert [logged.event.seq for logged in whole] == list(range(1, reader.head().seq + 1))
    for chunk in (1, 2, len(whole), len(whole) + 1):
        monkeypatch.setattr(read, "_CHUNK", chunk)
        assert list(reader.log()) == whole
    assert list(reader.log(after=5)) == whole[5:]
    denied = [logged for logged in whole if logged.event.type == "execution.denied"]
    assert list(reader.log(upto=len(whole) - 1, kind="execution.denied")) == denied
    assert len(denied) == 1
    assert (whole[-1].digest.hex(), whole[-1].event.time_ns) == (
        reader.head().event_hash,
        reader.head().time_ns,
    )


def test_a_story(filled: Store, reader: Reader) -> None:
    """The events of one execution come in order, without those of others."""
    assert [logged.event.type for logged in reader.story("e1")] == [
        "execution.reserved",
        "execution.dispatched",
        "execution.committed",
    ]
    assert reader.story("e9") == []


def test_there_must_be_a_ledger(tmp_path: Path) -> None:
    """Without a ledger, or with an empty file, the remedy is named."""
    with pytest.raises(LedgerUnavailable, match="`aex init` makes one"):
        Reader(URL, tmp_path)
    (tmp_path / "ledger.db").touch()
    with pytest.raises(LedgerUnavailable, match="`aex init` makes its tables"):
        Reader(URL, tmp_path)


def test_a_newer_ledger_is_not_read(store: Store, tmp_path: Path) -> None:
    """A ledger that a newer AEX has written is refused, for reading too."""
    store.engine.rows(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(SchemaTooNew, match="upgrade AEX"):
        Reader(URL, tmp_path)


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    """A file of another kind is unavailable, with what SQLite says of it."""
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 1_000)
    with pytest.raises(LedgerUnavailable, match="file is not a database"):
        Reader(URL, tmp_path)


def test_a_damaged_page_is_told(filled: Store, tmp_path: Path) -> None:
    """Pages that were overwritten are an error of the ledger, not of the library."""
    filled.close()
    file = tmp_path / "ledger.db"
    raw = bytearray(file.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    file.write_bytes(raw)
    with Reader(URL, tmp_path) as reader, pytest.raises(LedgerUnavailable, match="malformed"):
        reader.agents()


def test_a_missing_head_is_told(store: Store, reader: Reader) -> None:
    """A ledger that cannot say where its log ends is broken."""
    store.engine.rows("DELETE FROM ledger_head")
    with pytest.raises(IntegrityBroken, match="head of the log is missing"):
        reader.head()


def test_reading_waits_for_nobody(filled: Store, reader: Reader, tmp_path: Path) -> None:
    """A writer in the middle of a transaction holds no reader up, and is not seen."""
    other = connect(URL, tmp_path)
    other.begin()
    other.rows("UPDATE agents SET budget_nanousd = 1")
    assert [agent.budget_nanousd for agent in reader.agents()] == [1_000]
    other.rollback()
    other.close()


def test_totals(store: Store, reader: Reader) -> None:
    """Calls are counted by token, or by account with all below it, from a time on."""
    for command in (create("alice"), issue(number=2), admit("e1"), admit("e2")):
        store.one(command)
    store.one(commit("e1", 5))
    whole = reader.totals(since=0, account="alice")
    assert whole == read.Totals(calls=2, denied=0, under_way=1, spent_nanousd=5)
    assert reader.totals(since=0, token_id="alice-1") == whole
    assert reader.totals(since=0, token_id="alice-2").calls == 0
    assert reader.totals(since=0, account="ali").calls == 0
    second = reader.execution("e2")
    assert second is not None
    assert reader.totals(since=second.created_at, account="alice").calls == 1
