"""What a gateway has seen of its calls since it started: counts and histograms, in memory.

Owns: these figures, and that they stay few: a label holds the name of an account, a provider, a
model that was admitted, or an outcome of a closed list; where there are very many, the rest counts
as `other`.
Refuses to know: when something is seen (aex_addon), how it is written (metrics.py).

Counting is a few additions a call. It happens on the event loop alone; pages read in threads, and
may see a call in one figure that is not yet in another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

SERIES_MAX = 1000
OTHER = "other"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LONG_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 0.9, 1.0, 1.5, 3.0)
_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class Histogram:
    """Counts by upper bound; what is above all of them is counted last."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound, how many up to it), as Prometheus has them."""
        found, sum_ = [], 0
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            sum_ += count
            found.append(("+Inf" if bound is None else f"{bound:g}", float(sum_)))
        return found


class Counts[K: tuple[str, ...]]:
    """Sums by labels, of which `model` (the place) may have very many values."""

    __slots__ = ("_model", "sums")

    def __init__(self, model: int) -> None:
        self.sums: dict[K, int] = {}
        self._model = model

    def add(self, key: K, amount: int = 1) -> None:
        """Some more."""
        if key not in self.sums and len(self.sums) >= SERIES_MAX:
            key = (*key[: self._model], OTHER, *key[self._model + 1 :])  # type: ignore[assignment]
        self.sums[key] = self.sums.get(key, 0) + amount

    def items(self) -> list[tuple[K, int]]:
        """A copy, for another thread."""
        return list(self.sums.items())


class Observed:
    """One of a gateway.

    egress: (agent, outcome) of connections beside the providers; the agent "" where none is named.
    admissions: (agent, provider, model, outcome), the last `admitted` or the code of a denial.
    shadowed: (agent, rule or plugin), calls let through that it would have refused or made smaller.
    tokens: (agent, provider, model, kind). cost: nano-dollars by (agent, provider, model).
    accuracy: what was billed, as a part of its reserve. added: seconds that a call waited for AEX,
    before it left and before its end was passed on. first_byte, answer: seconds of the provider.
    """

    def __init__(self) -> None:
        self.admissions: Counts[tuple[str, str, str, str]] = Counts(model=2)
        self.tokens: Counts[tuple[str, str, str, str]] = Counts(model=2)
        self.cost: Counts[tuple[str, str, str]] = Counts(model=2)
        self.egress: Counts[tuple[str, str]] = Counts(model=0)
        self.shadowed: Counts[tuple[str, str]] = Counts(model=1)
        self.accuracy = Histogram(_RATIOS)
        self.added = {phase: Histogram(_SECONDS) for phase in ("admission", "settlement")}
        self.first_byte: dict[str, Histogram] = {}
        self.answer: dict[str, Histogram] = {}
        self.batch_size = Histogram(_SIZES)
        self.commit_seconds = Histogram(_SECONDS)

    def settled(
        self,
        key: tuple[str, str, str],
        reserved_nanousd: int,
        actual_nanousd: int,
        usage: Mapping[str, int] | None,
    ) -> None:
        """A call was booked. key: agent, provider, model."""
        self.cost.add(key, actual_nanousd)
        for kind, count in (usage or {}).items():
            if count:
                self.tokens.add((*key, kind), count)
        if reserved_nanousd:
            self.accuracy.observe(actual_nanousd / reserved_nanousd)

    def took(self, among: dict[str, Histogram], provider: str, seconds: float) -> None:
        """A provider took so long; providers are as many as the table has."""
        found = among.get(provider)
        if found is None:
            found = among[provider] = Histogram(_LONG_SECONDS)
        found.observe(seconds)
