"""Laws of the audit on forged logs, re-linked by somebody who knows the format.

Such a log is sound as a chain; what can still show is that it makes no sense.
"""

from __future__ import annotations

import pytest

from ledger import events
from ledger.admin_commands import DeleteAgent
from ledger.admission import _facts
from ledger.audit import audit
from ledger.chain import GENESIS, extend
from ledger.events import Event, canonical
from ledger.read import Reader
from ledger.state import Token
from ledger.store import Store
from ledger.writing import _log_row
from tests.ledger.making import admit, commit, create


def forge(store: Store, reader: Reader, change: dict[int, tuple[str, str]]) -> None:
    """Gives events other types and payloads, and links the log anew."""
    history = [
        Event(e.seq, e.time_ns, e.agent, e.execution_id, *change.get(e.seq, (e.type, e.payload)))
        for e in (logged.event for logged in reader.log())
    ]
    for name in ("event_log_no_update", "event_log_no_delete"):
        store.engine.rows(f"DROP TRIGGER {name}")
    linked = extend(history, GENESIS)
    store.engine.rows("DELETE FROM event_log")
    store.engine.many(store._writer._insert_event, [_log_row(*link) for link in linked])
    store.engine.rows("UPDATE ledger_head SET event_hash = ?", (linked[-1][2].hex(),))


NO_RATES = canonical(
    _facts(admit("e1"), Token("", "", "", "", "", 0, 0, 0, "alice"))
    | {"output_tokens_cap": 0, "rates": [], "reserved_nanousd": 1}
)
RELEASED = '{"proof":"p","status_code":0}'


@pytest.mark.parametrize(
    ("change", "law", "told"),
    [
        ({5: (events.DISPATCHED, "[]"), 4: (events.RESERVED, "[]")}, "replay", "TypeError"),
        ({4: (events.RESERVED, '{"rates":[]}')}, "replay", "KeyError"),
        ({4: (events.RESERVED, NO_RATES)}, "replay", "AttributeError"),
        ({2: (events.GATEWAY_STARTED, "{}")}, "replay", "cannot be replayed"),
        ({4: (events.RESERVED, "no json")}, "replay", "JSONDecodeError"),
        ({5: (events.RELEASED, RELEASED)}, "replay", "holds never go below nothing"),
        ({6: (events.RELEASED, RELEASED)}, "agents", "spent_nanousd is 60, by the log 0"),
    ],
)
def test_what_makes_no_sense_is_found(
    store: Store,
    reader: Reader,
    change: dict[int, tuple[str, str]],
    law: str,
    told: str,
) -> None:
    """A re-linked log that cannot be replayed, or not to these tables, is found."""
    store.execute([create(), admit("e1"), commit("e1", 60), commit("e1", 60), admit("e2")])
    store.execute([DeleteAgent("alice", "operator")])
    forge(store, reader, change)
    found = {finding.law: finding for finding in audit(reader)}
    assert found["chain"].holds
    assert found["head"].holds
    assert not found[law].holds
    assert told in found[law].detail


def test_a_second_end_of_nothing_is_found(store: Store, reader: Reader) -> None:
    """A forged second end is found even where the amount is nothing and no balance shows it."""
    store.execute([create(), admit("e1", fixed=0), commit("e1", 0), admit("e2", fixed=0)])
    committed = next(e.event for e in reader.log() if e.event.type == events.COMMITTED)
    history = [logged.event for logged in reader.log()]
    history.append(
        Event(
            len(history) + 1, history[-1].time_ns, "alice", "e1", committed.type, committed.payload
        )
    )
    store.engine.many(
        store._writer._insert_event, [_log_row(*link) for link in extend(history, GENESIS)[-1:]]
    )
    digest = extend(history, GENESIS)[-1][2].hex()
    store.engine.rows("UPDATE ledger_head SET seq = seq + 1, event_hash = ?", (digest,))
    found = {finding.law: finding.detail for finding in audit(reader) if not finding.holds}
    assert found["settled once"] == "twice: e1"
