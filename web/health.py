"""`/health`: can this gateway serve, and are its books sound; `/health/live`: is it there at all.

Owns: what makes a gateway ready, in words that tell no secret, for anybody may ask.
Refuses to know: what is done about it.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from ledger.activity import ActivityReader
from ledger.errors import IntegrityBroken, LedgerError
from ledger.log_end import check_end
from web.handed import Handed

# The start has checked the log; what is asked every few seconds looks at its end.
_EVENTS = 32


def health(handed: Handed) -> Blueprint:
    """The two pages."""
    pages = Blueprint("health", __name__)

    @pages.get("/health")
    def ready() -> tuple[Response, int]:
        """200 while calls can be served: ledger, chain and configuration are sound."""
        found = dict(handed.about())
        found |= _books(handed)
        wrong = handed.config()
        found["config"] = {"ok": not wrong, **({"error": wrong} if wrong else {})}
        sound = all(found[part]["ok"] for part in ("ledger", "chain", "config"))
        ok = sound and not found.get("draining")
        return jsonify({"status": "ok" if ok else "unavailable", **found}), 200 if ok else 503

    @pages.get("/health/live")
    def live() -> Response:
        """200 as long as the process answers, whatever it cannot do."""
        return jsonify({"status": "alive"})

    return pages


def _books(handed: Handed) -> dict[str, Any]:
    try:
        with handed.open_reader() as reader, reader.snapshot():
            seq = reader.head().seq
            broken = chain_trouble(reader)
    except LedgerError as error:
        unknown = {"ok": False, "error": "unknown while the ledger cannot be read"}
        return {"ledger": {"ok": False, "error": str(error)}, "chain": unknown}
    chain = {"ok": not broken, **({"error": broken} if broken else {})}
    return {"ledger": {"ok": True, "events": seq}, "chain": chain}


def chain_trouble(reader: ActivityReader) -> str:
    """What is wrong with the end of the log; "" for nothing."""
    try:
        check_end(reader, _EVENTS)
    except IntegrityBroken as error:
        return str(error)
    return ""
