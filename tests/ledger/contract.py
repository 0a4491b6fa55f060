"""What a store promises, whatever engine is below it.

A class that inherits StoreContract gives the fixture `url`; test_store.py does so for SQLite and
for PostgreSQL. What a store refuses is in contract_refusals.py, what happens when many write at
once in contract_crowd.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.admin_commands import (
    Command,
    CreditAgent,
    DeleteAgent,
    Fence,
    LendToken,
    NoteBypass,
    NoteGateway,
    RevokeToken,
    SetTool,
)
from ledger.audit import audit
from ledger.commands import Recover, Tool
from ledger.errors import LedgerUnavailable
from ledger.evolve import fold
from ledger.outcomes import Admitted, Settled
from ledger.read import Reader
from ledger.state import RESERVED, State
from ledger.store import Store
from tests.ledger.making import (
    Hand,
    Pure,
    admit,
    commit,
    create,
    install,
    issue,
    open_at,
    read_all,
    release,
    rows,
    token_hash,
)

STORY: list[Command] = [
    NoteGateway("gw-1", "started", {"version": "3.0.0"}),
    create(budget=1_000, rpm=100),
    create("bob", budget=50),
    admit("e1", fixed=400),
    admit("e2", fixed=400),
    admit("e3", fixed=400),  # denied
    commit("e1", 100, reason="Zürich ✓"),
    commit("e1", 400),  # settled already
    release("e2"),
    admit("e4", fixed=900),
    CreditAgent("alice", 500, "more", "operator"),
    commit("e4", 1_700),  # an overrun
    admit("e5", fixed=1),  # denied
    CreditAgent("alice", 10_000, "more", "operator"),
    issue(number=2, revoke_others=True),
    admit("e6", fixed=1),  # its token was rotated
    admit("e7", fixed=7, token_hash=token_hash("alice", 2)),
    admit("e8", fixed=8, token_hash=token_hash("alice", 2)),
    Recover("e7", "charge"),
    Recover("e8", "release"),
    RevokeToken(token_hash("bob"), "lost", "operator"),
    DeleteAgent("alice", "operator"),
    create(budget=3, token_hash="new"),
    admit("e9", fixed=3, token_hash="new"),
    NoteBypass("alice", "tok_1", "api.openai.com", "192.0.2.1", 443, "curl", True, "cli:x"),
    install(manifest="name = 'lookup' # ✓\n"),
    admit("t1", fixed=40, token_hash="new", tool=Tool("lookup", install().digest)),  # denied
    SetTool("lookup", "enabled", "cli:ann", "looked at it"),
    create("ann", budget=100),
    admit("t2", "ann", fixed=40, tool=Tool("lookup", install().digest)),
    install(version="2"),  # and so disabled
    admit("t3", "ann", fixed=40, tool=Tool("lookup", install(version="2").digest)),  # denied
    SetTool("lookup", "removed", "cli:ann"),
    commit("t2", 40),
    LendToken(token_hash("ann"), token_hash("ann", 9), "tool", 0, "gateway"),
    admit("t4", fixed=1, token_hash=token_hash("ann", 9)),
    NoteGateway("gw-1", "stopped"),
]


def sound(reader: Reader) -> bool:
    """Whether an audit finds nothing; what it finds is shown."""
    assert [finding for finding in audit(reader) if not finding.holds] == []
    return rows(fold([logged.event for logged in reader.log()])) == read_all(reader)


class StoreContract:
    """The clauses; `url` comes from the class that inherits them."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def store(self, url: str, tmp_path: Path, hand: Hand) -> Iterator[Store]:
        opened = open_at(tmp_path, url, clock=hand.clock())
        yield opened
        opened.close()

    @pytest.fixture
    def reader(self, url: str, tmp_path: Path, store: Store) -> Iterator[Reader]:
        with Reader(url, tmp_path) as opened:
            yield opened

    def test_a_story(self, store: Store, reader: Reader, hand: Hand) -> None:
        """Commands have the outcomes of the pure kernel, and after each the books are sound."""
        kernel = Pure(log=[logged.event for logged in reader.log()])
        for command in STORY:
            hand.now += 1
            kernel.now = hand.now - 1_000_000_000
            assert store.one(command) == kernel(command)
            assert sound(reader)
        assert [logged.event for logged in reader.log()] == kernel.log
        assert read_all(reader) == rows(kernel.state)

    @pytest.mark.parametrize("size", [2, 3, 7, len(STORY)])
    def test_a_batch_is_its_commands(self, store: Store, reader: Reader, size: int) -> None:
        """Commands in batches of any size leave the same log as one by one."""
        kernel = Pure(log=[logged.event for logged in reader.log()])
        expected = [kernel.at_once(command) for command in STORY]
        outcomes = []
        for first in range(0, len(STORY), size):
            outcomes += store.execute(STORY[first : first + size])
        assert outcomes == expected
        assert [logged.event for logged in reader.log()] == kernel.log
        assert sound(reader)

    def test_ends_are_counted(self, store: Store, reader: Reader) -> None:
        """Any stretch of the log gives the ends, overruns and bypasses in it, as a look would."""
        store.execute(STORY)
        types = {"execution.committed", "execution.released", "execution.denied"}
        types |= {"usage.overrun", "bypass.seen"}
        whole = [logged.event for logged in reader.log()]
        seen = Counter[str]()
        for after, upto in [(0, len(whole)), (0, 0), (9, 10), (5, len(whole) - 3), (99, 999)]:
            found = [event for event in whole[after:upto] if event.type in types]
            counted = reader.ends(after, upto)
            ends = {(agent, kind): count for agent, kind, count, _ in counted}
            assert ends == Counter((event.agent, event.type) for event in found)
            data = [event.data() for event in found]
            marks = [d for d in data if d.get("certainty") == "uncertain" or d.get("blocked")]
            assert sum(marked for *_, marked in counted) == len(marks)
            seen += Counter({kind: count for _, kind, count, _ in counted})
            seen["marked"] += len(marks)
        assert set(seen) == {*types, "marked"}

    def test_the_log_begins_once(
        self, store: Store, reader: Reader, tmp_path: Path, url: str
    ) -> None:
        """A ledger that is opened again keeps its log and its name."""
        assert not store.create("another", "9")
        open_at(tmp_path, url).close()
        assert [logged.event.data() for logged in reader.log()] == [
            {"ledger_id": "test", "version": "0"}
        ]

    def test_what_is_not_settled_is_open(self, store: Store) -> None:
        """Open executions are listed with their gateway, until they have their end."""
        store.execute(
            [create(), admit("e2"), admit("e1", gateway="gw-2"), admit("e3", fixed=9_999)]
        )
        assert store.open_executions() == [("e1", "gw-2"), ("e2", "gw-1")]
        store.execute([commit("e1", 1), release("e2")])
        assert store.open_executions() == []

    def test_whose_calls_are_to_end(self, store: Store) -> None:
        """Each token is told of that was revoked, or whose accounts do not serve, and no other."""
        store.execute([create(), create("bob"), create("eve"), issue(number=2)])
        hashes = [token_hash(name) for name in ("alice", "bob", "eve", "nobody")]
        hashes.append(token_hash("alice", 2))
        assert store.stopped(hashes[:3]) == {}
        store.execute([RevokeToken(hashes[0], "lost", "operator"), DeleteAgent("bob", "operator")])
        codes = {key: why.code for key, why in store.stopped(hashes).items()}
        assert codes == {
            hashes[0]: "token_revoked",
            hashes[1]: "token_revoked",
            hashes[3]: "token_unknown",
        }
        assert store.stopped([]) == {}

    def test_a_failed_write_undoes_the_batch(
        self, store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whichever statement of a batch fails, nothing of it stays, and the next goes on."""
        store.execute([create(rpm=9), admit("e1")])
        before, many = read_all(reader), store.engine.many
        batch = [admit("e2"), commit("e1", 5), issue(), CreditAgent("alice", 1, "", "operator")]
        failures = 0
        while True:
            left = failures

            def fails(sql: str, parameters: Any) -> int:
                nonlocal left
                if left == 0:
                    raise OSError("the disk is on fire")
                left -= 1
                return many(sql, parameters)

            monkeypatch.setattr(store.engine, "many", fails)
            try:
                store.execute(batch)
            except OSError:
                failures += 1
            else:
                break
            monkeypatch.setattr(store.engine, "many", many)
            assert read_all(reader) == before
            assert sound(reader)
        # The log, four tables, new and settled executions, the head.
        assert failures == 8
        assert read_all(reader) != before
        assert sound(reader)

    def test_a_command_that_raises_undoes_the_batch(self, store: Store, reader: Reader) -> None:
        """A programming error in one command leaves nothing of the commands around it."""
        store.execute([create(), admit("e1")])
        before = read_all(reader)
        with pytest.raises(AssertionError):
            store.execute([admit("e2"), commit("e1", -1), admit("e3")])
        assert read_all(reader) == before
        assert isinstance(store.one(admit("e2")), Admitted)

    def test_who_leaves_is_watched_no_more(self, store: Store) -> None:
        """Its beat is gone, and may come again; who was shut out stays shut out."""
        assert store.beat("gw-1", 1)
        assert store.beat("gw-2", 1)
        store.leave("gw-1")
        assert store.beats() == {"gw-2": 1}
        assert store.beat("gw-1", 2)
        store.one(Fence("gw-1", "no sign of life"))
        store.leave("gw-1")
        assert not store.beat("gw-1", 3)

    def test_two_stores_settle_once(
        self, store: Store, reader: Reader, tmp_path: Path, url: str
    ) -> None:
        """Of two gateways that settle the same execution, one does and both learn how it ended."""
        other = open_at(tmp_path, url)
        store.execute([create(), admit("e1")])
        assert other.one(commit("e1", 60)) == Settled("e1", "COMMITTED", 60, fresh=True)
        assert store.one(release("e1")) == Settled("e1", "COMMITTED", 60, fresh=False)
        other.close()
        assert [agent.spent_nanousd for agent in reader.agents()] == [60]
        assert sound(reader)

    def test_a_state_moves_by_compare_and_swap(
        self, store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An execution that is not as it was loaded is not moved, and the batch fails."""
        store.execute([create(), admit("e1"), admit("e2")])
        before, load = read_all(reader), store._loader.load

        def stale(commands: Any) -> State:
            state = load(commands)
            state.executions["e1"] = state.executions["e1"]._replace(state=RESERVED)
            return state

        monkeypatch.setattr(store._loader, "load", stale)
        with pytest.raises(LedgerUnavailable, match="changed under a held lock"):
            store.execute([commit("e2", 1), commit("e1", 1)])
        assert read_all(reader) == before

    @pytest.mark.parametrize(
        ("ahead", "why"), [(-1, "UNIQUE|unique"), (5, "head of the log moved")]
    )
    def test_the_head_moves_by_compare_and_swap(
        self,
        store: Store,
        reader: Reader,
        monkeypatch: pytest.MonkeyPatch,
        ahead: int,
        why: str,
    ) -> None:
        """A store with a wrong idea of where the log ends writes nothing."""
        store.execute([create(), admit("e1")])
        before, rows_of = read_all(reader), store.engine.rows

        def astray(sql: str, parameters: Any = ()) -> list[Any]:
            found = rows_of(sql, parameters)
            return [(found[0][0] + ahead, *found[0][1:])] if "FROM ledger_head" in sql else found

        monkeypatch.setattr(store.engine, "rows", astray)
        with pytest.raises(LedgerUnavailable, match=why):
            store.one(commit("e1", 1))
        monkeypatch.undo()
        assert read_all(reader) == before
        assert store.one(commit("e1", 1)) == Settled("e1", "COMMITTED", 1, fresh=True)
