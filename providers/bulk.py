"""Many calls at once: what a batch, or a file of calls for one, may cost at the most.

Owns: the calls of a batch as counts of like ones, and that as text, to be kept until the batch is
begun and its results are there. Prices are not in it: they are taken when they are needed.
Refuses to know: any API's batches, prices, the ledger.

Calls are alike that share all that prices depend on. The first few hundred kinds are kept apart;
if there are more, inputs and caps are rounded up, each step more coarsely, until they are few. So a
bound is the sum of the calls' own bounds, and never less; at the coarsest, below twice that.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from typing import Any, Literal, Protocol, TypeGuard, runtime_checkable

from providers.jsonbody import bad_request
from providers.uses import TEXT, Uses, union
from providers.wire import Call, Facts, Usage

# Anthropic takes 100,000 in a batch, OpenAI and Groq 50,000.
MAX_CALLS = 100_000
MAX_KINDS = 400
_COARSER = (6, 5, 4, 3, 2, 1, 0)

# Of a call's facts, what its bound does not depend on.
_UNKEPT = frozenset(
    (
        *("document", "kind", "stream", "usage_wanted", "cap_writable"),
        *("output_tokens_least", "hidden_output", "uses"),
    )
)


@dataclass(frozen=True, slots=True)
class Bulk:
    """The calls of a batch.

    endpoint: the one path that all of them ask, or where the batch was begun.
    digest:   SHA-256 (hex) of what was read.
    calls:    how many there are, free ones included.
    kinds:    the facts of like calls that cost something, and how many of these there are.
    uses:     what all of them use together.
    """

    endpoint: str
    digest: str
    calls: int
    kinds: tuple[tuple[Facts, int], ...]
    uses: Uses | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models that are asked, sorted."""
        return tuple(sorted({facts.model or "" for facts, _ in self.kinds}))

    def text(self) -> str:
        """All of it as JSON text, the same for equal ones."""
        like: dict[str, list[tuple[int, int, int | None]]] = {}
        for facts, count in self.kinds:
            sizes = (count, facts.input_tokens_max, facts.output_tokens_cap)
            like.setdefault(_bare(facts), []).append(sizes)
        said = {
            "calls": self.calls,
            "digest": self.digest,
            "endpoint": self.endpoint,
            "kinds": [[json.loads(bare), sizes] for bare, sizes in like.items()],
        }
        if self.uses is not None:
            said["uses"] = [_listed(getattr(self.uses, each.name)) for each in fields(Uses)]
        return json.dumps(said, separators=(",", ":"), sort_keys=True)

    @classmethod
    def of(cls, text: str) -> Bulk:
        """What `text` gave. Raises ValueError, LookupError or TypeError for another's text."""
        said = json.loads(text)
        kinds = [
            (_sized(facts, given, cap), int(count))
            for facts, sizes in said["kinds"]
            for count, given, cap in sizes
        ]
        uses = said.get("uses")
        if uses is not None:
            uses = Uses(*(None if names is None else frozenset(names) for names in uses))
        return cls(said["endpoint"], said["digest"], said["calls"], tuple(kinds), uses)


class Collector:
    """Takes the calls of a batch in, one by one; what it holds stays small."""

    def __init__(self) -> None:
        self.calls = 0
        self._uses: Uses = TEXT
        self._coarser = iter(_COARSER)
        self._bits: int | None = None
        self._like: Counter[tuple[str, int, int | None]] = Counter()

    def add(self, facts: Facts) -> None:
        """One more call. Raises Refused (400) for one too many, or too many kinds."""
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise bad_request(f"A batch holds at most {MAX_CALLS} calls.")
        if facts.kind != "metered":
            return
        if facts.uses != TEXT:
            self._uses = union(self._uses, facts.uses)
        self._like[
            self._rounded(_bare(facts), facts.input_tokens_max, facts.output_tokens_cap)
        ] += 1
        while len(self._like) > MAX_KINDS:
            bits = next(self._coarser, None)
            if bits is None:
                message = "A batch whose calls differ so much is not taken; split it in several."
                raise bad_request(message)
            self._bits, before = bits, self._like
            self._like = Counter()
            for like, count in before.items():
                self._like[self._rounded(*like)] += count

    def bulk(self, endpoint: str, digest: str) -> Bulk:
        """What was taken in."""
        kinds = []
        for (kind, given, cap), count in sorted(self._like.items(), key=str):
            kinds.append((_sized(json.loads(kind), given, cap), count))
        return Bulk(endpoint, digest, self.calls, tuple(kinds), self._uses)

    def _rounded(self, kind: str, given: int, cap: int | None) -> tuple[str, int, int | None]:
        if self._bits is None:
            return kind, given, cap
        return kind, _up(given, self._bits), None if cap is None else _up(cap, self._bits)


def _listed(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _up(number: int, bits: int) -> int:
    """The next number that has at most `bits` + 1 binary digits before its zeros."""
    step = 1 << max(number.bit_length() - bits - 1, 0)
    return -(-number // step) * step


def _kept() -> Iterator[tuple[str, Any]]:
    """The fields that are kept, with what they are if nothing is said."""
    for each in fields(Facts):
        if each.name not in _UNKEPT:
            made = {} if each.default_factory is not MISSING else each.default
            yield each.name, "" if made is MISSING else made


_DEFAULTS: Mapping[str, Any] = dict(_kept())


def _out(facts: Facts) -> dict[str, Any]:
    found = {}
    for name, default in _DEFAULTS.items():
        value = getattr(facts, name)
        if value != default:
            found[name] = sorted(value) if isinstance(value, frozenset) else value
    return found


def _bare(facts: Facts) -> str:
    """All but the sizes, as text."""
    return json.dumps(_out(replace(facts, input_tokens_max=0, output_tokens_cap=None)))


def _sized(said: Mapping[str, Any], given: int, cap: int | None) -> Facts:
    """What `_bare` gave, with its sizes."""
    found: dict[str, Any] = {
        name: frozenset(value) if isinstance(_DEFAULTS[name], frozenset) else value
        for name, value in said.items()
    }
    endpoint: str = found.pop("endpoint", "")
    # Nothing can be written into a call that lies in a file, or is one of many.
    return Facts(
        endpoint,
        "metered",
        cap_writable=False,
        input_tokens_max=given,
        output_tokens_cap=cap,
        **found,
    )


@dataclass(frozen=True, slots=True)
class BulkCall(Call):
    """A call about batches or files.

    kept:  the text of the Bulk that it names, "" where none is known.
    asked: the address at AEX under which the client asked, "" at the proxy's door.
    """

    kept: str = field(default="", repr=False)
    asked: str = ""

    @classmethod
    def about(cls, call: Call, kept: str, asked: str) -> BulkCall:
        """The call, with these."""
        said = {each.name: getattr(call, each.name) for each in fields(Call)}
        return cls(**said, kept=kept, asked=asked)


@dataclass(frozen=True, slots=True)
class BulkFacts(Facts):
    """Facts of a call that carries many, or asks for the results of many.

    asked: as in the call.
    """

    bulk: Bulk | None = None
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """What a call needs to be known of: the provider's id of a `file` or a `batch`, or of the file
    with a batch's `results`."""

    kind: Literal["file", "batch", "results"]
    id: str


@dataclass(frozen=True, slots=True)
class News:
    """What an answer tells of a file or a batch, by the provider's id of it.

    made:    it is new, of this call.
    results: the id of the file with its results, "" while there is none.
    usage:   all that is billed of it, where that is told.
    nothing: it has ended, and nothing of it is billed.
    """

    id: str
    made: bool = False
    results: str = ""
    usage: Usage | None = None
    nothing: bool = False


@runtime_checkable
class NamesKept(Protocol):
    """What a wire format is besides, whose calls are about batches and files."""

    def names(self, call: Call) -> Named | None:
        """What must be known to read the call."""
        ...


@runtime_checkable
class TellsNews(Protocol):
    """What the meter of an answer about batches is besides."""

    def news(self) -> tuple[News, ...]:
        """What the whole answer tells; nothing before its end."""
        ...


def tells_news(meter: Any) -> TypeGuard[TellsNews]:
    """Whether a meter is one. Every call asks, and looking a protocol up is slow."""
    kind: Any = type(meter)
    return _tells_news(kind)


@cache  # as many as there are kinds of meters
def _tells_news(kind: type) -> bool:
    return issubclass(kind, TellsNews)


@runtime_checkable
class TellsResults(Protocol):
    """What the meter of a batch's results is besides."""

    def taken(self) -> list[Usage]:
        """The usages of the calls that were read since it was last asked."""
        ...

    def whole(self) -> bool:
        """True if all results were read, and nothing of them was unreadable."""
        ...
