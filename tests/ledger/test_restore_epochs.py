"""Laws of epochs: no two restores share one, and what was signed after each tells them apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.audit import examine
from ledger.audit_checkpoints import Evidence
from ledger.backup import backup
from ledger.checkpoints import Taker, refuse_rollback
from ledger.clock import KernelClock
from ledger.engine import connect
from ledger.errors import IntegrityBroken
from ledger.note import Signer
from ledger.read import Reader
from ledger.restore import RestoreInfo, planned, restore
from ledger.tree import Tree
from ledger.vouched import epoch_of, reach
from tests.ledger.making import SECOND, URL, Hand, admit, create, open_at
from tests.ledger.signing import Sealed, said, signer_of


class Home:
    """A ledger with its signer, and the notes that it has outside."""

    def __init__(self, base: Path, hand: Hand, signer: Signer | None = None) -> None:
        base.mkdir(exist_ok=True)
        self.base, self.hand, self.signer = base, hand, signer
        self.notes: list[str] = []
        self.tree = Tree()

    def calls(self, prefix: str, number: int) -> None:
        """So many calls, two events each."""
        self.hand.now += SECOND
        with closing(open_at(self.base, clock=self.hand.clock())) as store:
            store.execute([admit(f"{prefix}{n}", fixed=1) for n in range(number)])

    def sign(self) -> str:
        """A checkpoint of the log as it is; a new process goes on from the tree that was kept."""
        self.signer = self.signer or signer_of(self.base)
        known = said(self.notes[-1]) if self.notes else None
        with closing(connect(URL, self.base)) as engine:
            taker = Taker(engine, self.signer, Tree.load(self.tree.dump()))
            taken = taker.take(1, known)
        assert taken is not None
        self.tree = taker.tree
        self.notes.append(taken.note)
        return taken.note

    def restore(self, file: Path, *witnessed: str) -> RestoreInfo:
        """A restore with what this home knows, and what a witness says."""
        self.hand.now += SECOND
        size, epoch = reach([*self.notes, *witnessed])
        clock = KernelClock(wall=self.hand, steady=lambda: 0)
        with planned(file, URL, self.base) as plan:
            return restore(
                plan,
                actor="cli:ann",
                reason="a test",
                signed_seq=size,
                signed_epoch=epoch,
                clock=clock,
            )

    def start(self) -> None:
        """The look at a start. Raises IntegrityBroken."""
        with closing(connect(URL, self.base)) as engine:
            refuse_rollback(engine, said(self.notes[-1]), self.tree)

    def alarms(self, *witnessed: str) -> dict[str, str]:
        """The laws that an audit finds broken, with what it says."""
        assert self.signer is not None
        notes = tuple((f"copy {n}", note) for n, note in enumerate([*self.notes, *witnessed]))
        with Reader(URL, self.base) as reader:
            report = examine(reader, evidence=Evidence((self.signer.vkey,), notes))
        return {finding.law: finding.detail for finding in report.findings if not finding.holds}


@pytest.fixture
def home(tmp_path: Path, hand: Hand) -> Home:
    """A home whose log has 13 events, all of them signed; saved.db has the first 3."""
    made = Home(tmp_path / "home", hand)
    with closing(open_at(made.base, clock=hand.clock())) as store:
        store.one(create(budget=10**6))
    made.sign()
    backup(URL, made.base, tmp_path / "saved.db")
    made.calls("a", 5)
    made.sign()
    return made


@pytest.fixture
def saved(home: Home, tmp_path: Path) -> Path:
    """The back-up."""
    return tmp_path / "saved.db"


def keep(home: Home, to: Path) -> Callable[[], None]:
    """Copies the ledger as it is now; the function returned puts the copy in its place."""
    kept = Sealed(home.base, signer_of(home.base)).copy(to)
    return lambda: Sealed(home.base, signer_of(home.base)).put_back(kept)


def test_a_checkpoint_names_its_epoch(home: Home, saved: Path) -> None:
    """Checkpoints say no epoch before the first restore, and its number and id after each."""
    assert [epoch_of(said(note).extension_lines).number for note in home.notes] == [0, 0]
    for number in (1, 2, 3):
        info = home.restore(saved)
        for part in "xy":
            home.calls(f"{number}{part}", 1)
            epoch = epoch_of(said(home.sign()).extension_lines)
            assert (epoch.number, epoch.restore_id) == (number, info.restore_id)
    # Of a log that is read from its first event, the same.
    again = Home(home.base, home.hand, home.signer)
    again.calls("z", 1)
    assert said(again.sign()).extension_lines == said(home.notes[-1]).extension_lines


def test_two_restores_of_one_backup(home: Home, saved: Path) -> None:
    """The second begins a later epoch with another id, and nothing signed before is an alarm."""
    first = home.restore(saved)
    home.calls("b", 3)
    home.sign()
    second = home.restore(saved)
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.restore_id != second.restore_id
    assert home.alarms() == {}
    home.start()
    home.calls("c", 1)
    home.sign()
    assert home.alarms() == {}


@pytest.mark.parametrize("left", ["the ledger", "checkpoints", "both"])
def test_no_epoch_is_given_twice(home: Home, saved: Path, left: str) -> None:
    """As long as either the ledger or a checkpoint tells of an epoch, the next one is later."""
    for epoch in (1, 2, 3):
        assert home.restore(saved).epoch == epoch
        home.calls(f"b{epoch}", epoch)
        home.sign()
        if left == "checkpoints":
            shutil.rmtree(home.base)
            home.base.mkdir()
        if left == "the ledger":
            home.notes, home.tree = [], Tree()


def test_the_ledger_that_was_replaced_comes_back(home: Home, saved: Path) -> None:
    """What a restore put aside can be restored in turn: a later epoch, and no alarm."""
    first = home.restore(saved)
    assert first.replaced_file is not None
    home.calls("b", 2)
    home.sign()
    back = home.restore(first.replaced_file)
    assert (back.epoch, back.events) == (2, 14)
    # The note of the first epoch has fewer events than the restore, and is of none of them.
    assert home.alarms() == {}
    home.start()


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 9])
def test_a_rollback_after_a_restore_is_an_alarm(
    home: Home, saved: Path, tmp_path: Path, calls: int
) -> None:
    """A restore excuses what was signed before it, and not its own log, put back to its start."""
    home.restore(saved)
    put_back = keep(home, tmp_path / "kept.db")
    home.calls("b", 2)
    signed = home.sign()
    # No more events than were replaced: only the epoch tells it from those.
    assert said(signed).size < 13
    assert home.alarms() == {}
    put_back()
    home.calls("c", calls)
    alarm = home.alarms()
    assert set(alarm) == {"outside"}
    assert "(signed in epoch 1, restore " in alarm["outside"]
    with pytest.raises(IntegrityBroken, match="signed in epoch 1"):
        home.start()
    with pytest.raises(IntegrityBroken):
        home.sign()


def test_another_restore_of_the_same_number_is_an_alarm(
    home: Home, saved: Path, tmp_path: Path
) -> None:
    """Who restores without knowing of the first restore is told apart from it by the id."""
    first = home.restore(saved)
    home.calls("b", 2)
    witnessed = home.sign()
    elsewhere = Home(tmp_path / "elsewhere", home.hand, home.signer)
    second = elsewhere.restore(saved)
    assert (first.epoch, second.epoch) == (1, 1)
    elsewhere.calls("c", 2)
    elsewhere.sign()
    assert elsewhere.alarms() == {}
    alarm = elsewhere.alarms(witnessed)
    assert set(alarm) == {"outside"}
    assert alarm["outside"].endswith(f"(signed in epoch 1, restore {first.restore_id})")
    # With what the witness says it knows, and begins a later epoch.
    third = Home(tmp_path / "third", home.hand, home.signer)
    assert third.restore(saved, witnessed).epoch == 2
    third.calls("d", 2)
    third.sign()
    assert third.alarms(witnessed) == {}
    # Of the second it knew nothing, but that one's epoch is an earlier one too.
    assert third.alarms(witnessed, elsewhere.notes[-1]) == {}


def test_an_unrecorded_return_is_an_alarm(home: Home, saved: Path, tmp_path: Path) -> None:
    """The log from before a restore, put back by hand, is found by what was signed since."""
    put_back = keep(home, tmp_path / "kept.db")
    home.restore(saved)
    home.calls("b", 2)
    home.sign()
    put_back()
    assert set(home.alarms()) == {"outside"}
