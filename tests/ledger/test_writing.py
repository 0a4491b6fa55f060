"""Laws of writing: an answer is kept as it was booked, and dropped when the log says so."""

from __future__ import annotations

from hashlib import sha256

from ledger.admin_commands import Fence
from ledger.audit import audit
from ledger.commands import Sealed
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import sound
from tests.ledger.making import SECOND, Hand, admit, commit, create


def sealed(data: bytes) -> Sealed:
    """An answer to keep for a minute."""
    return Sealed(sha256(data).hexdigest(), len(data), 60 * SECOND, data)


def test_the_answer_that_was_booked_is_kept(store: Store, reader: Reader) -> None:
    """Of two answers to one execution in one batch, the one whose commit counted is kept."""
    store.execute([create(), admit("e1", key_hash="k", key_ttl_ns=60 * SECOND)])
    store.execute([commit("e1", 5, sealed=sealed(b"first")), commit("e1", 5, sealed=sealed(b"2"))])
    assert store.answer("e1") == b"first"
    assert store.answer("e2") is None
    assert sound(reader)


def test_what_expired_is_dropped(store: Store, reader: Reader, hand: Hand) -> None:
    """A purge drops what expired by the newest event, and an audit never misses what it dropped."""
    store.execute([create(), admit("e1", key_hash="k", key_ttl_ns=60 * SECOND)])
    store.one(commit("e1", 5, sealed=sealed(b"first")))
    hand.now += 61 * SECOND
    store.purge()
    assert [finding for finding in audit(reader) if not finding.holds] == []
    store.one(create("bob"))
    store.purge()
    assert (store.answer("e1"), reader.bindings(0)) == (None, [])
    assert [finding for finding in audit(reader) if not finding.holds] == []


def test_an_altered_answer_is_found(store: Store, reader: Reader) -> None:
    """The audit names an answer whose bytes are not those that were booked."""
    store.execute([create(), admit("e1", key_hash="k", key_ttl_ns=60 * SECOND)])
    store.one(commit("e1", 5, sealed=sealed(b"first")))
    store.engine.rows("UPDATE answers SET sealed = CAST('forge' AS BLOB)")
    found = {finding.law: finding.detail for finding in audit(reader) if not finding.holds}
    assert list(found) == ["answers"]
    assert "row e1 was altered" in found["answers"]


def test_a_gateway_that_was_shut_out_is_told(store: Store) -> None:
    """A sign of life is answered by whether the gateway may go on, and lists those that may."""
    assert store.beat("gw-1", 1)
    assert store.beat("gw-2", 1)
    store.one(Fence("gw-1", "lost"))
    store.one(Fence("gw-3", "never seen"))
    assert not store.beat("gw-1", 2)
    assert not store.beat("gw-3", 1)
    assert store.beat("gw-2", 5)
    assert store.beats() == {"gw-2": 5}
