"""The addresses of governed hosts."""

from __future__ import annotations

import threading

from aex_addon.around.resolved import Resolved, addresses_of
from tests.end_to_end.processes import poll


def test_what_the_resolver_says_is_found() -> None:
    """Each address leads to the host that was asked for; a host without any adds nothing."""
    asked = threading.Event()
    table = {"a": ["192.0.2.1", "192.0.2.2"], "b": ["192.0.2.2"], "c": []}

    def resolve(host: str) -> list[str]:
        if host == "c":
            asked.set()
        return table[host]

    resolved = Resolved(["a", "c"], resolve)
    assert resolved.by_address == {}
    resolved.start()
    assert asked.wait(20)
    poll(lambda: len(resolved.by_address) == 2, "both addresses")
    resolved.stop()
    assert resolved.by_address == {"192.0.2.1": "a", "192.0.2.2": "a"}


def test_nobody_waits_for_a_resolver() -> None:
    """One that never answers holds nothing up."""
    forever = threading.Event()

    def resolve(_: str) -> list[str]:
        forever.wait(60)
        return []

    resolved = Resolved(["a"], resolve)
    resolved.start()
    resolved.stop()
    assert resolved.by_address == {}
    forever.set()


def test_the_systems_resolver() -> None:
    """Addresses resolve to themselves, and what is no name to nothing."""
    assert addresses_of("127.0.0.1") == ["127.0.0.1"]
    assert addresses_of("a" * 300) == []
