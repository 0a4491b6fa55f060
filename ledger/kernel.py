"""The kernel: one pure function pair that live traffic, recovery, replay and tests all use.

    decide(state, command, now) -> drafts, outcome        what happens, and what to answer
    evolve(state, event)        -> state                   what it does to the books (evolve.py)

Owns: which part decides which command, and how decided drafts become events of the log.
Refuses to know: clocks, I/O, floats, randomness. "Replay equals the books" is true by
construction, and audit.py checks it all the same.
"""

from __future__ import annotations

from ledger import (
    accounts,
    administration,
    admission,
    bulks,
    lifecycle,
    settlement,
    tools,
    withdrawal,
)
from ledger.admin_commands import (
    Command,
    CreateAgent,
    CreditAgent,
    DeleteAgent,
    Fence,
    InstallTool,
    IssueToken,
    LendToken,
    NoteBypass,
    NoteEgress,
    NoteGateway,
    NoteRestore,
    OpenRun,
    RevokeToken,
    SetLimits,
    SetState,
    SetTool,
    Withdraw,
)
from ledger.commands import Adjust, Admit, BillBulk, Commit, NoteResults, Recover, Release
from ledger.events import Draft, Event, Unstorable, canonical
from ledger.evolve import evolve
from ledger.outcomes import Outcome, Rejected
from ledger.state import State


def decide(state: State, command: Command, now: int) -> tuple[list[Draft], Outcome]:
    """The drafts that the command leads to at kernel time `now` (ns), and its outcome."""
    match command:
        case Admit():
            return admission.decide(state, command, now)
        case Commit():
            return settlement.commit(state, command, now)
        case Release():
            return settlement.release(state, command)
        case Recover():
            return settlement.recover(state, command, now)
        case Adjust():
            return settlement.adjust(state, command)
        case NoteResults():
            return bulks.note_results(state, command)
        case BillBulk():
            return bulks.bill(state, command)
        case CreateAgent():
            return accounts.create_agent(state, command, now)
        case OpenRun():
            return accounts.open_run(state, command, now)
        case CreditAgent():
            return accounts.credit_agent(state, command)
        case Withdraw():
            return withdrawal.withdraw(state, command, now)
        case SetLimits():
            return accounts.set_limits(state, command, now)
        case SetState():
            return lifecycle.set_state(state, command)
        case DeleteAgent():
            return accounts.delete_agent(state, command)
        case IssueToken():
            return administration.issue_token(state, command)
        case RevokeToken():
            return administration.revoke_token(state, command)
        case NoteGateway():
            return administration.note_gateway(command)
        case NoteBypass():
            return administration.note_bypass(state, command)
        case NoteEgress():
            return administration.note_egress(state, command)
        case Fence():
            return administration.fence(state, command)
        case NoteRestore():
            return administration.note_restore(command)
        case InstallTool():
            return tools.install(state, command)
        case SetTool():
            return tools.set_state(state, command)
        case LendToken():
            return tools.lend(state, command, now)


def step(state: State, command: Command, now: int, seq: int) -> tuple[list[Event], Outcome]:
    """Decides one command and evolves the state by it; `seq` is the last one in the log."""
    drafts, outcome = decide(state, command, now)
    try:
        payloads = [canonical(draft.payload) for draft in drafts]
    except Unstorable as error:
        return [], Rejected(f"the command cannot be kept: {error}")
    done: list[Event] = []
    for draft, payload in zip(drafts, payloads, strict=True):
        seq += 1
        event = Event(seq, now, draft.agent, draft.execution_id, draft.type, payload)
        evolve(state, event, draft.payload)
        done.append(event)
    return done, outcome
