"""Laws of the tables' statements: what is written comes back, and nothing is asked for nothing."""

from __future__ import annotations

import pytest

from ledger.state import Binding
from ledger.store import Store
from ledger.tables import Table

ROW = Binding("alice", "k", "e1", "f", 2**63 - 1)


def test_rows_come_back(store: Store) -> None:
    """A row is loaded by its key as it was inserted, and an upsert replaces it whole."""
    table = Table("idempotency", Binding, "key_hash", store.engine.in_keys)
    writing = Table("idempotency", Binding, "agent, key_hash", store.engine.in_keys)
    other = ROW._replace(key_hash="other")
    store.engine.many(table.insert, [ROW, other])
    assert table.fetch(store.engine, ["k", "nobody's"]) == [ROW]
    changed = ROW._replace(execution_id="e2", fingerprint="g", expires_at=0)
    store.engine.many(writing.upsert, [changed])
    assert sorted(table.fetch(store.engine, ["k", "other"]), key=str) == [changed, other]


def test_no_keys_no_query(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys there are no rows and the engine is not asked."""
    monkeypatch.setattr(store.engine, "rows", None)
    assert Table("idempotency", Binding, "key_hash", "").fetch(store.engine, []) == []
