"""Laws of certs/trust.py, on stores that a test breaks as it likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from certs import trust
from certs.errors import StoreFailed
from certs.machine import Machine
from certs.root import Root
from certs.store import Held, Kind
from tests.certs.tools import Fake, root


@dataclass(frozen=True)
class Put:
    """A step on a store in memory; fails as the store is told to."""

    store: Memory
    label: str
    goes_in: bool

    def shell(self) -> str:
        return f"{'put' if self.goes_in else 'take'} {self.label}"

    def perform(self, machine: Machine) -> None:
        if self.store.fails:
            raise self.store.fails
        self.store.done.append(self.shell())
        (self.store.labels.add if self.goes_in else self.store.labels.discard)(self.label)


@dataclass(eq=False)
class Memory:
    """A store in memory."""

    kind: Kind = "nss"
    where: str = "memory"
    labels: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    fails: Exception | None = None
    blind: Exception | None = None
    locked: bool = False

    def needs_root(self, machine: Machine) -> bool:
        return self.locked

    def check(self, machine: Machine, roots: Sequence[Root]) -> Held:
        if self.blind:
            raise self.blind
        asked = {each.label for each in roots}
        trusted = (self.labels | self.foreign) & asked
        return Held(frozenset(trusted), frozenset(self.labels & asked))

    def install(self, machine: Machine, root: Root) -> tuple[Put, ...]:
        return (Put(self, root.label, True),)

    def uninstall(self, machine: Machine, root: Root) -> tuple[Put, ...]:
        return (Put(self, root.label, False),)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Fake.make(tmp_path).machine


@pytest.fixture
def roots(tmp_path: Path) -> list[Root]:
    return [root(tmp_path / "ca") for _ in range(2)]


def test_what_is_done_stays_done(machine: Machine, roots: list[Root]) -> None:
    """A second install or uninstall runs no step; only roots that are there are taken out."""
    store = Memory()
    ours, older = roots
    for outcome in ("done", "already"):
        assert trust.carry_out(machine, store, "install", [ours]).outcome == outcome
    for outcome in ("done", "already"):
        assert trust.carry_out(machine, store, "uninstall", roots).outcome == outcome
    assert store.done == [f"put {ours.label}", f"take {ours.label}"]
    assert older.label not in str(store.done)


def test_a_plan_changes_nothing(machine: Machine, roots: list[Root]) -> None:
    """It names the roots and the commands, and the store is as before."""
    store = Memory(labels={roots[1].label})
    made = trust.plan(machine, store, "uninstall", roots)
    assert (made.roots, made.commands) == ((roots[1],), (f"take {roots[1].label}",))
    assert (made.outcome, store.done) == (None, [])


@pytest.mark.parametrize("error", [StoreFailed("no"), PermissionError(13, "Permission denied")])
def test_a_step_that_fails_leaves_its_commands(
    machine: Machine, roots: list[Root], error: Exception
) -> None:
    """The result says why, and what a person could run."""
    store = Memory(fails=error)
    result = trust.carry_out(machine, store, "install", roots[:1])
    assert (result.outcome, result.commands) == ("failed", (f"put {roots[0].label}",))
    assert result.message in ("no", "Permission denied")


def test_a_store_that_cannot_be_read_is_told_of(machine: Machine, roots: list[Root]) -> None:
    """A look never raises; a change is not tried blindly, but its command is told."""
    store = Memory(blind=StoreFailed("damaged"))
    seen = trust.look(machine, store, roots)
    assert (seen.problem, seen.held.present) == ("damaged", frozenset())
    result = trust.carry_out(machine, store, "install", roots[:1])
    assert (result.outcome, result.message, len(result.commands)) == ("failed", "damaged", 1)
    assert store.done == []


def test_more_rights_are_asked_for(machine: Machine, roots: list[Root]) -> None:
    """What needs root is not tried; what is done already needs none."""
    store = Memory(locked=True)
    result = trust.carry_out(machine, store, "install", roots[:1])
    assert (result.outcome, result.commands) == ("needs-root", (f"put {roots[0].label}",))
    store.labels.add(roots[0].label)
    assert trust.carry_out(machine, store, "install", roots[:1]).outcome == "already"


def test_what_another_put_there_is_left(machine: Machine, roots: list[Root]) -> None:
    """A root under another name counts as trusted, and is not taken out."""
    store = Memory(foreign={roots[0].label})
    assert trust.carry_out(machine, store, "install", roots[:1]).outcome == "already"
    result = trust.carry_out(machine, store, "uninstall", roots)
    assert (result.outcome, store.done) == ("left", [])
    store.labels.add(roots[1].label)
    assert trust.carry_out(machine, store, "uninstall", roots).outcome == "done"


def test_stores_are_found_by_kind(tmp_path: Path) -> None:
    """Each kind brings its own stores, the system's first, and a venv only where one is named."""
    fake = Fake.make(tmp_path)
    fake.directory("/usr/local/share/ca-certificates")
    java = fake.directory("/usr/lib/jvm/java-21/lib/security")
    (java / "cacerts").touch()
    fake.tool("keytool")
    database = fake.machine.home / ".pki/nssdb"
    database.mkdir(parents=True)
    (database / "cert9.db").touch()
    venv = tmp_path / "venv"
    bundle = venv / "lib/python3.13/site-packages/certifi"
    bundle.mkdir(parents=True)
    (bundle / "cacert.pem").touch()
    (venv / "pyvenv.cfg").touch()
    every: tuple[Kind, ...] = ("java", "venv", "nss", "system")
    found = [store.kind for store in trust.stores(fake.machine, every, [venv])]
    assert found == ["system", "nss", "java", "venv"]
    for kind in every:
        (store,) = trust.stores(fake.machine, (kind,), [venv])
        assert store.kind == kind
    assert trust.stores(fake.machine, ("venv",), []) == ()
