"""What a query string asks: filters, cursors and sizes, for the API and the pages alike.

Owns: their names, their limits, and the sentence for one that does not fit.
Refuses to know: what is found.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.activity import Filter
from ledger.state import STATES
from web.bodies import unfit
from web.moments import moment_ns

_LONGEST = 200
_INT_MAX = 2**63 - 1
LIMIT_MAX = 500
FILTERS = ("agent", "model", "state", "id", "since", "until")


def wanted(args: Mapping[str, str], now: int) -> Filter:
    """The filter. Raises Problem."""
    state = _text(args, "state").upper()
    if state and state not in STATES:
        raise unfit(f"state: one of {', '.join(STATES)}.")
    return Filter(
        agent=_text(args, "agent"),
        model=_text(args, "model"),
        state=state,
        execution_id=_text(args, "id"),
        since=_moment(args, "since", now),
        until=_moment(args, "until", now),
    )


def number(args: Mapping[str, str], name: str, most: int = _INT_MAX) -> int | None:
    """A whole number from 0 to `most`, None where it is not there. Raises Problem."""
    text = args.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise unfit(f"{name}: expected a whole number from 0 to {most}.")
    return int(text)


def limit(args: Mapping[str, str], default: int = 50) -> int:
    """How many rows. Raises Problem."""
    found = number(args, "limit", LIMIT_MAX)
    if found == 0:
        raise unfit(f"limit: expected a whole number from 1 to {LIMIT_MAX}.")
    return found or default


def _text(args: Mapping[str, str], name: str) -> str:
    text = args.get(name, "").strip()
    if len(text) > _LONGEST or "\0" in text or not text.isprintable():
        raise unfit(f"{name}: expected printable text of {_LONGEST} characters at most.")
    return text


def _moment(args: Mapping[str, str], name: str, now: int) -> int:
    text = _text(args, name)
    if not text:
        return 0
    try:
        return moment_ns(text, now)
    except ValueError as error:
        raise unfit(f"{name}: {error}.") from None


def place(text: str, now: int) -> None:
    """Checks an event's number or a time. Raises Problem."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        _moment({"at": text}, "at", now)
