"""Everything the ledger can refuse, as a tree.

Owns: the exceptions that a caller acts on. Programming errors are plain asserts.

    LedgerError
    ├── CommandRefused        a command that cannot be carried out; the message holds the remedy
    ├── LedgerBusy            another process holds the write lock; trying again is right
    ├── LedgerUnavailable     the engine cannot be reached, read or written; nothing was committed
    │   └── CommitUnknown     the commit itself failed: it may have taken place all the same
    ├── SchemaTooNew          the ledger was written by a newer AEX
    └── IntegrityBroken       the books do not add up; nothing may be served from them
"""

from __future__ import annotations


class LedgerError(Exception):
    """Base of all errors of this package."""


class CommandRefused(LedgerError):
    """The command contradicts the books (no such agent, name taken, amount out of range)."""


class LedgerBusy(LedgerError):
    """Another process is writing; the batch was not begun and may be tried again."""


class LedgerUnavailable(LedgerError):
    """The engine failed and the transaction was rolled back."""


class CommitUnknown(LedgerUnavailable):
    """The commit failed in a way that does not tell whether it took place."""


class SchemaTooNew(LedgerError):
    """The ledger's schema is newer than this program; upgrade AEX to open it."""


class IntegrityBroken(LedgerError):
    """The chain or the balances are broken; `aex audit` names the first bad event."""
