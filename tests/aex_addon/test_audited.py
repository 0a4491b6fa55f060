"""Where an audit ended is used again only if this home signed it and nobody changed it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aex_addon import audited
from aex_addon.home import Home
from aex_addon.keys import signer, verifier_keys
from ledger.admin_commands import CreateAgent, NoteRestore
from ledger.audit import Report, examine
from ledger.opening import open_store
from ledger.read import Reader
from ledger.store import Store

URL = "sqlite:///ledger.db"
ORIGIN = "aex/l"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with a key, in which every log is worth a mark."""
    monkeypatch.setattr(audited, "WORTH_EVENTS", 1)
    made = Home(tmp_path / "home")
    made.ensure()
    signer(made, ORIGIN)
    return made


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    with closing(open_store(URL, home.path, ledger_id="l", version="1")) as opened:
        opened.one(CreateAgent("a", 1, 0, 0, "test", "a", "a"))
        yield opened


def report(home: Home) -> Report:
    with Reader(URL, home.path) as reader:
        return examine(reader)


def test_it_comes_back(home: Home, store: Store) -> None:
    """The mark is at the end of the audit, and its note is a checkpoint of just that."""
    found = report(home)
    assert audited.save(home, found, ORIGIN)
    loaded = audited.load(home, verifier_keys(home), ORIGIN)
    assert loaded is not None
    assert found.mark is not None
    assert (loaded[0].seq, loaded[0].head) == (3, found.mark.head)
    assert loaded[1].startswith("aex/l\n3\n")


def test_it_names_its_epoch(home: Home, store: Store) -> None:
    """After a restore the note says so, as every checkpoint does, and comes back as before."""
    store.one(NoteRestore("operator", "a new disk", 9, "", "ab", after_epoch=4))
    assert audited.save(home, report(home), ORIGIN)
    loaded = audited.load(home, verifier_keys(home), ORIGIN)
    assert loaded is not None
    assert "\naex-restored 5\n" in loaded[1]


def test_what_was_changed_is_not_used(home: Home, store: Store) -> None:
    """Another state, another note, another key or another log make it none."""
    audited.save(home, report(home), ORIGIN)
    vkeys = verifier_keys(home)
    assert audited.load(home, vkeys, "aex/m") is None
    assert audited.load(home, [], ORIGIN) is None
    for name in ("audited", "audited.state"):
        path = home.checkpoints / name
        honest = path.read_bytes()
        for forged in (honest + b"x", b"", b"\xff"):
            path.write_bytes(forged)
            assert audited.load(home, vkeys, ORIGIN) is None
        path.unlink()
        assert audited.load(home, vkeys, ORIGIN) is None
        path.write_bytes(honest)
    assert audited.load(home, vkeys, ORIGIN) is not None


def test_when_it_is_kept(home: Home, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a short log, not where little is new, not for books that are broken, not keyless."""
    found = report(home)
    monkeypatch.setattr(audited, "WORTH_EVENTS", 4)
    assert not audited.save(home, found, ORIGIN)
    monkeypatch.setattr(audited, "WORTH_EVENTS", 1)
    assert not audited.save(home, Report([], 3, 3, found.root, found.mark), ORIGIN)
    assert not audited.save(home, Report([], 3, 0, found.root, None), ORIGIN)
    (home.keys / "checkpoint.pem").unlink()
    assert not audited.save(home, found, ORIGIN)
    assert not home.checkpoints.exists()
