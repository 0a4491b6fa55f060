"""Restore: an earlier state becomes the ledger, and the log says so.

Owns: the order of the act. The back-up is copied beside the ledger, brought to this program's
schema and audited as a whole; `ledger.restored` is appended to that copy; what it replaces is
kept under another name; only then does the copy take its place.
Refuses to know: whether a gateway runs (the caller holds the home's lock), who agreed.

There is no moment at which the ledger is the earlier state without the event that records it.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw

from ledger.admin_commands import NoteRestore
from ledger.audit import audit
from ledger.backup import (
    Progress,
    copy_ledger,
    copy_pages,
    examine,
    ledger_file,
    single_file,
)
from ledger.chain import GENESIS
from ledger.clock import KernelClock
from ledger.engine import connect, migrate
from ledger.engine_sqlite import sqlite_errors
from ledger.errors import CommandRefused, IntegrityBroken, LedgerBusy, LedgerError
from ledger.files import SIDE_FILES, draft, publish, scratch, stamp
from ledger.logged import Head
from ledger.outcomes import Rejected
from ledger.read import Reader
from ledger.store import Store
from ledger.vouched import RESTORED, restores_in

_PATIENCE_MS = 5000


@dataclass(frozen=True, slots=True)
class Plan:
    """A back-up that was found sound, and what it would replace.

    `copy` is the one that was audited. `current` is the ledger's head, None where there is no
    ledger that can be read; `earlier` says whether the back-up is an earlier state of it.
    """

    copy: Path
    target: Path
    backup: Head
    current: Head | None
    earlier: bool


@dataclass(frozen=True, slots=True)
class RestoreInfo:
    """The ledger after a restore, and where what it replaced is kept (None: nothing was there).

    replaced_seq and replaced_hash are what the event says: 0 and 64 zeros where there was no
    ledger, 0 and "" where it could not be read.
    """

    events: int
    head_hash: str
    epoch: int
    restore_id: str
    replaced_file: Path | None
    replaced_seq: int
    replaced_hash: str


@contextmanager
def planned(source: Path, url: str, base: Path, progress: Progress | None = None) -> Iterator[Plan]:
    """Copies and verifies a back-up; changes neither it nor the ledger.

    Raises LedgerError: IntegrityBroken where the back-up is damaged or its books do not hold.
    """
    command = "pg_restore --clean --if-exists --dbname={url} {file}"
    target = ledger_file(url, base, command, shlex.quote(str(source)))
    if not source.is_file():
        raise LedgerError(f"there is no file {source}")
    if target.exists() and source.samefile(target):
        raise LedgerError(f"{source} is the ledger itself; name a back-up")
    with scratch(target) as copy:
        copy_ledger(source, copy, progress)
        _verify(copy, progress)
        with _reader(copy) as reader:
            head = reader.head()
        current = _head_of(target)
        yield Plan(copy, target, head, current, _holds(target, head))


def restore(
    plan: Plan,
    *,
    actor: str,
    reason: str,
    signed_seq: int = 0,
    signed_epoch: int = 0,
    clock: KernelClock | None = None,
    progress: Progress | None = None,
) -> RestoreInfo:
    """Carries the plan out. Raises LedgerBusy while anybody else has the ledger open.

    signed_seq and signed_epoch: how far outside checkpoints go, where the ledger itself may be
    gone; the record excuses the log from all of them, and its epoch is later than theirs. After
    an error the ledger is the one it was, or the restored one with the old one beside it.
    """
    clock = clock or KernelClock()
    latest = max(signed_epoch, _epoch(plan.copy), _epoch(plan.target))
    note = NoteRestore(actor, reason, 0, "", secrets.token_hex(16), signed_seq, latest)
    aside = plan.target.with_name(f"{plan.target.name}.replaced-{stamp(clock())}")
    existed = plan.target.exists()
    live = _seize(plan.target) if existed else None
    if live is None:
        replaced = Head(0, "" if existed else GENESIS.hex(), 0)
        info = _record(plan.copy, note, replaced, clock, aside if existed else None)
        _put_aside(plan.target, aside)
        publish(plan.copy, plan.target, overwrite=False)
        return info
    with closing(live):
        # Once more, for it may have grown since the plan was made; from here on it cannot.
        replaced = _head_in(live) or Head(0, "", 0)
        info = _record(plan.copy, note, replaced, clock, aside)
        with sqlite_errors():
            _exchange(live, plan.copy, aside, progress)
    return info


def _verify(copy: Path, progress: Progress | None) -> None:
    examine(copy)
    with closing(connect(f"sqlite:///{copy.absolute()}", Path("/"))) as engine:
        migrate(engine)
    single_file(copy)
    with _reader(copy) as reader:
        events = reader.head().seq
        watch = None if progress is None else lambda done: progress("auditing", done, events)
        for finding in audit(reader, watch):
            if not finding.holds:
                raise IntegrityBroken(
                    f"{finding.law}: {finding.detail}; nothing was restored from the back-up"
                )


def _reader(path: Path) -> Reader:
    return Reader(f"sqlite:///{path.absolute()}", Path("/"))


def _head_in(database: apsw.Connection) -> Head | None:
    try:
        row: Any = database.execute("SELECT seq, event_hash, time_ns FROM ledger_head").fetchone()
    except apsw.Error:
        return None
    return Head(*row) if row else None


def _head_of(path: Path) -> Head | None:
    try:
        with _reader(path) as reader:
            return reader.head()
    except LedgerError:
        return None


def _holds(path: Path, head: Head) -> bool:
    try:
        with _reader(path) as reader:
            logged = next(reader.log(after=head.seq - 1), None)
    except LedgerError:
        return False
    return logged is not None and logged.digest.hex() == head.event_hash


def _seize(path: Path) -> apsw.Connection | None:
    """The ledger, open to nobody else; None where SQLite finds no database in the file."""
    with sqlite_errors():
        live = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            live.set_busy_timeout(_PATIENCE_MS)
            # Leaving the WAL takes that nobody else is there; the lock keeps it so.
            live.execute("PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE")
            live.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
            ((mode,),) = live.execute("PRAGMA journal_mode").fetchall()
        except (apsw.NotADBError, apsw.CorruptError):
            live.close()
            return None
        except apsw.BusyError:
            live.close()
            raise LedgerBusy(
                f"another process has {path} open; end it, or try again in a moment"
            ) from None
        if mode != "delete":
            live.close()
            raise LedgerBusy(f"another process has opened {path} just now; try again")
        # A WAL again, of this process alone: what a crash leaves half-written in it is ignored.
        live.execute("PRAGMA journal_mode = WAL")
    return live


def _epoch(path: Path) -> int:
    """The latest epoch that a log knows of; 0 where it cannot be read."""
    try:
        with _reader(path) as reader:
            known = restores_in(reader.payloads(RESTORED))
    except LedgerError:
        return 0
    return max((one.epoch.number for one in known), default=0)


def _record(
    copy: Path, note: NoteRestore, replaced: Head, clock: KernelClock, aside: Path | None
) -> RestoreInfo:
    """Appends the event to the copy, which nobody else knows of."""
    note = replace(note, replaced_seq=replaced.seq, replaced_hash=replaced.event_hash)
    with closing(Store(connect(f"sqlite:///{copy.absolute()}", Path("/")), clock)) as store:
        outcome = store.one(note)
    if isinstance(outcome, Rejected):
        raise CommandRefused(outcome.message)
    single_file(copy)
    with _reader(copy) as reader:
        head = reader.head()
        (logged,) = reader.log(after=head.seq - 1)
    said = logged.event.data()
    return RestoreInfo(
        events=head.seq,
        head_hash=head.event_hash,
        epoch=said["epoch"],
        restore_id=said["restore_id"],
        replaced_file=aside,
        replaced_seq=replaced.seq,
        replaced_hash=replaced.event_hash,
    )


def _exchange(live: apsw.Connection, copy: Path, aside: Path, progress: Progress | None) -> None:
    """Keeps the ledger's pages in `aside` and writes the copy's over them, in one transaction.

    The file itself stays, so that a process that waits to open it finds the new ledger.
    """
    replaced = _head_in(live)
    with draft(aside) as kept:
        with closing(apsw.Connection(str(kept))) as database:
            copy_pages(live, database, "keeping the old ledger", progress)
        single_file(kept)
    try:
        with closing(apsw.Connection(str(copy))) as database:
            copy_pages(database, live, "restoring", progress)
    except BaseException:
        # Where the exchange took place after all, this is the only copy of the old ledger.
        if _head_in(live) == replaced:
            aside.unlink()
        raise


def _put_aside(target: Path, aside: Path) -> None:
    """Renames what cannot be opened, with what belongs to it."""
    for suffix in (*SIDE_FILES, ""):
        found = Path(f"{target}{suffix}")
        if found.exists():
            found.rename(f"{aside}{suffix}")
