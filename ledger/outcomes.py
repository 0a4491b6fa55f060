"""What the kernel answers to whatever it is asked to do.

Owns: the values of all outcomes, of calls (commands.py) and of administration (admin_commands.py).
Refuses to know: how one is reached, and what a client or an operator is told of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call may leave: it is reserved and dispatched, durably once the batch commits.

    caps: as they are stored, of every level that has some.
    """

    execution_id: str
    agent: str
    reserved_nanousd: int
    output_tokens_cap: int
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key's request was answered before: give that answer again, charge nothing."""

    execution_id: str


@dataclass(frozen=True, slots=True)
class Underway:
    """The key's request is being answered now: wait for it."""

    execution_id: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The call may not leave. Amounts are nano-dollars of the account that said no.

    account_kind: of that account, where that matters to its remedy.
    cap_fits: whether its budget would carry the call with a smaller output cap.
    """

    execution_id: str
    agent: str | None
    status: int
    code: str
    message: str = ""
    account: str = ""
    needed_nanousd: int = 0
    remaining_nanousd: int = 0
    budget_nanousd: int = 0
    retry_after_ns: int = 0
    resets_at: int = 0
    account_kind: str = ""
    cap_fits: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """The execution has its one end. `fresh` is False if it had it already."""

    execution_id: str
    state: str
    actual_nanousd: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Done:
    """An administrative command took effect; expires_at says when what it made ends, if ever."""

    name: str
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A command that contradicts the books; nothing was written. Becomes CommandRefused."""

    message: str


Outcome = Admitted | Replayed | Underway | Denied | Settled | Done | Rejected
