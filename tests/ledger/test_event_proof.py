"""A proof shows one event to whoever has the public key, and nothing forged passes."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import IntegrityBroken
from ledger.event_proof import prove, verify
from ledger.logged import Logged
from ledger.note import Signer, generate_key
from ledger.proof import ProofError
from ledger.read import Reader
from ledger.store import Store
from tests.ledger.contract import STORY
from tests.ledger.making import Hand
from tests.ledger.signing import Sealed, signer_of


@pytest.fixture
def sealed(store: Store, tmp_path: Path, hand: Hand) -> Sealed:
    """A signed story."""
    for command in STORY:
        hand.now += 1
        store.one(command)
    made = Sealed(tmp_path, signer_of(tmp_path))
    made.take()
    return made


def proof_of(reader: Reader, logged: Logged) -> str:
    """The text of a proof in the newest checkpoint."""
    newest = reader.checkpoints(newest=True)[0]
    return prove(reader, logged, newest.size, newest.note).render()


def altered(text: str, **changes: Any) -> str:
    """The proof with other words about the event."""
    head, _, rest = text.partition("\nextra ")
    encoded, _, tail = rest.partition("\n")
    said = json.loads(b64decode(encoded)) | changes
    return f"{head}\nextra {b64encode(json.dumps(said).encode()).decode()}\n{tail}"


def test_every_event_can_be_proven(sealed: Sealed, reader: Reader) -> None:
    """Each event of the log comes back whole from its proof, with the hash that the log has."""
    for logged in reader.log():
        proven = verify(proof_of(reader, logged), [sealed.signer.vkey])
        assert (proven.event, proven.event_hash) == (logged.event, logged.digest)
        assert (proven.checkpoint.origin, proven.checkpoint.size) == ("aex/test", reader.head().seq)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"payload": '{"actual_nanousd":1}'}, "Checking the inclusion"),
        ({"agent": "bob"}, "Checking the inclusion"),
        ({"agent": None}, "Checking the inclusion"),
        ({"execution_id": "e2"}, "Checking the inclusion"),
        ({"time_ns": "7"}, "Checking the inclusion"),
        ({"type": "execution.released"}, "Checking the inclusion"),
        ({"prev_hash": "00" * 32}, "Checking the inclusion"),
        ({"seq": 3}, "Checking the place"),
        ({"version": 2}, "of no format"),
        ({"seq": -1}, "of no format"),
        ({"time_ns": str(2**70)}, "of no format"),
        ({"prev_hash": "00"}, "of no format"),
        ({"payload": "no json"}, "holds no event"),
        ({"prev_hash": 7}, "holds no event"),
    ],
)
def test_no_other_event_passes(
    sealed: Sealed, reader: Reader, changes: dict[str, Any], told: str
) -> None:
    """Whatever is altered in the event, the step that fails is named."""
    text = proof_of(reader, reader.story("e1")[-1])
    assert verify(altered(text), [sealed.signer.vkey]).event.execution_id == "e1"
    with pytest.raises(ProofError, match=told):
        verify(altered(text, **changes), [sealed.signer.vkey])


def test_no_other_key_passes(sealed: Sealed, reader: Reader) -> None:
    """A key of another log or of somebody else, or none, proves nothing."""
    text = proof_of(reader, reader.story("e1")[-1])
    stranger = Signer("aex/test", generate_key()).vkey
    other_log = Signer("aex/other", sealed.signer.private_key).vkey
    for vkeys in ([], [stranger], [other_log]):
        with pytest.raises(ProofError, match="Checking the signature failed"):
            verify(text, vkeys)
    assert verify(text, [other_log, stranger, sealed.signer.vkey])


def test_without_an_event(sealed: Sealed, reader: Reader) -> None:
    """A proof whose extra line is gone says nothing."""
    lines = proof_of(reader, reader.story("e1")[-1]).split("\n")
    with pytest.raises(ProofError, match="holds no event"):
        verify("\n".join([lines[0], *lines[2:]]), [sealed.signer.vkey])


def test_a_log_with_a_hole_proves_nothing(sealed: Sealed, store: Store, reader: Reader) -> None:
    """Where events of the checkpoint are missing, no proof is made."""
    logged = reader.story("e1")[-1]
    store.engine.rows("DROP TRIGGER event_log_no_delete")
    store.engine.rows("DELETE FROM event_log WHERE seq = 30")
    with pytest.raises(IntegrityBroken, match="lacks events"):
        proof_of(reader, logged)
