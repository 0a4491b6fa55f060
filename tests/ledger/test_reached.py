"""What an agent reached is read from the log, the newest first, with its runs or of one alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger import reached as module
from ledger.admin_commands import NoteEgress
from ledger.reached import reached
from ledger.read import Reader
from tests.ledger.making import URL, create, open_at, run


def test_it_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By agent, run or nobody, no more than were asked for, no further back than is looked."""
    with closing(open_at(tmp_path)) as store:
        store.execute([create(), create("bob"), run("alice", "r1", 300)])
        noted = [
            ("alice", "alice", "one.org", 443, "passed"),
            ("alice", "alice/r1", "two.org", 80, "egress_denied"),
            ("bob", "bob", "three.org", 443, "passed"),
            ("", "", "four.org", 443, "egress_private"),
        ]
        for row in noted:
            store.one(NoteEgress(*row, "gw"))
    with Reader(URL, tmp_path) as reader:
        told = {
            name: [
                (one.account, one.host, one.port, one.outcome) for one in reached(reader, name, 9)
            ]
            for name in ("alice", "alice/r1", "bob", "", "nobody")
        }
        assert len(reached(reader, "alice", 1)) == 1
        monkeypatch.setattr(module, "REACH", 2)
        assert [one.host for one in reached(reader, "bob", 9)] == ["three.org"]
        assert reached(reader, "alice", 9) == []
    assert told == {
        "alice": [noted[1][1:], noted[0][1:]],
        "alice/r1": [noted[1][1:]],
        "bob": [noted[2][1:]],
        "": [noted[3][1:]],
        "nobody": [],
    }
