"""Laws of migration 3: an overrun of an earlier schema stops nobody after the fact."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ledger.engine import connect
from ledger.outcomes import Admitted
from tests.ledger.making import URL, admit, open_at, token_hash
from tests.ledger.test_migrations import make_old


def test_an_old_overrun_stops_nobody(tmp_path: Path) -> None:
    """The agent went on under the program that booked it, and goes on under this one."""
    make_old(URL, tmp_path, 2)
    with closing(open_at(tmp_path)) as store:
        assert isinstance(store.one(admit("e1", token_hash=token_hash("kim"))), Admitted)
    with closing(connect(URL, tmp_path)) as engine:
        assert set(engine.rows("SELECT stopped_by FROM agents")) == {("",)}
        overruns = engine.rows("SELECT count(*) FROM event_log WHERE type = 'usage.overrun'")
        assert overruns > [(1,)]
