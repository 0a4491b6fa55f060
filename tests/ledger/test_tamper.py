"""The tamper matrix: each attack on a sealed ledger is found, and honest ledgers are not blamed."""

from __future__ import annotations

import random
import shutil
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ledger.admin_commands import Command, DeleteAgent
from ledger.audit import examine
from ledger.audit_checkpoints import Evidence
from ledger.audit_mark import pack, unpack
from ledger.checkpoint import Checkpoint
from ledger.checkpoints import Taker
from ledger.note import Signer, generate_key, sign
from ledger.read import Reader
from tests.ledger.attacks import MATRIX, OUTSIDE_ONLY, STORY, Attack, play
from tests.ledger.making import URL, Hand, admit, commit, create, open_at, release, rows, token_hash
from tests.ledger.signing import Sealed, said, signer_of

HONEST = 1_000


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """A ledger with one checkpoint in the middle of its story and one at the end of it."""
    base = tmp_path_factory.mktemp("sealed")
    play(base, STORY[: len(STORY) // 2])
    sealed = Sealed(base, signer_of(base))
    sealed.take()
    sealed.copy(base / "old.db")
    # The story played as one, so that a forger can play it too; the checkpoint rows move over.
    with TemporaryDirectory() as directory:
        play(Path(directory), STORY)
        whole = Sealed(Path(directory), sealed.signer).copy(base / "whole.db")
    with sealed.sql() as run:
        signed = run("SELECT size, root, time_ns, note FROM checkpoints")
    sealed.put_back(whole)
    with sealed.sql() as run:
        run("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", signed[0])
    sealed.take()
    return sealed


def afresh(untouched: Sealed, base: Path) -> Sealed:
    """A copy of the sealed ledger, with its copies and keys."""
    shutil.copytree(untouched.base, base)
    return Sealed(
        base,
        untouched.signer,
        list(untouched.local),
        list(untouched.local_vkeys),
        list(untouched.witnessed),
        list(untouched.witnessed_vkeys),
    )


def is_found(untouched: Sealed, attack: Attack, base: Path, witness: bool) -> bool:
    """Whether the audit of a ledger that was attacked in this way breaks a law."""
    sealed = afresh(untouched, base)
    attack(sealed)
    broken = sealed.broken(witness)
    assert all(finding.detail for finding in broken)
    return bool(broken)


def test_the_untouched_ledger_is_sound(untouched: Sealed) -> None:
    """Before any attack no law is broken, with a witness or without."""
    assert untouched.broken(witness=True) == untouched.broken(witness=False) == []


def test_the_matrix(untouched: Sealed, tmp_path: Path) -> None:
    """All attacks are found with outside copies; without them all but two, and these are known."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    lines = []
    for number, (name, ways) in enumerate(MATRIX.items(), 1):
        for witness in (True, False):
            base = tmp_path / f"{number}-{witness}"
            if all(is_found(untouched, a, base / str(n), witness) for n, a in enumerate(ways)):
                found[witness].add(name)
        marks = ["found" if name in found[witness] else "-" for witness in (True, False)]
        lines.append(f"{number:2}  {name:36}  {marks[0]:12}  {marks[1]}")
    total = len(MATRIX)
    lines.append(
        f"    found: {len(found[True])} of {total} with a witness, {len(found[False])} without"
    )
    head = f"{'':4}{'attack':36}  {'with witness':12}  without"
    sys.stdout.write("\n".join(["", head, *lines, ""]))
    assert found[True] == set(MATRIX)
    assert found[False] == set(MATRIX) - OUTSIDE_ONLY
    assert (len(found[True]), len(found[False])) == (16, 14)


@pytest.mark.parametrize(
    ("name", "law", "told"),
    [
        ("truncate 1, k, all", "outside", "its end was cut off"),
        ("re-chain everything", "outside", "the log was rewritten"),
        ("roll back the database", "outside", "an older copy was put in its place"),
        ("fork the log", "outside", "the log was rewritten"),
        ("replace the signing key", "checkpoints", "no signature of a known key"),
    ],
)
def test_the_alarm_names_what_is_wrong(
    untouched: Sealed, tmp_path: Path, name: str, law: str, told: str
) -> None:
    """The finding says what was done to the log, and how much had been signed."""
    sealed = afresh(untouched, tmp_path / "ledger")
    MATRIX[name][0](sealed)
    broken = {finding.law: finding.detail for finding in sealed.broken(witness=True)}
    assert told in broken[law]
    assert "events" in broken[law]


def history(dice: random.Random) -> list[Command]:
    """A few commands of a life: agents come and go, calls end in every way."""
    commands: list[Command] = [create("alice", 1_000), create("bob", 500, rpm=2)]
    for number in range(dice.randrange(2, 9)):
        key, name = f"e{dice.randrange(4)}", dice.choice(["alice", "bob"])
        commands.append(
            dice.choice(
                [
                    admit(key, name, dice.randrange(400)),
                    admit(f"n{number}", name, dice.randrange(400)),
                    commit(key, dice.randrange(600)),
                    release(key),
                    DeleteAgent(name, "operator"),
                    create(name, 100, token_hash=token_hash(name, number + 2)),
                ]
            )
        )
    return commands


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger, so that a thousand need not each be made from nothing."""
    base = tmp_path_factory.mktemp("template")
    open_at(base, clock=Hand().clock()).close()
    return base / "ledger.db"


def test_no_honest_history_is_blamed(template: Path, tmp_path: Path) -> None:
    """Whatever happens, wherever checkpoints fall, no audit finds anything, whole or continued."""
    dice = random.Random(8)
    signer = Signer("aex/test", generate_key())
    blamed, deleted = [], 0
    for number in range(HONEST):
        base = tmp_path / str(number)
        base.mkdir()
        shutil.copy(template, base / "ledger.db")
        commands = history(dice)
        deleted += any(isinstance(one, DeleteAgent) for one in commands)
        if honest_alarms(base, commands, dice, signer):
            blamed.append(number)
        shutil.rmtree(base)
    assert blamed == []
    assert deleted > HONEST // 4


def honest_alarms(
    base: Path, commands: list[Command], dice: random.Random, signer: Signer
) -> list[str]:
    """The laws that the audits of this history find broken."""
    notes: list[str] = []
    last, broken = None, []
    with closing(open_at(base, clock=Hand().clock())) as store, Reader(URL, base) as reader:
        # Nothing pulls the plug here.
        store.engine.rows("PRAGMA synchronous = OFF")
        taker = Taker(store.engine, signer)
        while commands:
            part = commands[: dice.randrange(1, 7)]
            del commands[: len(part)]
            store.execute(part)
            taken = taker.take(1, said(notes[-1]) if notes else None)
            notes += [taken.note] if taken is not None else []
            places = tuple((f"copy {n}", note) for n, note in enumerate(notes))
            report = examine(reader, evidence=Evidence((signer.vkey,), places), since=last)
            broken += [finding.law for finding in report.findings if not finding.holds]
            if report.mark is None:
                break
            notes.append(sign(Checkpoint(signer.name, report.events, report.root).text(), signer))
            last = unpack(pack(report.mark, "1"), "1")
            assert last is not None
            assert rows(last.state) == rows(report.mark.state)
    return broken
