"""What makes a gateway ready, and that whoever asks learns no more than that."""

from __future__ import annotations

import apsw
import pytest

from ledger.activity import ActivityReader
from ledger.errors import LedgerUnavailable
from tests.ledger.making import admit
from tests.web.conftest import Site


def gone() -> ActivityReader:
    raise LedgerUnavailable("the ledger file is gone")


def test_ready(site: Site) -> None:
    """A gateway that can serve says so, with what it knows of itself, to anybody."""
    answer = site.client(None).get("/health")
    assert (answer.status_code, answer.json["status"]) == (200, "ok")
    assert answer.json["ledger"] == {"ok": True, "events": 3}
    assert answer.json["chain"] == answer.json["config"] == {"ok": True}
    assert answer.json["gateway"] == "gw_1"


def test_without_a_ledger(site: Site) -> None:
    """Where the ledger cannot be read, the answer is a 503 that says why."""
    answer = site.client(None, open_reader=gone).get("/health")
    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")
    assert answer.json["ledger"] == {"ok": False, "error": "the ledger file is gone"}
    assert answer.json["chain"]["ok"] is False


def test_while_stopping(site: Site) -> None:
    """A gateway that takes no more calls says so by its status."""
    site.about["draining"] = True
    answer = site.client(None).get("/health")
    assert (answer.status_code, answer.json["ledger"]["ok"]) == (503, True)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE event_log SET payload = '{}' WHERE seq = 4", "was altered"),
        ("DELETE FROM event_log WHERE seq = 5", "does not end at its head"),
    ],
)
def test_a_chain_that_is_broken(site: Site, damage: str, words: str) -> None:
    """An edit or a cut at the end of the log shows; the ledger can be read all the same."""
    site.store.one(admit("e1", "bot"))
    with site.open_reader() as reader:
        path = reader._engine.db.database
    connection = apsw.Connection(str(path))
    for verb in ("update", "delete"):
        connection.execute(f"DROP TRIGGER event_log_no_{verb}")
    connection.execute(damage)
    connection.close()
    answer = site.client(None).get("/health")
    assert (answer.status_code, answer.json["ledger"]["ok"]) == (503, True)
    assert words in answer.json["chain"]["error"]


def test_a_configuration_that_is_wrong(site: Site) -> None:
    """The next start would fail: that is told before it does."""
    answer = site.client(None, config=lambda: "aex.toml cannot be loaded").get("/health")
    assert answer.status_code == 503
    assert answer.json["config"] == {"ok": False, "error": "aex.toml cannot be loaded"}


def test_alive(site: Site) -> None:
    """Whatever it cannot do, it is there."""
    answer = site.client(None, open_reader=gone).get("/health/live")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})
