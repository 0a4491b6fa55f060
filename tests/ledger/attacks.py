"""The attacks of the tamper matrix, each as a function that is done to a sealed ledger.

Owns: what each attacker does. Those who know the format write books that agree with themselves:
they play another history into a new ledger of the same name, and put that in place of the old.
Refuses to know: whether it is found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger.admin_commands import Command, NoteGateway
from ledger.commands import Sealed as Answer
from tests.ledger import contract
from tests.ledger.making import Hand, commit, open_at
from tests.ledger.signing import Sealed, signer_of

Attack = Callable[[Sealed], None]
KEPT = Answer(sha256(b"sealed").hexdigest(), 6, 10**18, b"sealed")
# One answer of the story is kept for its idempotency key.
STORY: list[Command] = [
    replace(one, sealed=KEPT) if one == commit("e4", 1_700) else one for one in contract.STORY
]
REST = "version, time_ns, agent, execution_id, type, payload, prev_hash, event_hash"
# One call cost less than it did; all else is as it was.
CHEAPER: list[Command] = [
    replace(one, actual_nanousd=99) if one == commit("e1", 100, reason="Zürich ✓") else one
    for one in STORY
]


def play(base: Path, commands: Sequence[Command]) -> None:
    """A ledger with this history, a nanosecond a command: the same one whenever it is played."""
    hand = Hand()
    with closing(open_at(base, clock=hand.clock())) as store:
        for command in commands:
            hand.now += 1
            store.one(command)


def by_sql(*statements: str) -> Attack:
    """Edits rows."""

    def attack(sealed: Sealed) -> None:
        with sealed.sql() as run:
            for statement in statements:
                run(statement)

    return attack


def rewritten(commands: Sequence[Command]) -> Attack:
    """Puts a ledger of the same name with another history in place, and keeps the signed rows."""

    def attack(sealed: Sealed) -> None:
        with TemporaryDirectory() as directory:
            play(Path(directory), commands)
            forged = Sealed(Path(directory), sealed.signer).copy(sealed.base / "forged.db")
        with sealed.sql() as run:
            rows = run("SELECT size, root, time_ns, note FROM checkpoints")
        sealed.put_back(forged)
        with sealed.sql() as run:
            (end,) = run("SELECT seq FROM ledger_head")[0]
            for row in rows:
                # Rows that say more than the log has would give it away at once.
                if int(str(row[0])) <= int(str(end)):
                    run("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", row)

    return attack


def every_row(statement: str) -> Attack:
    """An edit of one column of the log, as SQL for the event with the number 12."""
    return by_sql(f"UPDATE event_log SET {statement} WHERE seq = 12")


def swap_agents(sealed: Sealed) -> None:
    """Each of two agents gets the events and the calls of the other."""
    other = "CASE agent WHEN 'alice' THEN 'bob' WHEN 'bob' THEN 'alice' ELSE agent END"
    by_sql(*(f"UPDATE {table} SET agent = {other}" for table in ("event_log", "executions")))(
        sealed
    )


def roll_back(sealed: Sealed) -> None:
    """Yesterday's file, whole and sound, is put in place of today's."""
    sealed.put_back(sealed.base / "old.db")


def roll_back_with_copies(sealed: Sealed) -> None:
    """The same, with the operator's own copies of checkpoints cut to what they were."""
    roll_back(sealed)
    del sealed.local[1:]


def fork(sealed: Sealed) -> None:
    """From an old copy on, things go another way, and further than they went."""
    half = len(STORY) // 2
    rewritten([*STORY[:half], NoteGateway("gw-1", "stopped"), *STORY[half:]])(sealed)


def replace_key(sealed: Sealed) -> None:
    """All is written anew, signed with another key, and the home says that it is the key."""
    rewritten(CHEAPER)(sealed)
    by_sql("DELETE FROM checkpoints")(sealed)
    forged = Sealed(sealed.base, signer_of(sealed.base))
    forged.take()
    sealed.local, sealed.local_vkeys = forged.local, forged.local_vkeys


COLUMNS: dict[str, Attack] = {
    "seq": every_row("seq = 1000"),
    "version": every_row("version = 2"),
    "time_ns": every_row("time_ns = time_ns + 1"),
    "agent": every_row("agent = 'bob'"),
    "execution_id": every_row("execution_id = 'e2'"),
    "type": every_row("type = 'execution.released'"),
    "payload": every_row("payload = replace(payload, '100', '001')"),
    "prev_hash": every_row(f"prev_hash = '{'0' * 64}'"),
    "event_hash": every_row(f"event_hash = '{'0' * 64}'"),
}


def _shift(by: int, after: int) -> tuple[str, str]:
    # In two steps, for no two rows may have one number, even for an instant.
    return (
        f"UPDATE event_log SET seq = -seq WHERE seq > {after}",
        f"UPDATE event_log SET seq = -seq + {by} WHERE seq < 0",
    )


# Each row of the matrix: the ways in which it is tried, all of which are to be found.
MATRIX: dict[str, list[Attack]] = {
    "edit each column": list(COLUMNS.values()),
    "delete in the middle": [
        by_sql("DELETE FROM event_log WHERE seq = 12"),
        by_sql(
            "DELETE FROM event_log WHERE seq = 12",
            *_shift(-1, 12),
            "UPDATE ledger_head SET seq = seq - 1",
        ),
    ],
    "insert": [
        by_sql(
            *_shift(1, 12),
            f"INSERT INTO event_log SELECT 13, {REST} FROM event_log WHERE seq = 12",
            "UPDATE ledger_head SET seq = seq + 1",
        ),
    ],
    "reorder": [
        by_sql(
            "UPDATE event_log SET seq = -12 WHERE seq = 12",
            "UPDATE event_log SET seq = 12 WHERE seq = 13",
            "UPDATE event_log SET seq = 13 WHERE seq = -12",
        )
    ],
    "renumber": [by_sql(*_shift(1, 12), "UPDATE ledger_head SET seq = seq + 1")],
    "truncate 1, k, all": [
        rewritten(STORY[:-1]),
        rewritten(STORY[:-9]),
        rewritten([]),
        by_sql("DELETE FROM event_log WHERE seq > 20", "UPDATE ledger_head SET seq = 20"),
        by_sql("DELETE FROM event_log"),
    ],
    "swap agents": [swap_agents],
    "edit counters and log together": [
        by_sql(
            "UPDATE event_log SET payload = replace(payload, '\"budget_nanousd\":50', "
            "'\"budget_nanousd\":99') WHERE type = 'agent.created' AND agent = 'bob'",
            "UPDATE agents SET budget_nanousd = 99 WHERE name = 'bob'",
        ),
    ],
    "edit budget or caps": [
        by_sql("UPDATE agents SET budget_nanousd = 99 WHERE name = 'bob'"),
        by_sql("UPDATE agents SET rpm = 9 WHERE name = 'bob'"),
        by_sql("UPDATE agents SET spent_nanousd = 9 WHERE name = 'bob'"),
    ],
    "re-chain everything": [rewritten(CHEAPER)],
    "roll back the database": [roll_back],
    "roll back database and local copies": [roll_back_with_copies],
    "fork the log": [fork],
    "replace the signing key": [replace_key],
    "edit the stored answers": [
        by_sql("UPDATE answers SET sealed = x'00'"),
        by_sql("UPDATE answers SET sealed = x'00', size = 1, digest = 'x'"),
        by_sql("UPDATE answers SET execution_id = 'e1'"),
        by_sql("UPDATE answers SET expires_at = expires_at + 1"),
        by_sql("DELETE FROM answers"),
    ],
    "delete an agent's row": [by_sql("DELETE FROM agents WHERE name = 'bob'")],
}

# What only a copy or a key that was kept elsewhere can show.
OUTSIDE_ONLY = {"roll back database and local copies", "replace the signing key"}
