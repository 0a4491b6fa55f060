"""The roots of the Windows user around a WSL: `certutil.exe`, which Linux can call there.

Owns: the words of Windows' certutil (which is no relation of NSS's tool of that name).
Refuses to know: Linux's own roots (store_linux.py).

https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/certutil
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from certs.machine import Command, Machine, Step
from certs.root import Root
from certs.store import Held, Kind

_TOOL = "certutil.exe"
# The user's own store: no administrator is needed, and no other user's trust is changed.
_STORE = ("-user", "-store", "Root")


@dataclass(frozen=True, slots=True)
class WindowsStore:
    """`Root` of the current Windows user."""

    kind: Kind = "system"

    @property
    def where(self) -> str:
        """As the certificate manager shows it."""
        return "Windows: current user, Trusted Root Certification Authorities"

    def needs_root(self, machine: Machine) -> bool:
        """Never."""
        del machine
        return False

    def check(self, machine: Machine, roots: Sequence[Root]) -> Held:
        """Found by serial number; in this store is trusted."""
        found = frozenset(
            root.label
            for root in roots
            if not machine.run(Command((_TOOL, *_STORE, root.serial))).code
        )
        return Held(found, found)

    def install(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Add the file. Its name is relative: Windows has another path to the folder."""
        del machine
        words = ("-user", "-addstore", "Root", root.file.name)
        return (Command((_TOOL, *words), cwd=root.file.parent),)

    def uninstall(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Delete it by its serial number."""
        del machine
        return (Command((_TOOL, "-user", "-delstore", "Root", root.serial)),)


def find(machine: Machine) -> tuple[WindowsStore, ...]:
    """The store, where its tool can be called."""
    return (WindowsStore(),) if machine.which(_TOOL) else ()
