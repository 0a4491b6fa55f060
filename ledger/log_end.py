"""The end of the log: is it sound, and is it the head?

Owns: the look that costs the same however long the log is.
Refuses to know: what else an audit asks (audit.py), when anybody looks.
"""

from __future__ import annotations

from ledger.chain import Link
from ledger.errors import IntegrityBroken
from ledger.read import Reader


def check_end(reader: Reader, events: int) -> None:
    """Raises IntegrityBroken unless the last `events` events are a chain up to the head.

    To be asked inside a snapshot.
    """
    head = reader.head()
    first = max(head.seq - events, 0)
    link: Link | None = None
    for logged in reader.log(after=first):
        event = logged.event
        link = link or Link(first, logged.prev, event.time_ns)
        if not link.check(event, logged.prev, logged.digest, logged.version):
            raise IntegrityBroken(_sentence("chain", link.broken))
    if link is None or (link.seq, link.head.hex()) != (head.seq, head.event_hash):
        raise IntegrityBroken(_sentence("head", "the log does not end at its head"))


def _sentence(law: str, detail: str) -> str:
    return f"{law}: {detail}; `aex audit` shows all that is wrong"
