"""A batch is the sum of its calls, never less, however many kinds of them there are."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from providers import bulk as module
from providers.bulk import Bulk, BulkCall, Collector
from providers.bulk_price import in_batch, quote
from providers.prices import PriceBook
from providers.wire import Call, Facts, Refused
from tests.providers.batches import CHAT, MODEL

BOOK = PriceBook()
AT = datetime(2026, 11, 20, tzinfo=UTC)


def collected(calls: list[Facts]) -> Bulk:
    found = Collector()
    for each in calls:
        found.add(each)
    return found.bulk(CHAT, "d")


def asked(given: int, cap: int | None = 10, **more: object) -> Facts:
    return replace(Facts(CHAT, "metered", MODEL, False, given, cap), **more)  # type: ignore[arg-type]


def bound(calls: list[Facts]) -> int:
    """The sum of the calls' own bounds."""
    price = in_batch(BOOK.price("openai", MODEL, AT))
    return sum(price.quote(replace(each, cap_writable=False)).fixed_nanousd for each in calls)


def quoted(bulk: Bulk) -> int:
    return quote(bulk, lambda model: BOOK.price("openai", model, AT))[0]


def test_like_calls_are_one_kind() -> None:
    """What tells calls apart is what their prices depend on; texts and ids do not."""
    calls = [replace(asked(5), document={"n": n}, stream=n > 1) for n in range(3)]
    assert [count for _, count in collected([*calls, asked(6)]).kinds] == [3, 1]


def test_it_comes_back_from_text() -> None:
    """With all that a bound depends on, whatever that is."""
    odd = asked(
        *(7, None),
        modalities=frozenset({"text", "image"}),
        unbilled=frozenset({"cache_write_tokens"}),
        server_calls_max=2,
        server_units=frozenset({"web_searches"}),
        charges={"web_searches": 3},
        input_unseen=True,
        service_tier="flex",
        model_runs_max=10,
        choices=4,
        has_output=False,
    )
    bulk = collected([asked(5), odd, asked(5), replace(asked(1), model="other")])
    assert Bulk.of(bulk.text()) == bulk
    assert bulk.models == (MODEL, "other")
    (kept,) = [facts for facts, _ in bulk.kinds if facts.choices == 4]
    assert kept == replace(odd, cap_writable=False)
    with pytest.raises(ValueError, match="Expecting"):
        Bulk.of("?")


def test_few_kinds_are_bounded_to_the_nanodollar() -> None:
    """As many as are kept apart add up to the very sum."""
    calls = [asked(n, 1000 - n) for n in range(module.MAX_KINDS)]
    assert quoted(collected(calls)) == bound(calls)


@pytest.mark.parametrize("many", [500, 5_000, 20_000])
def test_many_kinds_are_bounded_from_above(many: int) -> None:
    """Rounding only adds, little where it can, and less than as much again at the worst."""
    dice = random.Random(many)
    calls = [asked(dice.randrange(1, 100_000), dice.randrange(1, 4_000)) for _ in range(many)]
    bulk = collected(calls)
    assert sum(count for _, count in bulk.kinds) == bulk.calls == many
    assert len(bulk.kinds) <= module.MAX_KINDS
    assert bound(calls) <= quoted(bulk) < 2 * bound(calls)


def test_a_bulk_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call too many, or more kinds than any rounding makes few, is a 400."""
    with pytest.raises(Refused, match="differ so much"):
        collected([replace(asked(1), model=f"m{n}") for n in range(module.MAX_KINDS + 1)])
    monkeypatch.setattr(module, "MAX_CALLS", 2)
    with pytest.raises(Refused, match="at most 2 calls"):
        collected([asked(1)] * 3)


def test_free_calls_are_counted_and_cost_nothing() -> None:
    """They have results too."""
    bulk = collected([Facts("/v1/moderations", "free")] * 2)
    assert (bulk.calls, bulk.kinds, bulk.models) == (2, (), ())


def test_a_call_keeps_what_it_was() -> None:
    """What is known beside it is added, and nothing lost."""
    call = Call("openai", "GET", "/v1/x", "q", {"a": "b"}, b"body", "/c", "m", {}, "host")
    about = BulkCall.about(call, "terms", "http://here/x")
    assert (about.kept, about.asked, about.route, about.host) == (
        *("terms", "http://here/x", "/c", "host"),
    )
    assert about.body == b"body"
