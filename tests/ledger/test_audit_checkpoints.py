"""Laws of the audit's view from outside: true copies pass, each false one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.audit_checkpoints import Evidence, Law, check
from ledger.checkpoint import Checkpoint
from ledger.note import Signer, generate_key, sign
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.making import create
from tests.ledger.signing import Sealed, recorded_restore, signer_of


@pytest.fixture
def sealed(store: Store, tmp_path: Path) -> Sealed:
    """A ledger with checkpoints of 1 and of 3 events, and one event more."""
    made = Sealed(tmp_path, signer_of(tmp_path))
    made.take()
    store.one(create("a"))
    made.take()
    return made


def laws(reader: Reader, sealed: Sealed, *notes: str, **changes: tuple[str, ...]) -> list[Law]:
    """What is found with these copies, and the key unless another is given."""
    vkeys = changes.get("vkeys", (sealed.signer.vkey,))
    places = tuple((f"copy {number}", note) for number, note in enumerate(notes))
    return check(reader, Evidence(vkeys, places)).laws


def test_true_copies_pass(sealed: Sealed, reader: Reader) -> None:
    """Each law says what it counted; without copies there is but one."""
    stored = ("checkpoints", True, "2 signed roots, the newest of 3 events")
    outside = ("outside", True, "2 copies, the newest of 3 events")
    assert laws(reader, sealed, *sealed.local) == [stored, outside]
    assert laws(reader, sealed) == [stored]
    ((_, holds, detail),) = laws(reader, sealed, vkeys=())
    assert (holds, detail) == (True, f"{stored[2]}; signatures not checked: no key")


def test_a_ledger_without_checkpoints(store: Store, reader: Reader) -> None:
    """It breaks no law, and the line says so."""
    assert check(reader, Evidence()).laws == [("checkpoints", True, "none was taken yet")]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"UPDATE checkpoints SET root = '{'0' * 64}' WHERE size = 3", "says something else"),
        ("UPDATE checkpoints SET size = 2 WHERE size = 3", "says something else"),
        ("UPDATE checkpoints SET note = 'x' WHERE size = 1", "of 1 events: The note is malformed"),
        ("UPDATE checkpoints SET note = replace(note, 'aex/test', 'aex/other')", "no signature"),
        ("UPDATE event_log SET payload = '{}' WHERE seq = 1", "which ledger this is"),
        ("DELETE FROM event_log WHERE seq = 1", "which ledger this is"),
        ("DELETE FROM event_log WHERE seq = 3", "the log has 2 events, but 3 were signed"),
        ("UPDATE event_log SET event_hash = 'x' WHERE seq = 2", "the log has 1 events"),
        (f"UPDATE event_log SET event_hash = '{'ab' * 32}' WHERE seq = 2", "was rewritten"),
    ],
)
def test_what_the_rows_show(sealed: Sealed, reader: Reader, statement: str, told: str) -> None:
    """An edit of a checkpoint, or of the hashes below one, is named with the size."""
    with sealed.sql() as run:
        run(statement)
    law, holds, detail = laws(reader, sealed)[0]
    assert (law, holds) == ("checkpoints", False)
    assert told in detail


def test_what_copies_show(sealed: Sealed, reader: Reader) -> None:
    """A copy of more events, of other ones, of another log or by another key is an alarm."""
    other_key = Signer("aex/test", generate_key())
    cases = [
        (sign(Checkpoint("aex/test", 9, b"r" * 32).text(), sealed.signer), "but 9 were signed"),
        (sign(Checkpoint("aex/test", 2, b"r" * 32).text(), sealed.signer), "the first 2 events"),
        (sign(Checkpoint("aex/x", 1, b"r" * 32).text(), sealed.signer), "of the log 'aex/x'"),
        (sign(Checkpoint("aex/test", 1, b"r" * 32).text(), other_key), "no signature of a known"),
        ("", "copy 2: The note is malformed"),
    ]
    for note, told in cases:
        law, holds, detail = laws(reader, sealed, *sealed.local, note)[1]
        assert (law, holds) == ("outside", False)
        assert detail.startswith("copy 2: ")
        assert told in detail


def test_a_recorded_restore_is_no_alarm(sealed: Sealed, store: Store, reader: Reader) -> None:
    """Copies of the log that a restore replaced are counted, those outside its range alarm."""
    recorded_restore(store, replaced_seq=9)
    replaced = sign(Checkpoint("aex/test", 9, b"r" * 32).text(), sealed.signer)
    later = sign(Checkpoint("aex/test", 10, b"r" * 32).text(), sealed.signer)
    earlier = sign(Checkpoint("aex/test", 2, b"r" * 32).text(), sealed.signer)
    _, holds, detail = laws(reader, sealed, *sealed.local, replaced)[1]
    assert holds
    assert detail.endswith("; 1 are of the log before the restore at event 4")
    assert not laws(reader, sealed, later)[1][1]
    assert not laws(reader, sealed, earlier)[1][1]


def test_the_tree_is_given_on(sealed: Sealed, reader: Reader) -> None:
    """Size and root of what was read come with the laws."""
    seen = check(reader, Evidence())
    assert (seen.size, seen.root.hex()) == (3, reader.checkpoints(newest=True)[0].root)
