"""Laws of migration 5: accounts of an earlier schema have no caps, and may ask for everything."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ledger.commands import Asked
from ledger.engine import connect
from ledger.outcomes import Admitted
from tests.ledger.making import URL, admit, open_at, token_hash
from tests.ledger.test_migrations import make_old


def test_an_old_account_has_no_caps(tmp_path: Path) -> None:
    """Not even of what is not known of a call."""
    make_old(URL, tmp_path, 4)
    with closing(open_at(tmp_path)) as store:
        call = admit("e1", token_hash=token_hash("lots"), asked=Asked())
        assert isinstance(store.one(call), Admitted)
    with closing(connect(URL, tmp_path)) as engine:
        assert set(engine.rows("SELECT caps FROM agents")) == {("",)}
