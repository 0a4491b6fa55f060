"""What was seen becomes families that a scraper reads back to the same numbers."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from web.observed import Observed
from web.seen import seen


def test_it_is_read_back() -> None:
    """Counters by their labels, histograms with their buckets, amounts in dollars."""
    observed = Observed()
    observed.admissions.add(("bot", "openai", "m", "admitted"), 3)
    observed.shadowed.add(("bot", "rule r"), 2)
    observed.settled(("bot", "openai", 'a"b\\c\n'), 10**9, 25 * 10**7, {"input_tokens": 7})
    observed.added["admission"].observe(0.002)
    observed.egress.add(("", "egress_private"))
    registry = type("Registry", (), {"collect": lambda _self: seen(observed)})()
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }
    call = (("agent", "bot"), ("model", "m"), ("outcome", "admitted"), ("provider", "openai"))
    assert found["aex_admissions_total", *call] == 3
    nobody = (("agent", ""), ("outcome", "egress_private"))
    assert found["aex_egress_total", *nobody] == 1
    assert found["aex_policy_shadow_total", ("agent", "bot"), ("by", "rule r")] == 2
    odd = (("agent", "bot"), ("model", 'a"b\\c\n'), ("provider", "openai"))
    assert found["aex_cost_usd_total", *odd] == 0.25
    assert found["aex_tokens_total", odd[0], ("kind", "input_tokens"), *odd[1:]] == 7
    assert found["aex_reserve_use_ratio_bucket", ("le", "0.35")] == 1
    assert found["aex_reserve_use_ratio_bucket", ("le", "0.2")] == 0
    assert found["aex_added_seconds_sum", ("phase", "admission")] == 0.002
    assert found["aex_added_seconds_count", ("phase", "settlement")] == 0
