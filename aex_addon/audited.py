"""Where the last audit of this home ended, so that the next one need not begin at the first event.

Owns: both files in the folder `checkpoints`: `audited`, a signed checkpoint whose first extension
line names the hash of the state, and `audited.state`, the state itself.
Refuses to know: what an audit looks at.

The checkpoint key signs, so whoever can only write files cannot have the audit begin at a state
of their making. Whoever holds the key could: doubts about the home ask for `aex audit --full`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from aex_addon.home import Home
from aex_addon.keys import existing_signer
from aex_addon.version import version
from certs.files import PRIVATE, private_directory, write_whole
from ledger.audit import Report
from ledger.audit_mark import Mark, pack, unpack
from ledger.checkpoint import Checkpoint, verify
from ledger.errors import LedgerError
from ledger.note import sign
from ledger.vouched import Epoch

_NOTE = "audited"
_STATE = "audited.state"
_SHARE = 10

# A log below this is read from its first event within a second or two.
WORTH_EVENTS = 50_000


def load(home: Home, vkeys: Sequence[str], origin: str) -> tuple[Mark, str] | None:
    """The mark and its signed note; None where there is none that this program can use."""
    try:
        note = (home.checkpoints / _NOTE).read_text(encoding="utf-8")
        state = (home.checkpoints / _STATE).read_bytes()
        said = verify(note, vkeys, origin)
    except (FileNotFoundError, UnicodeError, LedgerError):
        return None
    if said.extension_lines[:1] != (_line(state),):
        return None
    mark = unpack(state, version())
    return (mark, note) if mark is not None and mark.seq == said.size else None


def save(home: Home, report: Report, origin: str) -> bool:
    """Keeps where a sound audit ended, if that saves the next one enough; whether it did."""
    mark = report.mark
    if mark is None or mark.seq < WORTH_EVENTS:
        return False
    if (mark.seq - report.since) * _SHARE < mark.seq:
        return False
    signer = existing_signer(home, origin)
    if signer is None:
        return False
    state = pack(mark, version())
    # The epoch, as in every checkpoint, or a later roll-back would pass for the restore.
    extension = (_line(state), *Epoch(mark.state.epoch).lines())
    text = Checkpoint(origin, mark.seq, report.root, extension).text()
    private_directory(home.checkpoints)
    write_whole(home.checkpoints / _STATE, state, PRIVATE)
    write_whole(home.checkpoints / _NOTE, sign(text, signer).encode(), PRIVATE)
    return True


def _line(state: bytes) -> str:
    return f"aex-audited-state sha256:{sha256(state).hexdigest()}"
