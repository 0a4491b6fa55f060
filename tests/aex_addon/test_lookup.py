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


async def test_one_asker_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose names nobody answers for holds up his own look-ups alone; nothing is left of him."""
    release = threading.Event()

    def answer(host: str, *_args: object, **_more: object) -> list[object]:
        if host.startswith("slow"):
            release.wait(30)
        return [(0, 0, 0, "", ("203.0.113.7", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    look_up = Lookup(deadline_s=30)
    others = set(threading.enumerate())
    names = [f"slow{n}.example" for n in range(2 * lookup._AT_ONCE)]
    waiting = [asyncio.ensure_future(look_up(name, "eve")) for name in names]
    await asyncio.sleep(0)
    assert list(map(str, await look_up("good.example", "bot"))) == ["203.0.113.7"]
    assert not any(each.done() for each in waiting)
    release.set()
    await asyncio.gather(*waiting)
    del waiting
    for thread in set(threading.enumerate()) - others:
        thread.join(20)
    assert dict(look_up._shares) == {}


async def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait are told so in time, no more ask than there is room for, and when it answers
    again so does this."""
    asked: list[str] = []
    release = threading.Event()

    def hang(host: str, *_args: object, **_more: object) -> list[object]:
        asked.append(host)
        release.wait(30)
        return [(0, 0, 0, "", ("203.0.113.7", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    look_up = Lookup(deadline_s=0.2)
    waiting = [look_up(f"{n}.example", str(n % 4)) for n in range(lookup._AT_ONCE + 4)]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in found] == [Unresolved] * len(waiting)
    assert all(isinstance(each, Unresolved) and each.late for each in found)
    assert len(asked) == lookup._AT_ONCE
    release.set()
    patient = Lookup(deadline_s=30)
    patient._room = look_up._room
    assert list(map(str, await patient("again.example"))) == ["203.0.113.7"]
