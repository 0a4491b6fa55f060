"""Batches: calls that a provider answers later, and the bill that comes with their results.

Owns: which file holds the results of a batch, and the one booking of its bill. Pure, as admission
is. What a batch may cost was booked when it was begun (settlement.py), so that the budget holds it
however long it runs and whichever gateway is lost meanwhile; its results only correct that.
Refuses to know: how results are read, what a call costs.

The law: the bill of a batch is booked once, however often and by whomever its results are fetched.
"""

from __future__ import annotations

from ledger import events
from ledger.commands import BillBulk, NoteResults
from ledger.events import Draft
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Done, Outcome, Rejected, Settled
from ledger.settlement import adjusted, overrun
from ledger.state import COMMITTED, RELEASED, Bulk, State

BATCH = "batch"


def note_results(state: State, command: NoteResults) -> tuple[list[Draft], Outcome]:
    """Keeps where the results of a batch stand; what is known already changes nothing."""
    bulk = _batch(state, command.ref)
    if bulk is None:
        return [], Rejected(f"there is no batch {command.ref!r}")
    if bulk.results == command.results or bulk.settled_at:
        return [], Done(command.ref)
    payload = {"ref": command.ref, "results": command.results}
    agent = state.executions[bulk.execution_id].agent
    return [Draft(events.BULK_RESULTS, agent, bulk.execution_id, payload)], Done(command.ref)


def bill(state: State, command: BillBulk) -> tuple[list[Draft], Outcome]:
    """Books what a batch came to in the place of its bound; a second bill changes nothing."""
    bulk = _batch(state, command.ref)
    if bulk is None:
        return [], Rejected(f"there is no batch {command.ref!r}")
    execution, actual = state.executions[bulk.execution_id], command.actual_nanousd
    if execution.state not in (COMMITTED, RELEASED):
        return [], Rejected(f"execution {execution.execution_id} of the batch has not ended")
    if not 0 <= actual <= MAX_NANOUSD:
        return [], Rejected(f"{actual} is no amount that the books can hold")
    amount = execution.actual_nanousd if bulk.settled_at else actual
    settled = Settled(execution.execution_id, execution.state, amount, fresh=not bulk.settled_at)
    if bulk.settled_at:
        return [], settled
    usage = (command.usage, "provider")
    drafts = [adjusted(execution, actual, command.reason, "gateway", usage)]
    drafts += overrun(execution, actual)
    payload = {"ref": command.ref}
    drafts.append(Draft(events.BULK_SETTLED, execution.agent, execution.execution_id, payload))
    return drafts, settled


def _batch(state: State, ref: str) -> Bulk | None:
    bulk = state.bulks.get(ref)
    return bulk if bulk is not None and bulk.kind == BATCH else None
