"""Opening a ledger: connect, migrate, begin the log, and look before serving.

Owns: what must hold before the first command may be given.
Refuses to know: who opens it.
"""

from __future__ import annotations

from pathlib import Path

from ledger.audit import Finding, audit
from ledger.clock import KernelClock
from ledger.engine import connect, migrate
from ledger.errors import IntegrityBroken
from ledger.log_end import check_end
from ledger.read import Reader
from ledger.store import Store

# A start reads at most this many events; `aex audit` reads them all.
QUICK_EVENTS = 20_000


def open_store(
    url: str,
    base: Path,
    *,
    ledger_id: str,
    version: str,
    busy_timeout_ms: int = 5000,
    clock: KernelClock | None = None,
) -> Store:
    """A store on a migrated ledger whose log has begun.

    `ledger_id` names the ledger if it is new. busy_timeout_ms 0 never waits for another writer.
    Raises LedgerError.
    """
    engine = connect(url, base, busy_timeout_ms)
    try:
        migrate(engine)
        store = Store(engine, clock)
        store.create(ledger_id, version)
    except BaseException:
        engine.close()
        raise
    return store


def quick_check(reader: Reader, events: int = QUICK_EVENTS) -> None:
    """Raises IntegrityBroken unless the end of the log is sound and is the head.

    A log of up to `events` events gets the whole audit instead.
    """
    if reader.head().seq > events:
        with reader.snapshot():
            check_end(reader, events)
        return
    broken = [finding for finding in audit(reader) if not finding.holds]
    if broken:
        raise IntegrityBroken(_sentence(broken[0]))


def _sentence(finding: Finding) -> str:
    return f"{finding.law}: {finding.detail}; `aex audit` shows all that is wrong"
