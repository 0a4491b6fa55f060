"""The ledger: can it be read, does its log hold, and does the clock agree with it?

Owns: the looks at the books. Refuses to know: the laws of an audit, how SQLite is linked.
"""

from __future__ import annotations

from aex_addon.cli.checks.verdict import Verdict, broken, doubtful, sound
from aex_addon.home import Home
from ledger.errors import IntegrityBroken, LedgerError, SchemaTooNew
from ledger.opening import QUICK_EVENTS, quick_check
from ledger.read import Reader

# Kernel time runs ahead of a clock that was set back, and waits there until the clock has come up.
_AHEAD_NS = 2_000_000_000


def look(home: Home, url: str, now_ns: int) -> list[Verdict]:
    """Reads at most the newest events; `aex audit` reads them all."""
    if url.startswith("sqlite:///") and not (home.path / url.removeprefix("sqlite:///")).exists():
        said = "there is none yet; the first command that writes makes it"
        return [sound("ledger", said)]
    try:
        with Reader(url, home.path) as reader:
            head = reader.head()
            return [
                sound("ledger", f"{head.seq} events"),
                _chain(reader, head.seq),
                _clock(head.time_ns, now_ns),
            ]
    except SchemaTooNew as error:
        return [broken("ledger", str(error), "install the newer AEX that wrote it")]
    except LedgerError as error:
        said, _, remedy = str(error).partition("; ")
        return [broken("ledger", said, remedy or "see that its server is there and not full")]


def _chain(reader: Reader, events: int) -> Verdict:
    try:
        quick_check(reader)
    except IntegrityBroken as error:
        remedy = "serve nothing from it; run: aex audit --full"
        return broken("chain", str(error), remedy)
    if events > QUICK_EVENTS:
        return sound("chain", f"the newest {QUICK_EVENTS} events hold; `aex audit` reads all")
    return sound("chain", "every event holds")


def _clock(head_ns: int, now_ns: int) -> Verdict:
    ahead = head_ns - now_ns
    if ahead <= _AHEAD_NS:
        return sound("clock", "not behind the log")
    said = f"{ahead // 1_000_000_000} s behind the newest event of the log"
    remedy = "set the clock right; until it has caught up, budget windows and expiries stand still"
    return doubtful("clock", said, remedy)
