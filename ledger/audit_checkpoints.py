"""The audit's view from outside: does the log begin with all that was ever signed of it?

Owns: the laws `checkpoints` (the ledger's own rows) and `outside` (copies kept elsewhere, which
show what the rows cannot: a tail cut off, an older copy, a log written anew, another log).
Refuses to know: where the copies came from, what events mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger import checkpoint
from ledger.checkpoint import Checkpoint
from ledger.errors import LedgerError
from ledger.read import Reader
from ledger.tree import Tree
from ledger.vouched import (
    RESTORED,
    Restore,
    Taken,
    cut_off,
    epoch_of,
    excused,
    origin_of,
    restores_in,
    rewritten,
)

Law = tuple[str, bool, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the log from elsewhere: verifier keys, and signed notes by their places."""

    vkeys: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def with_note(self, where: str, note: str) -> Evidence:
        """The same with one note more."""
        return Evidence(self.vkeys, (*self.notes, (where, note)))


@dataclass(slots=True)
class _Log:
    """What the stored hashes say: how many there are, and the roots at the sizes asked for."""

    size: int = 0
    root: bytes = b""
    roots: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """Both laws, each (name, whether it holds, detail), and the tree of the stored hashes."""

    laws: list[Law]
    size: int = 0
    root: bytes = b""


def check(reader: Reader, evidence: Evidence) -> Seen:
    """What the stored hashes say to what was signed. Reads the hash of every event."""
    stored = reader.checkpoints()
    try:
        origin = origin_of(_first(reader))
    except LedgerError as error:
        return Seen([("checkpoints", False, str(error))])
    copies, bad_copy = _verified(evidence.notes, evidence.vkeys, origin)
    log = _read(reader, {row.size for row in stored} | {one.size for _, one in copies})
    excuses = restores_in(reader.payloads(RESTORED)) if _contradicted(stored, copies, log) else []
    laws = [_stored(stored, evidence.vkeys, origin, log)]
    if evidence.notes:
        laws.append(_outside(copies, bad_copy, log, excuses))
    return Seen(laws, log.size, log.root)


def _first(reader: Reader) -> str:
    return next((logged.event.payload for logged in reader.log(upto=1)), "")


def _read(reader: Reader, sizes: set[int]) -> _Log:
    log, tree = _Log(), Tree()
    for seq, event_hash in reader.hashes():
        if not tree.grow(seq, event_hash):
            break
        if seq in sizes:
            log.roots[seq] = tree.root().hex()
    log.size, log.root = tree.size, tree.root()
    return log


def _verified(
    notes: Sequence[tuple[str, str]], vkeys: Sequence[str], origin: str
) -> tuple[list[tuple[str, Checkpoint]], str]:
    """The copies that verify, and the first problem of one that does not."""
    copies, problem = [], ""
    for where, note in notes:
        try:
            copies.append((where, checkpoint.verify(note, vkeys, origin)))
        except LedgerError as error:
            problem = problem or f"{where}: {error}"
    return copies, problem


def _contradicted(
    stored: Sequence[Taken], copies: Sequence[tuple[str, Checkpoint]], log: _Log
) -> bool:
    claims = [(row.size, row.root) for row in stored]
    claims += [(one.size, one.root.hex()) for _, one in copies]
    return any(log.roots.get(size) != root for size, root in claims)


def _stored(stored: Sequence[Taken], vkeys: Sequence[str], origin: str, log: _Log) -> Law:
    for row in stored:
        problem = _unsigned(row, vkeys, origin) or _contradiction(row.size, row.root, log)
        if problem:
            return "checkpoints", False, f"the checkpoint of {row.size} events: {problem}"
    if not stored:
        return "checkpoints", True, "none was taken yet"
    detail = f"{len(stored)} signed roots, the newest of {stored[-1].size} events"
    return "checkpoints", True, detail if vkeys else f"{detail}; signatures not checked: no key"


def _unsigned(row: Taken, vkeys: Sequence[str], origin: str) -> str:
    """What is wrong with a row's signature; without keys only its text is looked at."""
    try:
        if vkeys:
            said = checkpoint.verify(row.note, vkeys, origin)
        else:
            said = checkpoint.parse(row.note.partition("\n\n")[0] + "\n")
    except LedgerError as error:
        return str(error)
    if (said.size, said.root.hex()) != (row.size, row.root):
        return "the row says something else than its signed note"
    return ""


def _contradiction(size: int, root: str, log: _Log) -> str:
    if size > log.size:
        return cut_off(size, log.size)
    return "" if log.roots.get(size) == root else rewritten(size)


def _outside(
    copies: Sequence[tuple[str, Checkpoint]],
    bad_copy: str,
    log: _Log,
    excuses: Sequence[Restore],
) -> Law:
    replaced = 0
    # The largest first: it says how far the log must reach.
    for where, one in sorted(copies, key=lambda copy: -copy[1].size):
        problem = _contradiction(one.size, one.root.hex(), log)
        epoch = epoch_of(one.extension_lines)
        if problem and excused(one.size, epoch, excuses):
            replaced += 1
        elif problem:
            return "outside", False, f"{where}: {problem}{epoch.words()}"
    if bad_copy:
        return "outside", False, bad_copy
    newest = max(one.size for _, one in copies)
    detail = f"{len(copies)} copies, the newest of {newest} events"
    if replaced:
        detail += f"; {replaced} are of the log before the restore at event {excuses[-1].seq}"
    return "outside", True, detail
