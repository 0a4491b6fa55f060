"""NSS databases: the profiles of Firefox, and the one that Chromium shares among its like.

Owns: where they lie (packages, snaps, flatpaks), and the words of NSS's certutil.
Refuses to know: which browser reads which.

https://firefox-source-docs.mozilla.org/security/nss/legacy/tools/nss_tools_certutil/index.html
https://chromium.googlesource.com/chromium/src/+/main/docs/linux/cert_management.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.errors import StoreFailed
from certs.machine import Command, Machine, Step
from certs.root import Root
from certs.store import Held, Kind

# Below the user's home.
DATABASES = (
    ".pki/nssdb",
    ".local/share/pki/nssdb",
    "snap/chromium/current/.pki/nssdb",
    "snap/*/current/.pki/nssdb",
    ".var/app/*/data/pki/nssdb",
    ".var/app/*/.pki/nssdb",
    ".mozilla/firefox/*",
    ".config/mozilla/firefox/*",
    "snap/firefox/common/.mozilla/firefox/*",
    ".var/app/org.mozilla.firefox/.mozilla/firefox/*",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox/*",
    "Library/Application Support/Firefox/Profiles/*",
)

# It may vouch for servers; not for mail, not for code.
_TRUST = "C,,"


@dataclass(frozen=True, slots=True)
class NssStore:
    """One database. `form` is `sql` (cert9.db) or, of old, `dbm` (cert8.db)."""

    database: Path
    form: str
    kind: Kind = "nss"

    @property
    def where(self) -> str:
        """The database's folder."""
        return str(self.database)

    def needs_root(self, machine: Machine) -> bool:
        """Never: it lies in the user's home."""
        del machine
        return False

    def check(self, machine: Machine, roots: Sequence[Root]) -> Held:
        """Present by nickname; trusted with the flag that says so."""
        done = machine.run(self._certutil("-L"))
        if done.code:
            raise StoreFailed(f"certutil: {done.err.strip() or 'cannot read the database'}")
        # Nickname, blanks, flags of three uses: "aex-root-1f   C,,".
        lines = [line.rsplit(None, 1) for line in done.out.decode(errors="replace").splitlines()]
        flags = {line[0].strip(): line[1] for line in lines if len(line) == 2}
        present = [root.label for root in roots if root.label in flags]
        trusted = [label for label in present if "C" in flags[label].partition(",")[0]]
        return Held(frozenset(trusted), frozenset(present))

    def install(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Add it under its label; one that is there gets the flag back."""
        del machine
        return (self._certutil("-A", "-t", _TRUST, "-n", root.label, "-i", str(root.file)),)

    def uninstall(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Delete it by its label, which holds the serial number."""
        del machine
        return (self._certutil("-D", "-n", root.label),)

    def _certutil(self, verb: str, *words: str) -> Command:
        return Command(("certutil", verb, "-d", f"{self.form}:{self.database}", *words))


def find(machine: Machine) -> tuple[NssStore, ...]:
    """Every database in the user's home, each once."""
    found: dict[Path, NssStore] = {}
    for pattern in DATABASES:
        for folder in sorted(machine.home.glob(pattern)):
            if (folder / "cert9.db").is_file():
                found.setdefault(folder.resolve(), NssStore(folder, "sql"))
            elif (folder / "cert8.db").is_file():
                found.setdefault(folder.resolve(), NssStore(folder, "dbm"))
    return tuple(found.values())
