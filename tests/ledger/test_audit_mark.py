"""Where an audit ended is kept whole, and goes on as if it had never stopped."""

from __future__ import annotations

import zlib
from dataclasses import fields

import pytest

from ledger.audit import examine
from ledger.audit_checkpoints import Evidence
from ledger.audit_mark import Mark, pack, unpack
from ledger.read import Reader
from ledger.state import State
from ledger.store import Store
from tests.ledger.contract import STORY
from tests.ledger.making import Hand, admit, create, rows


@pytest.fixture
def mark(store: Store, reader: Reader, hand: Hand) -> Mark:
    """The end of a long story."""
    for command in STORY:
        hand.now += 1
        store.one(command)
    found = examine(reader).mark
    assert found is not None
    return found


def test_a_mark_is_kept_whole(mark: Mark) -> None:
    """Every field of the state that belongs to the books comes back as it was."""
    back = unpack(pack(mark, "3.0"), "3.0")
    assert back is not None
    assert (back.seq, back.head, back.time_ns, back.born) == (
        mark.seq,
        mark.head,
        mark.time_ns,
        mark.born,
    )
    assert rows(back.state) == rows(mark.state)
    kept = [one.name for one in fields(State) if "touched" not in one.name]
    assert {"agents", "tokens", "executions", "rates", "reservations"} <= set(kept)
    for name in kept:
        assert getattr(back.state, name) == getattr(mark.state, name)


@pytest.mark.parametrize("data", [b"", b"x", zlib.compress(b"[]"), zlib.compress(b"{}")])
def test_what_is_no_mark(data: bytes) -> None:
    """Damage costs a whole audit, and nothing else."""
    assert unpack(data, "3.0") is None


def test_the_mark_of_another_program(mark: Mark) -> None:
    """Another program may fold the log to other rows, so it begins anew."""
    assert unpack(pack(mark, "3.0"), "3.1") is None


def test_an_audit_goes_on(mark: Mark, store: Store, reader: Reader) -> None:
    """It reads what came after, compares every table in full, and says to what it went on."""
    store.execute([create("carol"), admit("e20", "carol")])
    after = unpack(pack(mark, "1"), "1")
    report = examine(reader, since=after)
    assert report.holds
    assert (report.since, report.events) == (mark.seq, mark.seq + 4)
    assert f"4 events, gapless, after event {mark.seq}" in report.findings[0].detail
    whole = examine(reader)
    assert report.mark is not None
    assert whole.mark is not None
    assert rows(report.mark.state) == rows(whole.mark.state)
    assert (report.root, report.mark.head) == (whole.root, whole.mark.head)


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("UPDATE agents SET spent_nanousd = 7", "agents"),
        ("UPDATE executions SET actual_nanousd = 0 WHERE execution_id = 'e1'", "executions"),
        ("DELETE FROM event_log WHERE seq > 30", "head"),
        ("UPDATE event_log SET payload = '{}' WHERE seq = (SELECT max(seq) FROM event_log)",
         "chain"),
    ],
)  # fmt: skip
def test_what_a_continued_audit_finds(
    mark: Mark, store: Store, reader: Reader, statement: str, law: str
) -> None:
    """Every table, the end of the log and all that is new are held as in a whole one."""
    store.one(create("carol"))
    store.engine.rows("DROP TRIGGER event_log_no_update")
    store.engine.rows("DROP TRIGGER event_log_no_delete")
    store.engine.rows("DROP TRIGGER executions_terminal")
    store.engine.rows(statement)
    report = examine(reader, evidence=Evidence(), since=unpack(pack(mark, "1"), "1"))
    assert law in [finding.law for finding in report.findings if not finding.holds]
    assert report.mark is None
