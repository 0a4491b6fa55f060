"""Checkpoints of a running gateway: when they are due, and what becomes of them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aex_addon import checkpointer as module
from aex_addon import witness
from aex_addon.assembly import Assembly, assemble
from aex_addon.checkpointer import Checkpointer, Notary
from aex_addon.home import Home
from aex_addon.keys import verifier_keys
from aex_addon.outside import Outside
from aex_addon.settings import Settings
from aex_addon.witness import WitnessError
from ledger.admin_commands import CreateAgent
from ledger.checkpoint import verify
from ledger.errors import IntegrityBroken
from ledger.opening import open_store
from ledger.read import Reader
from ledger.store import Store
from tests.aex_addon.rig import settings_for

URL = "sqlite:///ledger.db"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.ensure()
    return made


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """A ledger with one event."""
    with closing(open_store(URL, home.path, ledger_id="l", version="1")) as opened:
        yield opened


def add(store: Store, name: str) -> None:
    store.one(CreateAgent(name, 1, 0, 0, "test", name, name))


def sizes(home: Home) -> list[int]:
    with Reader(URL, home.path) as reader:
        return [row.size for row in reader.checkpoints()]


def test_a_checkpoint_is_kept_twice(home: Home, store: Store) -> None:
    """One taken is a row of the ledger and a copy outside of it, and its key is in the home."""
    with closing(Notary(home, Settings())) as notary:
        note, new = notary.take()
        assert (notary.take(), new, notary.waiting()) == ((note, False), True, 0)
        add(store, "a")
        assert notary.waiting() == 2
        newer, _ = notary.take()
    assert sizes(home) == [1, 3]
    assert [kept for _, kept in Outside(home).notes()] == [note, newer]
    assert verify(newer, verifier_keys(home), "aex/l").size == 3


def test_a_copy_that_was_lost_is_made_again(home: Home, store: Store) -> None:
    """After a crash between the row and the copy, the next look makes the copy."""
    with closing(Notary(home, Settings())) as notary:
        note, _ = notary.take()
    for path in Outside(home).folder.iterdir():
        path.unlink()
    with closing(Notary(home, Settings())) as notary:
        assert notary.take() == (note, False)
    assert Outside(home).latest() == note


def test_the_witness_is_asked_again(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A note that no witness took is offered until one does, and once taken no more."""
    offered: list[str] = []

    def refuse(_command: object, note: str) -> None:
        offered.append(note)
        raise WitnessError("no room")

    settings = Settings(witness_command=["x"], witness_url="https://w.example/")
    monkeypatch.setattr(witness, "call_command", refuse)
    monkeypatch.setattr(witness, "post", lambda _url, note: offered.append(note))
    with closing(Notary(home, settings)) as notary:
        note, _ = notary.take()
        assert (offered, notary.waiting()) == ([note], 1)
        assert "no room" in caplog.text
        monkeypatch.setattr(witness, "call_command", lambda _command, note: offered.append(note))
        notary.take()
        notary.take()
        assert (offered, notary.waiting()) == ([note] * 3, 0)


def test_a_row_by_another_key_is_not_kept(home: Home, store: Store) -> None:
    """Whoever can write into the ledger cannot put a note of their own among the copies."""
    with closing(Notary(home, Settings())) as notary:
        notary.take()
        store.engine.rows("UPDATE checkpoints SET note = replace(note, 'aex/l', 'aex/m')")
        with pytest.raises(Exception, match="no signature of a known key"):
            notary.take()
    assert len(Outside(home).notes()) == 1


class Clock:
    """Seconds that tests turn."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_when_one_is_due(home: Home) -> None:
    """So many events are enough at once; fewer wait for the time; none never are."""
    clock = Clock()
    settings = Settings(checkpoint_every_events=5, checkpoint_every_seconds=60)
    due = Checkpointer(home, settings, clock).due
    assert (due(4), due(5)) == (False, True)
    clock.now = 60.0
    assert (due(0), due(1)) == (False, True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread looks without a pause."""
    monkeypatch.setattr(module, "_LOOK_S", 0.001)


def test_the_thread_takes_them(home: Home, store: Store, quick: None) -> None:
    """New events are signed while it runs, and the last of them at the stop."""
    taken = threading.Event()
    running = Checkpointer(home, Settings(checkpoint_every_events=1))
    keep = Outside.keep

    def told(self: Outside, *what: Any) -> None:
        keep(self, *what)
        taken.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outside, "keep", told)
        running.running()
        assert taken.wait(20)
    add(store, "a")
    running.stop()
    assert sizes(home)[-1] == 3
    running.stop()


def test_trouble_is_told_once_and_ends(
    home: Home, store: Store, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails, the thread goes on, and takes the next one once it can."""
    tries = threading.Semaphore(0)

    def broken(_self: Notary) -> int:
        tries.release()
        raise OSError("disk on fire")

    running = Checkpointer(home, Settings())
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(Notary, "waiting", broken)
        running.running()
        assert all(tries.acquire(timeout=20) for _ in range(5))
    running.stop()
    assert caplog.text.count("disk on fire") == 1
    assert sizes(home) == [1]


def test_one_that_never_ran_takes_none(home: Home, store: Store) -> None:
    """A gateway that was assembled and not served leaves no checkpoint."""
    Checkpointer(home, Settings()).stop()
    assert sizes(home) == []


async def assembled(home: Home) -> Assembly:
    return assemble(home, settings_for(9), {}, asyncio.get_running_loop())


async def test_the_last_one_covers_the_stop(home: Home) -> None:
    """The newest checkpoint after a stop is of the whole log."""
    made = await assembled(home)
    made.checkpointer.running()
    made.close()
    with Reader(URL, home.path) as reader:
        assert sizes(home) == [reader.head().seq]
        assert [one.event.type for one in reader.log()][-1] == "gateway.stopped"


async def test_no_start_on_a_ledger_that_was_rolled_back(home: Home) -> None:
    """An older copy, or another ledger, is not served from, and the line says the way out."""
    made = await assembled(home)
    database = home.path / "ledger.db"
    with closing(open_store(URL, home.path, ledger_id="x", version="1")) as store:
        store.engine.rows("VACUUM INTO ?", (str(home.path / "old.db"),))
    made.checkpointer.running()
    made.close()
    old = (home.path / "old.db").read_bytes()
    database.write_bytes(old)
    with pytest.raises(IntegrityBroken, match=r"an older copy was put .*aex audit"):
        await assembled(home)
    database.unlink()
    with pytest.raises(IntegrityBroken, match="is of the log") as refused:
        await assembled(home)
    assert f"move the folder {home.checkpoints} away" in str(refused.value)
