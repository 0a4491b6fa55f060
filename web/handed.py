"""What the gateway hands to its pages: all that they can do, and all that they are told.

Owns: one record. The web opens no ledger for writing and starts nothing: it calls these.
Refuses to know: how any of it is done (aex_addon/web_acts.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ledger.activity import ActivityReader
from ledger.admin_commands import Command
from ledger.outcomes import Outcome
from ledger.state import Execution
from web.auth import Auth
from web.observed import Observed


class CannotRun(Exception):
    """A command could not be run, or failed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Minted:
    """A new agent token. `secret` is shown once."""

    secret: str = field(repr=False)
    token_hash: str
    token_id: str


@dataclass(frozen=True, slots=True)
class Handed:
    """now: nanoseconds. about: what the gateway knows of itself, as a document.

    execute: one command, answered once it is durable; raises LedgerError.
    run: an `aex` command in a process of its own; its standard output; raises CannotRun. What
        reads the whole log would take the processor from the calls.
    config: what is wrong with aex.toml as it stands, "" for nothing.
    reload: takes aex.toml up, and says what changed; raises CannotRun with the old one in force.
    lines: what a booked call cost, line by line; [] where that cannot be told any more.
    metrics: `loopback` where any client on this machine may scrape, `token` where it takes one.
    """

    open_reader: Callable[[], ActivityReader]
    about: Callable[[], Mapping[str, Any]]
    now: Callable[[], int]
    auth: Auth
    execute: Callable[[Command], Outcome]
    mint: Callable[[], Minted]
    run: Callable[[Sequence[str]], str]
    config: Callable[[], str] = lambda: ""
    lines: Callable[[Execution], list[dict[str, Any]]] = lambda _execution: []
    reload: Callable[[str, str], Mapping[str, Any]] | None = None
    metrics: Literal["loopback", "token"] = "loopback"
    observed: Observed = field(default_factory=Observed)
