"""Laws of batches: the bound is booked when one begins, and its bill once, whoever brings it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger import events
from ledger.audit import audit
from ledger.commands import Adjust, BillBulk, Commit, Kept, NoteResults, Recover
from ledger.money import MAX_NANOUSD
from ledger.outcomes import Denied, Done, Rejected, Settled
from ledger.read import Reader
from tests.ledger.making import URL, Hand, Pure, admit, create, open_at, release, started

REF, OUT = "anthropic/msgbatch_1", "anthropic/file_out"
USAGE = {"input_tokens": 7, "output_tokens": 2}
BILL = BillBulk(REF, 30, USAGE, "its results were read")


def begun(key: str = "e1", ref: str = REF, kind: str = "batch") -> Commit:
    """The settlement of the call that began a batch."""
    return Commit(
        key, None, 200, None, "estimated", "estimated", "a batch", None, Kept(ref, kind, "t")
    )


def running() -> Pure:
    """A ledger in which a batch runs."""
    kernel = started()
    kernel(admit("e1"))
    kernel(begun())
    return kernel


def test_a_batch_is_booked_at_its_bound_until_its_results_come() -> None:
    """Nothing stays reserved, so no lease or restart can touch it; the budget holds it all."""
    kernel = running()
    assert kernel.balance() == (1_000, 100, 0)
    assert kernel.state.bulks[REF].execution_id == "e1"
    assert kernel(BILL) == Settled("e1", "COMMITTED", 30, fresh=True)
    assert kernel.balance() == (1_000, 30, 0)
    row = kernel.state.executions["e1"]
    assert (row.actual_nanousd, row.certainty, row.usage_source) == (30, "adjusted", "provider")
    assert row.usage == events.canonical(USAGE)
    assert row.reason == "its results were read"


def test_a_bill_is_booked_once() -> None:
    """Results that are fetched again change nothing, whatever they say then."""
    kernel = running()
    kernel(BILL)
    seen = len(kernel.log)
    again = BillBulk(REF, 99, USAGE, "again")
    assert kernel(again) == Settled("e1", "COMMITTED", 30, fresh=False)
    assert kernel(NoteResults(REF, OUT)) == Done(REF)
    assert len(kernel.log) == seen
    assert kernel.types().count(events.BULK_SETTLED) == 1


def test_a_bill_above_the_bound_is_booked_in_full() -> None:
    """It is an overrun, as of any call, and the agent is stopped by it."""
    kernel = running()
    kernel(BillBulk(REF, 150, USAGE, "its results"))
    assert kernel.balance() == (1_000, 150, 0)
    over = {"over_nanousd": 50, "reserved_nanousd": 100, "stops": "alice"}
    assert kernel.log[-2].data() == over
    assert isinstance(kernel(admit("e2")), Denied)


def test_a_bill_replaces_what_an_operator_guessed() -> None:
    """The provider's own count comes after an adjustment, and both are in the log."""
    kernel = running()
    kernel(Adjust("e1", 80, "looks like it", "operator"))
    assert kernel(BILL) == Settled("e1", "COMMITTED", 30, fresh=True)
    assert kernel.balance() == (1_000, 30, 0)


def test_results_are_told_once() -> None:
    """Where the results stand is kept when it is first told, and again only if it differs."""
    kernel = running()
    for _ in range(2):
        assert kernel(NoteResults(REF, OUT)) == Done(REF)
    assert kernel.types().count(events.BULK_RESULTS) == 1
    assert kernel.state.bulks[REF].results == OUT


@pytest.mark.parametrize("command", [BILL, NoteResults(REF, OUT)])
def test_only_a_batch_has_a_bill(command: BillBulk | NoteResults) -> None:
    """Neither what is unknown nor a file can be billed; nothing is written."""
    kernel = started()
    kernel(admit("e1"))
    assert isinstance(kernel(command), Rejected)
    kernel(begun(kind="file"))
    seen = len(kernel.log)
    assert isinstance(kernel(command), Rejected)
    assert len(kernel.log) == seen


@pytest.mark.parametrize("amount", [-1, MAX_NANOUSD + 1])
def test_a_bill_is_an_amount(amount: int) -> None:
    """What the books cannot hold is refused."""
    assert isinstance(running()(BillBulk(REF, amount, USAGE, "x")), Rejected)


def test_the_first_call_that_keeps_it_counts() -> None:
    """A ref that is told again, by another call, stays with the first one."""
    kernel = running()
    kernel(admit("e2"))
    kernel(begun("e2"))
    assert kernel.state.bulks[REF].execution_id == "e1"
    assert kernel.balance() == (1_000, 200, 0)


def test_a_gateway_taken_for_lost_still_tells_of_its_batch() -> None:
    """Recovery has booked the bound; the batch's id, which comes late, is kept all the same."""
    kernel = started()
    kernel(admit("e1"))
    kernel(Recover("e1", "charge"))
    assert kernel(begun()) == Settled("e1", "COMMITTED", 100, fresh=False)
    assert kernel(BILL) == Settled("e1", "COMMITTED", 30, fresh=True)
    assert kernel.balance() == (1_000, 30, 0)


def test_a_batch_that_was_refused_is_none() -> None:
    """A creation that the provider refused is released, and nothing is kept."""
    kernel = started()
    kernel(admit("e1"))
    kernel(release("e1"))
    assert kernel.balance() == (1_000, 0, 0)
    assert kernel.state.bulks == {}


def test_a_bill_in_a_later_window_gives_back_what_the_earlier_one_spent() -> None:
    """The budget of the new window is not touched by what is taken back of the old one."""
    kernel = started(budget_window="day")
    kernel(admit("e1"))
    kernel(begun())
    kernel.now += 2 * 86_400 * 10**9
    kernel(admit("e2", fixed=10))
    kernel(BILL)
    agent = kernel.state.agents["alice"]
    assert (agent.spent_nanousd, agent.spent_before_nanousd) == (0, 30)


def test_a_store_keeps_it_over_a_restart(tmp_path: Path) -> None:
    """Another program finds the batch by its ref and by its results, and bills it."""
    with closing(open_at(tmp_path, clock=Hand().clock())) as store:
        store.execute([create(), admit("e1")])
        store.execute([begun(), NoteResults(REF, OUT)])
    with closing(open_at(tmp_path, clock=Hand().clock())) as store:
        found, begun_at = store.bulk(OUT, by_results=True) or (None, 0)
        assert found is not None
        assert found == (store.bulk(REF) or (None,))[0]
        assert (found.kind, found.terms, found.settled_at, begun_at > 0) == ("batch", "t", 0, True)
        assert store.bulk("openai/none") is None
        assert store.bulk("", by_results=True) is None
        assert store.one(BILL) == Settled("e1", "COMMITTED", 30, fresh=True)
        assert store.one(BILL) == Settled("e1", "COMMITTED", 30, fresh=False)
        settled, _ = store.bulk(REF) or (None, 0)
        assert settled is not None
        assert settled.settled_at > 0
    with Reader(URL, tmp_path) as reader:
        assert [finding for finding in audit(reader) if not finding.holds] == []


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE bulks SET terms = 'x'",
        "UPDATE bulks SET settled_at = 0",
        "UPDATE bulks SET execution_id = 'e2'",
        "DELETE FROM bulks",
    ],
)
def test_an_edited_batch_is_found(tmp_path: Path, edit: str) -> None:
    """The table is compared with the log, row by row."""
    with closing(open_at(tmp_path, clock=Hand().clock())) as store:
        store.execute([create(), admit("e1"), begun(), BILL])
        store.engine.begin()
        store.engine.rows(edit)
        store.engine.commit()
    with Reader(URL, tmp_path) as reader:
        assert [finding.law for finding in audit(reader) if not finding.holds] == ["bulks"]
