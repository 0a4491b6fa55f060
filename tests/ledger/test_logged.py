"""What is read from the log is the event and its links, and only a hash is a hash."""

from __future__ import annotations

import pytest

from ledger.logged import logged
from ledger.read import Reader
from ledger.store import Store


def test_a_row_becomes_an_event_with_its_links() -> None:
    """Columns come in the order of the query; hashes are bytes."""
    row = (7, 99, "alice", "e1", "execution.released", "{}", "0a" * 32, "ff" * 32, 1)
    found = logged(row)
    assert (found.event.seq, found.event.time_ns, found.event.agent) == (7, 99, "alice")
    assert (found.event.execution_id, found.event.type) == ("e1", "execution.released")
    assert (found.event.data(), found.version) == ({}, 1)
    assert (found.prev, found.digest) == (b"\x0a" * 32, b"\xff" * 32)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("AB" * 32, b""),
        ("ab " * 32, b""),
        ("xy" * 32, b""),
        ("", b""),
        ("ab" * 32, b"\xab" * 32),
    ],
)
def test_only_a_hash_is_a_hash(store: Store, reader: Reader, written: str, text: bytes) -> None:
    """A hash that is not written as the store writes it is none."""
    store.engine.rows("DROP TRIGGER event_log_no_update")
    store.engine.rows("UPDATE event_log SET event_hash = ?", (written,))
    assert next(reader.log()).digest == text
