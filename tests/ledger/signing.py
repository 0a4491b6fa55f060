"""A ledger whose checkpoints are signed, and an attacker who may write anything into its file.

Owns: taking checkpoints in tests, the copies that lie outside, the attacker's connection.
Refuses to know: the attacks (attacks.py), what an audit should say.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ledger.audit import Finding, examine
from ledger.audit_checkpoints import Evidence
from ledger.chain import VERSION, event_hash
from ledger.checkpoint import Checkpoint, parse
from ledger.checkpoints import Taker, origin
from ledger.engine import connect
from ledger.events import Event
from ledger.note import Signer, generate_key
from ledger.read import Reader
from ledger.store import Store
from ledger.vouched import RESTORED
from tests.ledger.making import START, URL

Sql = Callable[..., list[tuple[object, ...]]]


def signer_of(base: Path) -> Signer:
    """A new key that signs the log in this directory."""
    with closing(connect(URL, base)) as engine:
        return Signer(origin(engine), generate_key())


def said(note: str) -> Checkpoint:
    """What a note says, whoever signed it."""
    return parse(note.partition("\n\n")[0] + "\n")


def recorded_restore(store: Store, replaced_seq: int, epoch: int = 1) -> None:
    """An event that says that the ledger was replaced, as the operator's act would write it."""
    ((seq, head),) = store.engine.rows("SELECT seq, event_hash FROM ledger_head")
    payload = f'{{"epoch":{epoch},"replaced_seq":{replaced_seq},"restore_id":"{epoch:02x}"}}'
    event = Event(seq + 1, START, None, None, RESTORED, payload)
    digest = event_hash(event, bytes.fromhex(head)).hex()
    store.engine.rows(
        "INSERT INTO event_log VALUES (?, ?, ?, NULL, NULL, ?, ?, ?, ?)",
        (seq + 1, VERSION, START, RESTORED, event.payload, head, digest),
    )
    store.engine.rows("UPDATE ledger_head SET seq = seq + 1, event_hash = ?", (digest,))


@dataclass
class Sealed:
    """A ledger in `base`, its key, the operator's own copies, and those of a witness."""

    base: Path
    signer: Signer
    local: list[str] = field(default_factory=list)
    local_vkeys: list[str] = field(default_factory=list)
    witnessed: list[str] = field(default_factory=list)
    witnessed_vkeys: list[str] = field(default_factory=list)

    def take(self) -> None:
        """A checkpoint, in the table, in the local file, and at the witness."""
        known = said(self.local[-1]) if self.local else None
        with closing(connect(URL, self.base)) as engine:
            taken = Taker(engine, self.signer).take(1, known)
        assert taken is not None
        self.local.append(taken.note)
        self.witnessed.append(taken.note)
        self.local_vkeys = self.witnessed_vkeys = [self.signer.vkey]

    def broken(self, witness: bool) -> list[Finding]:
        """The laws that an audit finds broken, with a witness's copies and key or without."""
        vkeys = self.witnessed_vkeys if witness else self.local_vkeys
        notes = [("local", note) for note in self.local]
        if witness:
            notes += [("witness", note) for note in self.witnessed]
        with Reader(URL, self.base) as reader:
            report = examine(reader, evidence=Evidence(tuple(vkeys), tuple(notes)))
        assert (report.mark is None) == (not report.holds)
        return [finding for finding in report.findings if not finding.holds]

    def copy(self, to: Path) -> Path:
        """The database file as it is now, somewhere else."""
        with self.sql() as run:
            run("VACUUM INTO ?", (str(to),))
        return to

    def put_back(self, kept: Path) -> None:
        """Replaces the database by a copy of before."""
        for suffix in ("", "-wal", "-shm"):
            (self.base / f"ledger.db{suffix}").unlink(missing_ok=True)
        shutil.copy(kept, self.base / "ledger.db")

    @contextmanager
    def sql(self) -> Iterator[Sql]:
        """The attacker's connection, with all triggers gone."""
        with closing(connect(URL, self.base)) as engine:
            for (name,) in engine.rows("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
                engine.rows(f"DROP TRIGGER {name}")
            yield engine.rows
