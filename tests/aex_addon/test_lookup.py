"""A name is looked up beside the event loop, with an end to it, and a few at once."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from aex_addon import lookup
from aex_addon.lookup import Lookup, Unresolved
from tests.aex_addon.names import resolver


async def test_all_addresses_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, an IPv4 address in one form, a zone taken off."""
    rows = ["2606:4700::1", "203.0.113.7", "::ffff:203.0.113.7", "203.0.113.7", "fe80::1%lo"]
    answer = [(0, 0, 0, "", (each, 0)) for each in rows]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: answer)
    found = await Lookup()("example.com")
    assert list(map(str, found)) == ["2606:4700::1", "203.0.113.7", "fe80::1"]


async def test_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look-up asks anew, and once."""
    names = resolver(monkeypatch)
    names.lead("example.com", ["203.0.113.7"], ["203.0.113.8"])
    look_up = Lookup()
    assert list(map(str, await look_up("example.com"))) == ["203.0.113.7"]
    assert list(map(str, await look_up("example.com"))) == ["203.0.113.8"]
    assert names.asked == ["example.com"] * 2


async def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and that there was an answer."""
    resolver(monkeypatch).lead("nowhere.example", [])
    with pytest.raises(Unresolved) as caught:
        await Lookup()("nowhere.example")
    assert not caught.value.late


async def test_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is no answer either, and the next one finds its room."""

    def start(_self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    look_up = Lookup()
    for _ in range(lookup._AT_ONCE + 1):
        with pytest.raises(Unresolved):
            await look_up("example.com")


class Hanging:
    """A resolver that answers for names with `slow` in them once it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.free = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", self.answer)

    def answer(self, host: str, *_args: object, **_more: object) -> list[object]:
        self.asked.append(host)
        if "slow" in host:
            self.free.wait(30)
        return [(0, 0, 0, "", ("203.0.113.7", 0))]


async def test_everybody_has_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose names nobody answers for holds up his own look-ups alone, however many do so together;
    who comes new finds one turn, and after it the next; nothing is left of anybody."""
    resolver = Hanging(monkeypatch)
    look_up = Lookup(deadline_s=30)
    others = set(threading.enumerate())
    askers = [f"eve{n}" for n in range(lookup._AT_ONCE)]
    waiting = [
        asyncio.ensure_future(look_up(f"{asker}-{n}.slow.example", asker))
        for asker in askers
        for n in range(2 * lookup._OF_ONE)
    ]
    await asyncio.sleep(0)
    found = await asyncio.gather(*(look_up(f"{n}.good.example", "bot") for n in range(5)))
    assert [list(map(str, each)) for each in found] == [["203.0.113.7"]] * 5
    assert not any(each.done() for each in waiting)
    # As many as there is room for; then one of each.
    crowd = lookup._AT_ONCE // lookup._OF_ONE
    expected = [lookup._OF_ONE] * crowd + [1] * (len(askers) - crowd)
    assert [look_up._under_way[asker] for asker in askers] == expected
    resolver.free.set()
    await asyncio.gather(*waiting)
    for thread in set(threading.enumerate()) - others:
        thread.join(20)
    assert (look_up._waiting, dict(look_up._under_way)) == ({}, {})


async def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait are told so in time, no more ask than one asker may, and when it answers
    again so does this."""
    resolver = Hanging(monkeypatch)
    look_up = Lookup(deadline_s=0.2)
    waiting = [look_up(f"{n}.slow.example", "bot") for n in range(2 * lookup._OF_ONE)]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in found] == [Unresolved] * len(waiting)
    assert all(isinstance(each, Unresolved) and each.late for each in found)
    assert look_up._under_way["bot"] == lookup._OF_ONE
    look_up._deadline_s = 30
    late = asyncio.ensure_future(look_up("again.example", "bot"))
    await asyncio.sleep(0)
    assert look_up._under_way["bot"] == lookup._OF_ONE
    resolver.free.set()
    assert list(map(str, await late)) == ["203.0.113.7"]
    assert len(resolver.asked) <= lookup._OF_ONE + 1


async def test_a_turn_that_comes_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who leaves as his turn comes gives it to the next one."""
    resolver = Hanging(monkeypatch)
    look_up = Lookup(deadline_s=30)
    held = [
        asyncio.ensure_future(look_up(f"{n}.slow.example", "bot")) for n in range(lookup._OF_ONE)
    ]
    leaving = asyncio.ensure_future(look_up("left.example", "bot"))
    staying = asyncio.ensure_future(look_up("right.example", "bot"))
    await asyncio.sleep(0)
    serve = look_up._serve

    def leave() -> None:
        serve()
        leaving.cancel()

    monkeypatch.setattr(look_up, "_serve", leave)
    resolver.free.set()
    assert list(map(str, await staying)) == ["203.0.113.7"]
    await asyncio.gather(*held)
    assert leaving.cancelled()
    assert "left.example" not in resolver.asked
    assert (look_up._waiting, dict(look_up._under_way)) == ({}, {})
