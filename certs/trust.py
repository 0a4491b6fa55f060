"""Putting a root into the trust stores of a machine, and taking it out: store by store.

Owns: which stores there are here, what must change in each, and that a store which fails stops
no other. Refuses to know: how any one store works, and who is asked before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from certs import store_java, store_linux, store_macos, store_nss, store_venv, store_windows
from certs.errors import StoreFailed
from certs.machine import Machine, Step
from certs.root import Root
from certs.store import Held, Kind, Store

Verb = Literal["install", "uninstall"]
# done: changed, and looked at again. already: nothing to do. needs-root: the commands are for
# somebody with more rights. left: the root is there, but AEX did not put it there.
Outcome = Literal["done", "already", "needs-root", "left", "failed"]

_NOTHING = Held(frozenset(), frozenset())
_LEFT = "the root stands there under another name; AEX did not put it there, and leaves it"


@dataclass(frozen=True, slots=True)
class Look:
    """What one store holds; `problem` is set, and `held` empty, where it could not be read."""

    store: Store
    held: Held
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `carry_out` would do to one store. No step: nothing, for the reason in `outcome`."""

    store: Store
    verb: Verb
    roots: tuple[Root, ...]
    steps: tuple[Step, ...]
    outcome: Outcome | None = None
    message: str = ""

    @property
    def commands(self) -> tuple[str, ...]:
        """The steps as a person would type them."""
        return tuple(step.shell() for step in self.steps)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one store. `commands` are what is left for a person to run."""

    store: Store
    outcome: Outcome
    message: str = ""
    commands: tuple[str, ...] = ()


def stores(machine: Machine, kinds: Sequence[Kind], venvs: Sequence[Path]) -> tuple[Store, ...]:
    """The stores of these kinds on this machine, in the order in which they are to be changed.

    The system's come first: on Debian they are copied to Java's. Raises StoreFailed for a path in
    `venvs` that is no virtual environment.
    """
    found: list[Store] = []
    if "system" in kinds:
        found += store_linux.find(machine)
        found += store_macos.find(machine)
        found += store_windows.find(machine)
    if "nss" in kinds:
        found += store_nss.find(machine)
    if "java" in kinds:
        found += store_java.find(machine)
    if "venv" in kinds:
        for venv in venvs:
            found += store_venv.find(venv)
    return tuple(found)


def look(machine: Machine, store: Store, roots: Sequence[Root]) -> Look:
    """What a store holds of these roots; never raises for a store that fails."""
    try:
        return Look(store, store.check(machine, roots))
    except (StoreFailed, OSError) as error:
        return Look(store, _NOTHING, _sentence(error))


def plan(machine: Machine, store: Store, verb: Verb, roots: Sequence[Root]) -> Plan:
    """What must be done to one store so that it trusts (or no longer holds) these roots."""
    seen = look(machine, store, roots)
    if seen.problem:
        # What would be run is told all the same: it may work by hand, or elsewhere.
        steps = _steps(machine, store, verb, roots)
        return Plan(store, verb, tuple(roots), steps, "failed", seen.problem)
    if verb == "install":
        wanted = [root for root in roots if root.label not in seen.held.trusted]
    else:
        wanted = [root for root in roots if root.label in seen.held.present]
    if not wanted:
        strange = verb == "uninstall" and bool(seen.held.trusted)
        return Plan(store, verb, (), (), "left" if strange else "already", _LEFT * strange)
    steps = _steps(machine, store, verb, wanted)
    outcome: Outcome | None = "needs-root" if store.needs_root(machine) else None
    return Plan(store, verb, tuple(wanted), steps, outcome)


def carry_out(machine: Machine, store: Store, verb: Verb, roots: Sequence[Root]) -> Result:
    """Do it, and look again; what could not be done is in the result, with the commands for it.

    It is planned anew at this moment: a store before this one may have changed it too.
    """
    made = plan(machine, store, verb, roots)
    if made.outcome:
        return Result(store, made.outcome, made.message, made.commands)
    try:
        for step in made.steps:
            step.perform(machine)
    except (StoreFailed, OSError) as error:
        return Result(store, "failed", _sentence(error), made.commands)
    after = plan(machine, store, verb, made.roots)
    if after.outcome in ("already", "left"):
        return Result(store, "left" if after.outcome == "left" else "done", after.message)
    return Result(store, "failed", after.message or "nothing has changed", after.commands)


def _steps(machine: Machine, store: Store, verb: Verb, roots: Sequence[Root]) -> tuple[Step, ...]:
    each = store.install if verb == "install" else store.uninstall
    try:
        steps = [step for root in roots for step in each(machine, root)]
    except OSError:
        return ()
    # What each root would end with, such as an update of the system's bundle, is done once.
    last = {step: number for number, step in enumerate(steps)}
    return tuple(step for number, step in enumerate(steps) if last[step] == number)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
