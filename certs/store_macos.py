"""The keychains of macOS: the System one for root, the user's login keychain for everybody else.

Owns: the words of `security`. Refuses to know: what reads keychains.

https://ss64.com/mac/security.html, and `man security` on a Mac.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.machine import Command, Machine, Step
from certs.root import Root
from certs.store import Held, Kind

_SYSTEM = "/Library/Keychains/System.keychain"
_LOGIN = "Library/Keychains/login.keychain-db"
_HASH = re.compile(rb"^SHA-1 hash: ([0-9A-F]{40})\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MacStore:
    """One keychain, with the trust settings of its domain (`admin`: of the whole machine)."""

    keychain: Path
    admin: bool
    kind: Kind = "system"

    @property
    def where(self) -> str:
        """The keychain's file."""
        return str(self.keychain)

    def needs_root(self, machine: Machine) -> bool:
        """Never: each user is given the keychain that is theirs to change."""
        del machine
        return False

    def check(self, machine: Machine, roots: Sequence[Root]) -> Held:
        """Present is what the keychain lists; trusted, what has settings besides."""
        listed = self._ask(machine, "find-certificate", "-a", "-Z", str(self.keychain))
        # It says so with an error where nobody has made any setting yet.
        settings = self._ask(machine, "dump-trust-settings", *self._domain).decode(errors="replace")
        hashes = {found.decode() for found in _HASH.findall(listed)}
        present = [root for root in roots if root.sha1 in hashes]
        names = {line.rpartition(": ")[2].strip() for line in settings.splitlines()}
        return Held(
            trusted=frozenset(root.label for root in present if root.common_name in names),
            present=frozenset(root.label for root in present),
        )

    @property
    def _domain(self) -> tuple[str, ...]:
        return ("-d",) if self.admin else ()

    def _ask(self, machine: Machine, *words: str) -> bytes:
        return machine.run(Command(("security", *words))).out

    def install(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Add it with the setting that it is a root."""
        words = ("add-trusted-cert", *self._domain, "-r", "trustRoot", "-k", str(self.keychain))
        return (Command(("security", *words, str(root.file))),)

    def uninstall(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Drop the setting, then the certificate, by its fingerprint."""
        settings = ("security", "remove-trusted-cert", *self._domain, str(root.file))
        return (
            Command(settings, may_fail=True),
            Command(("security", "delete-certificate", "-Z", root.sha1, str(self.keychain))),
        )


def find(machine: Machine) -> tuple[MacStore, ...]:
    """The keychain that this user may change."""
    if machine.platform != "darwin":
        return ()
    keychain = machine.path(_SYSTEM) if machine.superuser else machine.home / _LOGIN
    return (MacStore(keychain, machine.superuser),)
