"""The rows of the books as values, and the working set that the kernel turns events into.

Owns: what a row of each projection is. Field order is column order: store.py builds its SQL
from it, and a test holds models.py to it.
Refuses to know: SQL, clocks, decisions.

Rows never change: they are named tuples, because live traffic makes several a call, and those are
the cheapest. A State's mappings are updated in place by `kernel.evolve`, which also notes
which keys it touched, so that the store writes just those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

RESERVING = "RESERVING"
RESERVED = "RESERVED"
DISPATCHED = "DISPATCHED"
COMMITTED = "COMMITTED"
RELEASED = "RELEASED"
DENIED = "DENIED"
FAILED = "FAILED"

# How the reason of an execution begins that recovery booked by a guess.
RECOVERED = "recovered:"

# The lifecycle state of an account that was deleted.
DELETED = "DECOMMISSIONED"

# How a tool stands.
ENABLED = "enabled"
DISABLED = "disabled"
REMOVED = "removed"

STATES = (RESERVING, RESERVED, DISPATCHED, COMMITTED, RELEASED, DENIED, FAILED)
OPEN_STATES = frozenset((RESERVED, DISPATCHED))
TERMINAL_STATES = frozenset((COMMITTED, RELEASED, DENIED, FAILED))


def columns(row: type[Any]) -> tuple[str, ...]:
    """A row type's columns, in order."""
    names: tuple[str, ...] = row._fields
    return names


class Agent(NamedTuple):
    """One account of the budget tree: a team, an agent below it, a run below that.

    budget_nanousd is the sum of credits less what was taken back; rpm and tpm are 0 where there is
    no limit. With a budget window (`day`, `week`, `month`) the budget is for each of them:
    spent_nanousd is of the current one, which began at window_start, and spent_before_nanousd of
    all earlier ones.
    `stopped_by` names the call that was billed above its reserve, until the next credit. `caps` are
    canonical JSON (caps.py), "" where there are none.
    """

    name: str
    kind: str
    parent: str | None
    budget_nanousd: int
    spent_nanousd: int
    reserved_nanousd: int
    rpm: int
    tpm: int
    on_short_budget: str
    min_output_tokens: int
    lifecycle_state: str
    lifecycle_reason: str
    created_at: int
    budget_window: str
    window_start: int
    spent_before_nanousd: int
    expires_at: int
    stopped_by: str = ""
    caps: str = ""

    @property
    def remaining_nanousd(self) -> int:
        """What a new reserve may take at the most; negative after an overrun."""
        return self.budget_nanousd - self.spent_nanousd - self.reserved_nanousd


class Token(NamedTuple):
    """A credential of an agent. Only its SHA-256 is kept; expires_at is 0 for never.

    `account` is who pays first: the agent itself, or a run below it.
    """

    token_hash: str
    token_id: str
    agent: str
    scope: str
    label: str
    created_at: int
    expires_at: int
    revoked_at: int
    account: str


class Execution(NamedTuple):
    """One call, from admission to its end. Times are nanoseconds; 0 means not yet.

    usage is canonical JSON of the provider's counts, or "" while there is none; `certainty` says
    how the booking stands: `exact`, `estimated`, `uncertain`, `adjusted`, or "" where nothing is
    booked. `account` paid first; retry_of names an earlier attempt that looks alike.
    """

    execution_id: str
    agent: str
    token_id: str
    gateway: str
    door: str
    provider: str
    model: str
    endpoint: str
    stream: int
    fingerprint: str
    state: str
    reserved_nanousd: int
    input_tokens_max: int
    output_tokens_cap: int
    created_at: int
    dispatched_at: int
    terminal_at: int
    status_code: int
    actual_nanousd: int
    usage: str
    usage_source: str
    certainty: str
    reason: str
    account: str
    retry_of: str
    idempotency_key: str
    tpm_cells: int


class Reservation(NamedTuple):
    """An entry of the reserve book: `reserve`, then exactly one `commit` or `release`.

    `adjust` entries may follow; each holds the amount that is booked from there on.
    """

    execution_id: str
    entry: str
    amount_nanousd: int
    seq: int


class Binding(NamedTuple):
    """Which execution an agent's idempotency key stands for; keys are kept as hashes."""

    agent: str
    key_hash: str
    execution_id: str
    fingerprint: str
    expires_at: int


class Answer(NamedTuple):
    """What the log knows of a stored answer: the hash (hex) and size of its sealed bytes."""

    execution_id: str
    digest: str
    size: int
    expires_at: int


class Bulk(NamedTuple):
    """Many calls that a provider keeps: a `file` of them, or a `batch` that it works off.

    ref is `provider/id`, as the provider names it. terms are the gateway's own text about what
    the calls may cost; of them nothing else is kept. results is the ref of the file in which the
    answers of a batch stand, "" until that is told; settled_at is 0 until its bill is booked.
    """

    ref: str
    kind: str
    execution_id: str
    terms: str
    results: str
    settled_at: int


class ToolPlugin(NamedTuple):
    """A tool that agents may have run, once it is enabled.

    sha256 is of its package; digest of its manifest, as the text was when it was installed. state
    is `enabled`, `disabled` or `removed`, since changed_at.
    """

    name: str
    version: str
    sha256: str
    digest: str
    manifest: str
    cost_nanousd: int
    state: str
    installed_at: int
    changed_at: int


@dataclass(slots=True)
class State:
    """A working set: all rows in a replay, the touched ones in a live batch."""

    agents: dict[str, Agent] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    rates: dict[tuple[str, str], int] = field(default_factory=dict)
    reservations: list[Reservation] = field(default_factory=list)
    bindings: dict[tuple[str, str], Binding] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    bulks: dict[str, Bulk] = field(default_factory=dict)
    tools: dict[str, ToolPlugin] = field(default_factory=dict)
    fenced: set[str] = field(default_factory=set)
    epoch: int = 0
    touched_agents: set[str] = field(default_factory=set)
    touched_tokens: set[str] = field(default_factory=set)
    touched_executions: set[str] = field(default_factory=set)
    touched_rates: set[tuple[str, str]] = field(default_factory=set)
    touched_bindings: set[tuple[str, str]] = field(default_factory=set)
    touched_fences: set[str] = field(default_factory=set)
    touched_bulks: set[str] = field(default_factory=set)
    touched_tools: set[str] = field(default_factory=set)
