"""Laws of the audit: an honest ledger is never blamed, and every edit is found and named.

The attacker of these tests may write anything into the file, and drops the triggers first. Not
found, by a chain alone: a tail cut off together with all that it did, a whole rewritten log, an
old copy put in place of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from ledger.admin_commands import Command, DeleteAgent
from ledger.audit import Finding, audit
from ledger.engine import connect
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import STORY, sound
from tests.ledger.histories import histories
from tests.ledger.making import URL, Hand, admit, commit, create, open_at

Sql = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def sql(store: Store, hand: Hand, tmp_path: Path) -> Sql:
    """The attacker's connection to a ledger with a long story."""
    for command in STORY:
        hand.now += 1
        store.one(command)
    engine = connect(URL, tmp_path)
    for (name,) in engine.rows("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
        engine.rows(f"DROP TRIGGER {name}")
    return engine.rows


def wrong(reader: Reader) -> dict[str, str]:
    """What an audit finds: the broken laws and their details."""
    return {finding.law: finding.detail for finding in audit(reader) if not finding.holds}


def test_an_honest_ledger_is_not_blamed(sql: Sql, reader: Reader) -> None:
    """All findings of a ledger that nobody touched hold, and say what was counted."""
    findings = audit(reader)
    assert [finding.law for finding in findings if not finding.holds] == []
    assert [finding.law for finding in findings] == [
        "chain",
        "head",
        "checkpoints",
        "agents",
        "tokens",
        "executions",
        "reservations",
        "rate_windows",
        "bulks",
        "tool_plugins",
        "idempotency",
        "answers",
        "balances",
        "settled once",
    ]
    assert findings[0] == Finding("chain", True, f"{reader.head().seq} events, gapless")


@settings(max_examples=60)
@given(histories)
def test_no_history_is_blamed(history: list[Command]) -> None:
    """Whatever happens at one and the same instant, deletions included, the audit agrees."""
    with TemporaryDirectory() as directory:
        base = Path(directory)
        with closing(open_at(base, clock=Hand().clock())) as store, Reader(URL, base) as reader:
            store.execute(history)
            assert sound(reader)


def test_an_agent_reborn_in_the_same_instant(store: Store, reader: Reader) -> None:
    """An old account's spending is not counted for the new one, even without time between."""
    store.execute(
        [
            create(),
            admit("e1"),
            commit("e1", 60),
            DeleteAgent("alice", "operator"),
            create(token_hash="new"),
        ]
    )
    assert wrong(reader) == {}


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("seq", "1000", "event 12 is missing"),
        ("version", "2", "event 12 has the unknown format version 2"),
        ("time_ns", "time_ns + 1", "event 12 (execution.committed) was altered"),
        ("time_ns", "-1", "event 12 (execution.committed) was altered"),
        ("agent", "'bob'", "event 12 (execution.committed) was altered"),
        ("agent", "NULL", "event 12 (execution.committed) was altered"),
        ("execution_id", "'e2'", "event 12 (execution.committed) was altered"),
        ("execution_id", "NULL", "event 12 (execution.committed) was altered"),
        ("type", "'execution.released'", "event 12 (execution.released) was altered"),
        ("payload", "replace(payload, '100', '001')", "event 12 (execution.committed) was altered"),
        ("payload", "payload || ' '", "event 12 (execution.committed) was altered"),
        ("prev_hash", f"'{'0' * 64}'", "event 12 does not follow"),
        ("prev_hash", "upper(prev_hash)", "event 12 does not follow"),
        ("event_hash", f"'{'0' * 64}'", "event 12 (execution.committed) was altered"),
        ("event_hash", "upper(event_hash)", "event 12 (execution.committed) was altered"),
    ],
)
def test_every_column_of_the_log_is_held(
    sql: Sql, reader: Reader, column: str, value: str, told: str
) -> None:
    """An edit of any column of an event is found, and the event is named."""
    assert sql("SELECT type, agent FROM event_log WHERE seq = 12") == [
        ("execution.committed", "alice")
    ]
    sql(f"UPDATE event_log SET {column} = {value} WHERE seq = 12")
    assert told in wrong(reader)["chain"]


REST = "version, time_ns, agent, execution_id, type, payload, prev_hash, event_hash"


@pytest.mark.parametrize(
    ("statements", "law", "told"),
    [
        (["DELETE FROM event_log WHERE seq = 12"], "chain", "event 12 is missing"),
        (["DELETE FROM event_log WHERE seq = 1"], "chain", "event 1 is missing"),
        (
            ["DELETE FROM event_log WHERE seq = (SELECT max(seq) FROM event_log)"],
            "head",
            "the log ends at event",
        ),
        (["DELETE FROM event_log"], "head", "the log ends at event 0"),
        (
            [f"INSERT INTO event_log SELECT 1000, {REST} FROM event_log WHERE seq = 12"],
            "chain",
            "the next one found is 1000",
        ),
        (
            ["UPDATE event_log SET seq = -12 WHERE seq = 12",
             "UPDATE event_log SET seq = 12 WHERE seq = 13",
             "UPDATE event_log SET seq = 13 WHERE seq = -12"],
            "chain",
            "event 12 does not follow",
        ),
        (["UPDATE ledger_head SET seq = seq - 1"], "head", "the head says event"),
        ([f"UPDATE ledger_head SET event_hash = '{'0' * 64}'"], "head", "the head says event"),
    ],
)  # fmt: skip
def test_events_cannot_come_and_go(
    sql: Sql, reader: Reader, statements: list[str], law: str, told: str
) -> None:
    """An event that is taken out, put in or moved is found."""
    for statement in statements:
        sql(statement)
    assert told in wrong(reader)[law]


@pytest.mark.parametrize(
    ("statement", "law", "told"),
    [
        ("UPDATE agents SET budget_nanousd = 99 WHERE name = 'bob'", "agents", "99, by the log 50"),
        ("UPDATE agents SET spent_nanousd = 9 WHERE name = 'bob'", "agents", "row bob was altered"),
        ("UPDATE agents SET reserved_nanousd = 0", "agents", "reserved_nanousd is 0, by the log 3"),
        ("UPDATE agents SET rpm = 9 WHERE name = 'bob'", "agents", "rpm is 9"),
        ("DELETE FROM agents WHERE name = 'bob'", "agents", "row bob is missing"),
        ("UPDATE tokens SET revoked_at = 0 WHERE agent = 'bob'", "tokens", "revoked_at is 0"),
        ("UPDATE tokens SET agent = 'bob' WHERE token_hash = 'new'", "tokens", "agent is 'bob'"),
        (
            "INSERT INTO tokens VALUES ('x', 'x', 'bob', 'execution', '', 0, 0, 0, 'bob')",
            "tokens",
            "row x",
        ),
        ("UPDATE executions SET actual_nanousd = 1 WHERE execution_id = 'e1'", "executions", "e1"),
        ("UPDATE executions SET state = 'RELEASED' WHERE execution_id = 'e1'", "executions", "e1"),
        ("UPDATE executions SET usage = '{}' WHERE execution_id = 'e1'", "executions", "usage is"),
        ("DELETE FROM executions WHERE execution_id = 'e3'", "executions", "row e3 is missing"),
        ("UPDATE reservations SET amount_nanousd = 1", "reservations", "was altered"),
        ("DELETE FROM reservations WHERE entry = 'commit'", "reservations", "is missing"),
        ("INSERT INTO rate_windows VALUES ('bob', 'rpm', 0)", "rate_windows", "in no event"),
        ("UPDATE rate_windows SET tat_ns = 0", "rate_windows", "0 stored"),
        ("DELETE FROM rate_windows", "rate_windows", "is missing"),
    ],
)
def test_every_table_is_held(sql: Sql, reader: Reader, statement: str, law: str, told: str) -> None:
    """An edit of a table that no event caused is found, with the row and the true value."""
    sql(statement)
    found = wrong(reader)
    assert list(found) == [law]
    assert told in found[law]


def test_a_log_and_a_table_changed_together(sql: Sql, reader: Reader) -> None:
    """Editing an event and the table alike does not hide the edit of the event."""
    sql("UPDATE event_log SET payload = replace(payload, '\"budget_nanousd\":50', "
        "'\"budget_nanousd\":99') WHERE type = 'agent.created' AND agent = 'bob'")  # fmt: skip
    sql("UPDATE agents SET budget_nanousd = 99 WHERE name = 'bob'")
    assert "(agent.created) was altered" in wrong(reader)["chain"]


def test_progress_is_told(store: Store, reader: Reader) -> None:
    """A long audit tells how far it is, every thousand events."""
    store.one(create(budget=10**9))
    store.execute([admit(f"e{number}") for number in range(1_100)])
    told: list[int] = []
    audit(reader, told.append)
    assert told == [1_000, 2_000]
