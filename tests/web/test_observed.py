"""What a gateway has seen: histograms as Prometheus has them, and series that stay few."""

from __future__ import annotations

import pytest

from web.observed import OTHER, SERIES_MAX, Counts, Histogram, Observed


def test_a_histogram() -> None:
    """A bound holds what is equal to it; the last holds all."""
    found = Histogram((1.0, 2.5))
    for value in (0.5, 1.0, 1.5, 2.5, 9.0):
        found.observe(value)
    assert found.cumulative() == [("1", 2.0), ("2.5", 4.0), ("+Inf", 5.0)]
    assert found.total == 14.5


def test_series_stay_few() -> None:
    """Whoever calls models of ever new names fills no memory; nothing is lost from the sums."""
    counts: Counts[tuple[str, str, str]] = Counts(model=2)
    for number in range(SERIES_MAX + 50):
        counts.add(("bot", "openai", f"model-{number}"), 2)
    counts.add(("bot", "openai", "model-0"))
    assert len(counts.items()) == SERIES_MAX + 1
    sums = dict(counts.items())
    assert sums["bot", "openai", OTHER] == 100
    assert sums["bot", "openai", "model-0"] == 3
    assert sum(sums.values()) == 2 * (SERIES_MAX + 50) + 1


@pytest.mark.parametrize("usage", [None, {"input_tokens": 3, "output_tokens": 0}])
def test_a_settlement(usage: dict[str, int] | None) -> None:
    """Cost and tokens by agent, provider and model; a free call says nothing of accuracy."""
    observed, key = Observed(), ("bot", "openai", "m")
    observed.settled(key, 100, 40, usage)
    observed.settled(key, 0, 0, None)
    assert observed.cost.items() == [(key, 40)]
    assert observed.tokens.items() == ([((*key, "input_tokens"), 3)] if usage else [])
    assert observed.accuracy.total == 0.4
    assert observed.accuracy.cumulative()[-1] == ("+Inf", 1.0)


def test_providers_have_a_histogram_each() -> None:
    """Made when it is first needed."""
    observed = Observed()
    for seconds in (0.2, 0.4):
        observed.took(observed.answer, "openai", seconds)
    assert observed.answer["openai"].total == pytest.approx(0.6)
    assert observed.first_byte == {}
