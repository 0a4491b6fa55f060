"""The metrics are the books: named as Prometheus wants it, with bounded labels, to the nano."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition
from prometheus_client.parser import text_string_to_metric_families

from ledger.activity import ActivityReader as Reader
from ledger.admin_commands import DeleteAgent, NoteBypass
from ledger.commands import Recover
from ledger.errors import LedgerUnavailable
from ledger.state import Agent
from ledger.store import Store
from ledger.vouched import Taken
from tests.ledger.making import REFUSED, START, admit, commit, create, release, run, started, team
from web.metrics import BooksCollector, families, signed
from web.observed import Observed
from web.tally import Ends, Tally

AGENT = started(name="bot", budget=5 * 10**9).state.agents["bot"]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """What a scraper makes of the text: (name, labels) -> value."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def scraped(open_reader: Callable[[], Reader], now: int = START) -> Samples:
    return samples(generate_latest(collector(open_reader, now)).decode())


def collector(open_reader: Callable[[], Reader], now: int = START) -> BooksCollector:
    handed = SimpleNamespace(
        open_reader=open_reader,
        now=lambda: now,
        about=lambda: {"inflight": 3, "ledger_backlog": 4},
        observed=Observed(),
    )
    return BooksCollector(handed, Tally())  # type: ignore[arg-type]


class Rows:
    """Stands in for a registry: these rows."""

    def __init__(self, *accounts: Agent, **ends: Ends) -> None:
        self.rows = (7, accounts, ends)

    def collect(self) -> object:
        return families(*self.rows)


def test_a_scrape_tells_the_books(store: Store, open_reader: Callable[[], Reader]) -> None:
    """Budgets, ends, overruns and the height of the log are those of the ledger."""
    store.execute([admit(key, "bot", fixed=10**8) for key in ("e1", "e2", "e3", "e4", "e5")])
    store.execute([commit("e1", 2 * 10**7), commit("e2", 3 * 10**8), release("e3")])
    store.execute([Recover("e4", "charge"), admit("e6", "bot", refusal=REFUSED)])
    found = scraped(open_reader)
    bot = {"agent": "bot", "kind": "agent"}
    assert of(found, "aex_budget_usd", **bot) == 1.0
    assert of(found, "aex_spent_usd", **bot) == 0.42
    assert of(found, "aex_reserved_usd", **bot) == 0.1
    assert of(found, "aex_remaining_usd", **bot) == 0.48
    for state, count in (("COMMITTED", 3), ("RELEASED", 1), ("DENIED", 1)):
        assert of(found, "aex_executions_total", agent="bot", state=state) == count
    assert of(found, "aex_overruns_total", agent="bot") == of(found, "aex_stopped", **bot) == 1
    assert of(found, "aex_overrun_usd_total", agent="bot") == 0.2
    assert of(found, "aex_uncertain_settlements_total", agent="bot") == 1
    with open_reader() as reader:
        assert of(found, "aex_chain_height") == reader.head().seq


@pytest.mark.parametrize(("blocked", "outcome"), [(True, "blocked"), (False, "reached")])
def test_bypasses_are_counted(
    store: Store, open_reader: Callable[[], Reader], blocked: bool, outcome: str
) -> None:
    """Each event is one, by whether it reached anything."""
    seen = NoteBypass("bot", "tok", "api.openai.com", "192.0.2.1", 443, "curl", blocked, "cli:x")
    store.execute([seen, seen])
    found = scraped(open_reader)
    for each in ("blocked", "reached"):
        expected = 2 if each == outcome else 0
        assert of(found, "aex_bypasses_total", agent="bot", outcome=each) == expected


def test_an_agent_without_calls_has_zeros(store: Store, open_reader: Callable[[], Reader]) -> None:
    """A counter is there before the first call, so that its first step is seen."""
    found = scraped(open_reader)
    counters = [key for key in found if key[0].endswith("_total")]
    assert len(counters) == 8
    assert {found[key] for key in counters} == {0.0}


def test_series_are_as_many_as_accounts(store: Store, open_reader: Callable[[], Reader]) -> None:
    """Runs, ids and agents that have ended make none; teams have balances, and agents counters."""
    store.execute([team("lab"), create("zoe", parent="lab"), create("gone")])
    few = scraped(open_reader)
    store.one(DeleteAgent("gone", "operator"))
    store.execute([run("zoe", f"run-{number}", 10) for number in range(5)])
    store.execute([admit(f"e{number}", "zoe/run-1", fixed=1) for number in range(5)])
    store.execute([commit(f"e{number}", 1) for number in range(5)])
    found = scraped(open_reader)
    lost = {key for key in few if ("agent", "gone") in key[1]}
    assert found.keys() == few.keys() - lost
    assert of(found, "aex_executions_total", agent="zoe", state="COMMITTED") == 5
    assert {dict(labels).get("agent") for _, labels in found} == {"bot", "zoe", "lab", None}
    assert {label for _, labels in found for label, _ in labels} == {
        *("agent", "kind", "outcome", "state", "le", "phase"),
    }


def test_a_budget_window_that_nobody_began_is_new(
    store: Store, open_reader: Callable[[], Reader]
) -> None:
    """What was spent yesterday is not told as spent of a budget for a day."""
    store.one(create("day", budget=1_000, budget_window="day"))
    store.execute([admit("e1", "day"), commit("e1", 90)])
    with open_reader() as reader:
        now = reader.head().time_ns
    day = {"agent": "day", "kind": "agent"}
    assert of(scraped(open_reader, now), "aex_spent_usd", **day) == 9e-08
    tomorrow = scraped(open_reader, now + 86_400 * 10**9)
    assert of(tomorrow, "aex_spent_usd", **day) == 0
    assert of(tomorrow, "aex_remaining_usd", **day) == 1e-06


@pytest.mark.parametrize("nanousd", [1, 10**9 + 1, 123_456_789_012_345, 2**53 - 1])
def test_amounts_are_exact_as_far_as_a_float_is(nanousd: int) -> None:
    """An amount is the nearest number that Prometheus has to the exact one."""
    rows = Rows(AGENT._replace(budget_nanousd=nanousd), bot=Ends(overrun_nanousd=nanousd))
    found = samples(generate_latest(rows).decode())
    exact = float(Decimal(nanousd) / 10**9)
    assert of(found, "aex_budget_usd", agent="bot", kind="agent") == exact
    assert of(found, "aex_overrun_usd_total", agent="bot") == exact


def test_a_balance_may_be_negative() -> None:
    """After an overrun what is left is below nothing."""
    rows = Rows(AGENT._replace(spent_nanousd=6 * 10**9))
    found = samples(generate_latest(rows).decode())
    assert of(found, "aex_remaining_usd", agent="bot", kind="agent") == -1.0


def test_names_are_conventional(open_reader: Callable[[], Reader]) -> None:
    """Both formats take them: a prefix, base units, `_total` on counters alone, and a help."""
    for family in collector(open_reader).collect():
        assert family.name.startswith(("aex_", "gen_ai_client_operation_duration_seconds"))
        assert family.documentation.endswith(".")
        if family.samples:
            assert (family.type == "counter") == all(
                sample.name.endswith("_total") for sample in family.samples
            )
    text = exposition.generate_latest(Rows(AGENT)).decode()
    assert text.endswith("# EOF\n")
    assert "# UNIT aex_overrun_usd usd" in text


def test_the_gateway_and_its_checkpoint(open_reader: Callable[[], Reader]) -> None:
    """What is under way, what waits to be written, and how old the newest signature is."""
    found = scraped(open_reader)
    assert of(found, "aex_inflight") == 3
    assert of(found, "aex_ledger_backlog") == 4
    assert of(found, "aex_checkpoint_events") == 0
    assert not [key for key in found if key[0] == "aex_checkpoint_age_seconds"]
    taken = Taken(7, "root", START - 90 * 10**9, "note")
    told = {family.name: family.samples[0].value for family in signed(START, taken)}
    assert told == {"aex_checkpoint_events": 7, "aex_checkpoint_age_seconds": 90}


def test_an_unreadable_ledger_fails_the_scrape() -> None:
    """Nothing is told rather than half of it."""

    def gone() -> Reader:
        raise LedgerUnavailable("the ledger file is gone")

    with pytest.raises(LedgerUnavailable):
        list(collector(gone).collect())
