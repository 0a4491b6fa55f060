"""What every trust store can be asked: does it hold a root, how is one put in, how taken out.

Owns: the Protocol, and what a look into a store finds.
Refuses to know: the stores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from certs.machine import Machine, Step
from certs.root import Root

Kind = Literal["system", "nss", "java", "venv"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Held:
    """Labels of roots. `trusted`: what asks this store accepts them. `present`: AEX put something
    there that can be taken out again, in force or not.
    """

    trusted: frozenset[str]
    present: frozenset[str]


class Store(Protocol):
    """A trust store of a machine. Steps are data: nothing happens before they are performed."""

    @property
    def kind(self) -> Kind:
        """What `--stores` calls it."""

    @property
    def where(self) -> str:
        """What is touched, for people."""

    def needs_root(self, machine: Machine) -> bool:
        """Whether this user cannot change it."""

    def check(self, machine: Machine, roots: Sequence[Root]) -> Held:
        """Which of these roots it holds; changes nothing. Raises StoreFailed, OSError."""

    def install(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """What puts a root in, as steps that may be repeated."""

    def uninstall(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """What takes this root out, and no other."""
