"""What a store, its tables and its readers refuse, whatever engine is below them."""

from __future__ import annotations

import pytest

from ledger.admin_commands import DeleteAgent
from ledger.errors import LedgerError, LedgerUnavailable
from ledger.outcomes import Admitted, Denied, Done, Rejected, Settled
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import StoreContract, sound
from tests.ledger.making import admit, commit, create


class RefusalContract(StoreContract):
    """The clauses about what is not done, besides the others."""

    def test_one_impossible_text_spoils_nothing(self, store: Store, reader: Reader) -> None:
        """Text that an engine cannot hold is refused alone; the batch around it is carried out."""
        outcomes = store.execute(
            [
                create(),
                admit("e1", model="a\0b"),
                admit("e2", model="\ud800"),
                admit("e3", token_hash="\0"),
                admit("e4"),
                DeleteAgent("\0", "operator"),
                DeleteAgent("\ud800", "operator"),
                commit("e4", 1, reason="\0"),
                commit("e4", 2),
            ]
        )
        assert [type(outcome) for outcome in outcomes[1:]] == [
            *(Rejected, Rejected, Denied, Admitted),
            *(Rejected, Rejected, Rejected, Settled),
        ]
        assert sound(reader)

    def test_an_account_above_that_is_missing(self, store: Store) -> None:
        """A row that names a parent which is not there fails its call and holds nobody up."""
        store.one(create())
        store.engine.begin()
        store.engine.rows("UPDATE agents SET parent = 'ghost'")
        store.engine.commit()
        with pytest.raises(KeyError, match="ghost"):
            store.one(admit("e1"))
        assert store.one(create("bob")) == Done("bob")

    def test_a_reader_cannot_write(self, store: Store, reader: Reader) -> None:
        """The connection for reading refuses every statement that writes."""
        store.one(create())
        with pytest.raises(LedgerError, match=r"read.?only"):
            reader._engine.rows("UPDATE agents SET budget_nanousd = 9")
        reader._engine.rollback()
        with pytest.raises(Exception, match=r"read.?only"):
            reader._tables.agents.update(budget_nanousd=9).execute()
        assert [agent.budget_nanousd for agent in reader.agents()] == [1_000]

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE event_log SET payload = '{}'",
            "DELETE FROM event_log",
            "UPDATE reservations SET amount_nanousd = 0",
            "DELETE FROM reservations",
            "UPDATE executions SET state = 'RELEASED'",
            "UPDATE executions SET state = 'DISPATCHED'",
            "UPDATE agents SET reserved_nanousd = -1",
            "INSERT INTO reservations VALUES ('e1', 'release', 1, 99)",
            "INSERT INTO reservations VALUES ('e1', 'reserve', 1, 99)",
            "INSERT INTO ledger_head VALUES (2, 1, '', 1)",
        ],
    )
    def test_the_tables_refuse(self, store: Store, reader: Reader, sql: str) -> None:
        """The tables themselves refuse what no program may do to them."""
        store.execute([create(), admit("e1"), commit("e1", 5)])
        store.engine.begin()
        with pytest.raises(LedgerUnavailable):
            store.engine.rows(sql)
        store.engine.rollback()
        assert sound(reader)
