"""What the kernel can be asked to do with a call.

Owns: the commands of a call's life. (Administration: admin_commands.py; answers: outcomes.py.)
Whoever builds a command has done all I/O, drawn all random numbers and computed all hashes: a
command, the state and a time decide the rest.
Refuses to know: how any of it is decided (admission.py, settlement.py, administration.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call may cost at the most, as a function of the output cap that it is granted.

    cost(cap) = fixed_nanousd + ceil(choices * cap * output_rate_picousd / 1000)

    A cap that is made smaller for a short budget is no smaller than output_tokens_least.
    """

    fixed_nanousd: int = 0
    output_rate_picousd: int = 0
    output_tokens_cap: int = 0
    choices: int = 1
    output_tokens_least: int = 1

    def cost(self, cap: int) -> int:
        """Nano-dollars to reserve if `cap` output tokens per choice are granted."""
        return self.fixed_nanousd + -(-self.choices * cap * self.output_rate_picousd // 1000)

    def affordable_cap(self, nanousd: int) -> int:
        """The largest cap, at most the quoted one, whose cost fits; -1 where none does."""
        if self.cost(self.output_tokens_cap) <= nanousd:
            return self.output_tokens_cap
        rate = self.choices * self.output_rate_picousd
        if nanousd < self.fixed_nanousd or rate == 0:
            return -1
        return (nanousd - self.fixed_nanousd) * 1000 // rate


@dataclass(frozen=True, slots=True)
class Asked:
    """What caps are held against; None is unknown, which they refuse.

    models:       for each model that is asked, the names that it goes by.
    input_tokens, output_tokens: upper bounds, of all choices together.
    output_clampable: the quote's cap is the bound of the output, and can be made smaller.
    functions, server_tools, media: as providers/uses.py has them.
    passthrough:  the agent's own key goes out.
    """

    models: tuple[frozenset[str], ...] | None = None
    stream: bool | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    output_clampable: bool = False
    functions: frozenset[str] | None = None
    server_tools: frozenset[str] | None = None
    media: frozenset[str] | None = None
    passthrough: bool | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a call wants to have run: its name, and the digest of its manifest as read."""

    name: str
    digest: str


class Judged(NamedTuple):
    """What the operator's policy said of a call, to be kept with it.

    digest: the hash (hex) of the decision; shadow: what would have been refused, and by whom;
    obligations: what plugins want to be kept in mind.
    """

    digest: str
    shadow: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()


class Admit(NamedTuple):
    """Ask for a call to be reserved and dispatched, in one step.

    `claimed_agent` is the name beside the token, where the client gave one; it must match.
    `refusal` is a verdict reached before the ledger was asked (no price, not metered, bad body):
    it is recorded for the agent and denies. `metered` calls count against the rate limits;
    tokens_max is what they may count at the most. key_hash is the hash of the client's
    idempotency key and its route, "" without one; it stands for key_ttl_ns. retry_of names an
    earlier attempt that looks alike, or the first of several tries of one request: it is shown to
    the operator, and decides nothing. alias is the name that the client gave the model, where the
    gateway knew it by one, and route_tag says where that led. tool: the one that it is to run.
    `judged` is recorded, where there is a policy; what that refuses is a `refusal`.
    """

    execution_id: str
    token_hash: str
    claimed_agent: str | None
    gateway: str
    door: str
    provider: str
    model: str
    endpoint: str
    stream: bool
    fingerprint: str
    quote: Quote
    input_tokens_max: int
    metered: bool
    refusal: Refusal | None = None
    asked: Asked = Asked()
    tokens_max: int = 0
    key_hash: str = ""
    key_ttl_ns: int = 0
    retry_of: str = ""
    alias: str = ""
    route_tag: str = ""
    tool: Tool | None = None
    judged: Judged | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A denial decided outside the ledger: HTTP status, stable code, one sentence."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """An answer to keep for its idempotency key: encrypted bytes, their SHA-256 (hex), size."""

    digest: str
    size: int
    ttl_ns: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the provider keeps of a call that carried many: a `file` of calls, or a `batch`.

    ref is `provider/id`; terms say what the calls may cost, in the gateway's own text.
    """

    ref: str
    kind: str
    terms: str


@dataclass(frozen=True, slots=True)
class Commit:
    """The provider billed, or may have. certainty: exact | estimated | uncertain.

    `actual_nanousd` None books the reserve itself. `kept` is noted with it, once.
    """

    execution_id: str
    actual_nanousd: int | None
    status_code: int
    usage: Mapping[str, int] | None
    usage_source: str
    certainty: str
    reason: str = ""
    sealed: Sealed | None = None
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Known not to be billed; `proof` says how it is known."""

    execution_id: str
    status_code: int
    proof: str


@dataclass(frozen=True, slots=True)
class Recover:
    """Settle what a gateway that is gone left open. policy: charge | release."""

    execution_id: str
    policy: str


@dataclass(frozen=True, slots=True)
class Adjust:
    """Books another amount for an execution that has ended; appends, never edits."""

    execution_id: str
    actual_nanousd: int
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class NoteResults:
    """The provider has told in which file the answers of a batch stand; both are refs."""

    ref: str
    results: str


@dataclass(frozen=True, slots=True)
class BillBulk:
    """The results of a batch were read whole: its execution is booked at what they tell."""

    ref: str
    actual_nanousd: int
    usage: Mapping[str, int]
    reason: str


CallCommand = Admit | Commit | Release | Recover | Adjust | NoteResults | BillBulk
