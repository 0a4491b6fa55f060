"""What a gateway has seen since it started, as metric families.

Owns: their names and labels. A name of the GenAI conventions of OpenTelemetry is taken where there
is one: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
Refuses to know: how things are seen (observed.py), what stands in the books (metrics.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

from web.observed import Counts, Histogram, Observed

_NANO = 1_000_000_000
_CALL = ("agent", "provider", "model")


def seen(observed: Observed) -> Iterator[Metric]:
    """All of it."""
    yield _counter(
        "aex_admissions",
        "Calls that asked to leave, by what became of that.",
        (*_CALL, "outcome"),
        observed.admissions,
    )
    yield _counter(
        "aex_egress",
        "Connections that were asked for beside the providers, by what became of that.",
        ("agent", "outcome"),
        observed.egress,
    )
    yield _counter(
        "aex_policy_shadow",
        "Calls let through that a rule or plugin in shadow would have refused or made smaller.",
        ("agent", "by"),
        observed.shadowed,
    )
    yield _counter("aex_tokens", "Tokens that were booked.", (*_CALL, "kind"), observed.tokens)
    cost = CounterMetricFamily("aex_cost_usd", "What was booked.", labels=_CALL, unit="usd")
    for key, nanousd in observed.cost.items():
        cost.add_metric(key, nanousd / _NANO)
    yield cost
    yield _histogram(
        "aex_reserve_use_ratio",
        "What was billed, as a part of what was reserved for it.",
        (),
        {(): observed.accuracy},
    )
    yield _histogram(
        "aex_added_seconds",
        "How long calls waited for AEX.",
        ("phase",),
        {(phase,): found for phase, found in observed.added.items()},
    )
    yield _histogram(
        "aex_time_to_first_byte_seconds",
        "From letting a call go to the first byte of its answer.",
        ("provider",),
        {(name,): found for name, found in list(observed.first_byte.items())},
    )
    yield _histogram(
        "gen_ai_client_operation_duration_seconds",
        "From letting a call go to the end of its answer.",
        ("gen_ai_provider_name",),
        {(name,): found for name, found in list(observed.answer.items())},
    )
    yield _histogram(
        "aex_ledger_batch_size", "Commands in a transaction.", (), {(): observed.batch_size}
    )
    yield _histogram(
        "aex_ledger_commit_seconds", "A whole transaction.", (), {(): observed.commit_seconds}
    )


def _counter[K: tuple[str, ...]](
    name: str, text: str, labels: tuple[str, ...], counts: Counts[K]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, count in counts.items():
        family.add_metric(key, count)
    return family


def _histogram(
    name: str, text: str, labels: tuple[str, ...], found: Mapping[tuple[str, ...], Histogram]
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for key, histogram in found.items():
        family.add_metric(key, histogram.cumulative(), histogram.total)
    return family
