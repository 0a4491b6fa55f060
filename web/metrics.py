"""`/metrics`: the books as Prometheus reads them.

Owns: the names of the metrics, and their labels. A label holds the name of an account that an
operator made, its kind, or how a call ended, never an id: series are as many as accounts. Runs
are counted with their agent, accounts that have ended are left out.
Refuses to know: who may ask (aex_addon/mount.py), how ends are counted cheaply (tally.py).

Amounts are floats here and nowhere else, because Prometheus has no other numbers; the integers
that count stand in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ledger.balance import current
from ledger.state import Agent
from ledger.vouched import Taken
from web.handed import Handed
from web.seen import seen
from web.tally import Ends, Tally

_NANO = 1_000_000_000


class BooksCollector(Collector):
    """Each scrape reads the books as they stand, on a connection of its own, and what was seen."""

    def __init__(self, handed: Handed, tally: Tally) -> None:
        self._handed = handed
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """The families. Raises LedgerError, so that a scrape fails rather than tells half."""
        with self._handed.open_reader() as reader:
            ends = self._tally.ends(reader)
            with reader.snapshot():
                height, agents = reader.head().seq, reader.lasting()
                newest = reader.checkpoints(newest=True)
        now = self._handed.now()
        accounts = [current(agent, now) for agent in agents]
        yield from families(height, accounts, ends)
        yield from signed(now, newest[0] if newest else None)
        yield from gateway(self._handed.about())
        yield from seen(self._handed.observed)


def signed(now: int, newest: Taken | None) -> Iterator[Metric]:
    """The newest checkpoint; where there is none, its age is not told."""
    size = GaugeMetricFamily(
        "aex_checkpoint_events", "Events that the newest signed checkpoint covers."
    )
    size.add_metric((), newest.size if newest else 0)
    age = GaugeMetricFamily(
        "aex_checkpoint_age_seconds", "Since the newest checkpoint was signed.", unit="seconds"
    )
    if newest is not None:
        age.add_metric((), max(now - newest.time_ns, 0) / _NANO)
    yield from (size, age)


def gateway(about: Mapping[str, Any]) -> Iterator[Metric]:
    """What the gateway knows of itself at this moment."""
    yield GaugeMetricFamily("aex_inflight", "Calls under way.", about.get("inflight", 0))
    yield GaugeMetricFamily(
        "aex_ledger_backlog", "Commands that are not durable yet.", about.get("ledger_backlog", 0)
    )


def families(height: int, accounts: Sequence[Agent], ends: Mapping[str, Ends]) -> Iterator[Metric]:
    """Rows of the books as metric families; an agent without calls has zeros."""
    lasting = [account for account in accounts if account.kind != "run"]
    yield from _balances(lasting)
    yield from _calls(
        {each.name: ends.get(each.name, Ends()) for each in lasting if each.kind == "agent"}
    )
    yield GaugeMetricFamily("aex_chain_height", "Events in the hash-chained log.", height)


def _balances(accounts: Sequence[Agent]) -> Iterator[Metric]:
    budget, spent, reserved, remaining = (
        GaugeMetricFamily(f"aex_{name}_usd", text, labels=("agent", "kind"), unit="usd")
        for name, text in (
            ("budget", "What an account may spend: in all, or in its budget window."),
            ("spent", "What is booked, in all or in the current budget window."),
            ("reserved", "What is held for calls under way."),
            ("remaining", "What a new call may reserve; negative after an overrun."),
        )
    )
    stopped = GaugeMetricFamily(
        "aex_stopped", "1 where an overrun stopped it until a top-up.", labels=("agent", "kind")
    )
    for account in accounts:
        labels = (account.name, account.kind)
        budget.add_metric(labels, account.budget_nanousd / _NANO)
        spent.add_metric(labels, account.spent_nanousd / _NANO)
        reserved.add_metric(labels, account.reserved_nanousd / _NANO)
        remaining.add_metric(labels, account.remaining_nanousd / _NANO)
        stopped.add_metric(labels, int(bool(account.stopped_by)))
    yield from (budget, spent, reserved, remaining, stopped)


def _calls(agents: Mapping[str, Ends]) -> Iterator[Metric]:
    executions = CounterMetricFamily(
        "aex_executions", "Calls that have ended, by their end.", labels=("agent", "state")
    )
    overruns = CounterMetricFamily(
        "aex_overruns", "Calls billed above their reserve.", labels=("agent",)
    )
    overrun = CounterMetricFamily(
        "aex_overrun_usd", "What was billed above reserves.", labels=("agent",), unit="usd"
    )
    uncertain = CounterMetricFamily(
        "aex_uncertain_settlements",
        "Calls booked at their reserve because nobody knows what they were billed.",
        labels=("agent",),
    )
    bypasses = CounterMetricFamily(
        "aex_bypasses",
        "Programs of an agent that went to a provider without AEX, or were kept from it.",
        labels=("agent", "outcome"),
    )
    for name, ends in agents.items():
        for state, count in ends.by_state().items():
            executions.add_metric((name, state), count)
        overruns.add_metric((name,), ends.overruns)
        overrun.add_metric((name,), ends.overrun_nanousd / _NANO)
        uncertain.add_metric((name,), ends.uncertain)
        bypasses.add_metric((name, "reached"), ends.bypasses)
        bypasses.add_metric((name, "blocked"), ends.bypasses_blocked)
    yield from (executions, overruns, overrun, uncertain, bypasses)
