"""Taking checkpoints: the tree over the stored event hashes, signed and kept beside the log.

Owns: a log's origin, the tree as it grows, and the rule that no root is signed that contradicts
an earlier one. Each checkpoint costs what was logged since the last one.
Refuses to know: when one is due, where keys and outside copies are kept.

The tree may come from where it was kept: the root that was signed vouches for its hashes, and the
event hash for its place in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ledger.checkpoint import Checkpoint, CheckpointError, parse
from ledger.engine import Engine
from ledger.errors import IntegrityBroken
from ledger.note import Signer, sign
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

_CHUNK = 5000


class _Claim(NamedTuple):
    """What was signed of a size: the root (hex), and the lines after it."""

    root: str
    extension: tuple[str, ...]


class Taker:
    """Takes the checkpoints of one ledger, over its own connection. Not thread-safe."""

    def __init__(self, engine: Engine, signer: Signer, tree: Tree | None = None) -> None:
        self._engine = engine
        self._signer = signer
        self.tree = tree or Tree()
        self.covered = 0

    def newest(self) -> Taken | None:
        """The newest one in the table."""
        rows = self._rows(
            "SELECT size, root, time_ns, note FROM checkpoints ORDER BY size DESC LIMIT 1"
        )
        return Taken(*rows[0]) if rows else None

    def waiting(self) -> int:
        """How many events were logged since the last look."""
        return head_seq(self._engine) - self.covered

    def take(self, now: int, known: Checkpoint | None = None) -> Taken | None:
        """A checkpoint of the log as it is now; None where the newest one covers it.

        `known` is the newest one outside the database. Raises IntegrityBroken, and signs nothing,
        where the log does not begin with what was signed before.
        """
        head = head_seq(self._engine)
        newest = self.newest()
        signed = {} if newest is None else {newest.size: _row_claim(newest)}
        if known is not None:
            claim = _Claim(known.root.hex(), known.extension_lines)
            if signed.setdefault(known.size, claim).root != claim.root:
                self._contradicted(known.size, claim)
        if signed and max(signed) > head:
            signed = self._unexcused(signed, head)
        self.covered = head
        if newest is not None and newest.size == head:
            return None
        self._continue(signed, head)
        self._grow(signed, head)
        tree = self.tree
        text = Checkpoint(self._signer.name, head, tree.root(), tree.extension).text()
        taken = Taken(head, tree.root().hex(), now, sign(text, self._signer))
        self._write(taken)
        return taken

    def _unexcused(self, signed: Mapping[int, _Claim], head: int) -> dict[int, _Claim]:
        excuses = restores(self._engine)
        kept = {
            size: claim
            for size, claim in signed.items()
            if not excused(size, epoch_of(claim.extension), excuses)
        }
        if kept and max(kept) > head:
            raise IntegrityBroken(cut_off(max(kept), head))
        return kept

    def _continue(self, signed: Mapping[int, _Claim], head: int) -> None:
        """Keeps the tree if a signed root vouches for it and the log still runs through it."""
        tree = self.tree
        rows = self._rows(
            "SELECT size, root, time_ns, note FROM checkpoints WHERE size = ?", (tree.size,)
        )
        claims = {signed.get(tree.size), *(_row_claim(Taken(*row)) for row in rows)}
        vouched = claims - {None} == {_Claim(tree.root().hex(), tree.extension)}
        if not (vouched and tree.size <= head and hash_at(self._engine, tree.size) == tree.head):
            self.tree = Tree()

    def _grow(self, signed: Mapping[int, _Claim], head: int) -> None:
        tree = self.tree
        while tree.size < head:
            rows = self._rows(
                "SELECT seq, event_hash, CASE WHEN type = ? THEN payload END FROM event_log "
                "WHERE seq > ? AND seq <= ? ORDER BY seq",
                (RESTORED, tree.size, min(head, tree.size + _CHUNK)),
            )
            for seq, event_hash, restored in rows or [(0, "", None)]:
                if not tree.grow(seq, event_hash):
                    raise IntegrityBroken(f"event {tree.size + 1} is missing, or has no hash")
                if restored is not None:
                    for restore in restores_in([(seq, restored)]):
                        tree.extension = restore.epoch.lines()
                claim = signed.get(seq)
                if claim is not None and claim.root != tree.root().hex():
                    self._contradicted(seq, claim)

    def _contradicted(self, size: int, claim: _Claim) -> None:
        epoch = epoch_of(claim.extension)
        if not excused(size, epoch, restores(self._engine)):
            self.tree = Tree()
            raise IntegrityBroken(rewritten(size) + epoch.words())

    def _write(self, taken: Taken) -> None:
        engine = self._engine
        engine.begin()
        try:
            # Another gateway, or `aex checkpoint`, may have taken the same one.
            engine.many(
                "INSERT INTO checkpoints (size, root, time_ns, note) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (size) DO NOTHING",
                [(taken.size, taken.root, taken.time_ns, taken.note)],
            )
            engine.commit()
        except BaseException:
            engine.rollback()
            raise

    def _rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return _read(self._engine, sql, params)


def _row_claim(row: Taken) -> _Claim:
    """What a row says; nobody has checked its signature."""
    try:
        said = parse(row.note.partition("\n\n")[0] + "\n").extension_lines
    except CheckpointError:
        said = ("no checkpoint",)
    return _Claim(row.root, said)


def refuse_rollback(engine: Engine, known: Checkpoint, tree: Tree) -> None:
    """Raises IntegrityBroken where the log ends before, or runs past, what was signed outside.

    One look at one event: `tree` is the one whose root `known` signed, else only the length of
    the log is looked at.
    """
    head = head_seq(engine)
    if head < known.size:
        problem = cut_off(known.size, head)
    elif (tree.size, tree.root()) != (known.size, known.root):
        return
    elif hash_at(engine, tree.size) != tree.head:
        problem = rewritten(known.size)
    else:
        return
    epoch = epoch_of(known.extension_lines)
    if not excused(known.size, epoch, restores(engine)):
        raise IntegrityBroken(problem + epoch.words())


def head_seq(engine: Engine) -> int:
    """How many events the log has."""
    rows = _read(engine, "SELECT seq FROM ledger_head WHERE id = 1")
    if not rows:
        raise IntegrityBroken("the head of the log is missing")
    return int(rows[0][0])


def origin(engine: Engine) -> str:
    """The name under which this ledger's log is signed."""
    rows = _read(engine, "SELECT payload FROM event_log WHERE seq = 1")
    return origin_of(rows[0][0] if rows else "")


def hash_at(engine: Engine, seq: int) -> str:
    """The hash of one event as the log holds it; "" where there is none."""
    rows = _read(engine, "SELECT event_hash FROM event_log WHERE seq = ?", (seq,))
    return str(rows[0][0]) if rows else ""


def restores(engine: Engine) -> list[Restore]:
    """The restores that the log records. Reads the whole log."""
    sql = "SELECT seq, payload FROM event_log WHERE type = ? ORDER BY seq"
    return restores_in((seq, payload) for seq, payload in _read(engine, sql, (RESTORED,)))


def _read(engine: Engine, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    try:
        return engine.rows(sql, params)
    finally:
        # Ends the transaction that reading began on PostgreSQL.
        engine.rollback()
