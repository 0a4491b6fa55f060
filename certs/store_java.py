"""Java's roots: the keystore `cacerts` of each JDK and JRE.

Owns: where they lie, and the words of keytool.
Refuses to know: what a program sets by itself (`javax.net.ssl.trustStore`).

https://docs.oracle.com/en/java/javase/21/docs/specs/man/keytool.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.bundle import certificates
from certs.errors import StoreFailed
from certs.machine import Command, Machine, Step
from certs.root import Root
from certs.store import Held, Kind

_KEYSTORES = ("lib/security/cacerts", "jre/lib/security/cacerts")
# Below `/`: where packages put Javas.
_HOMES = ("usr/lib/jvm/*", "Library/Java/JavaVirtualMachines/*/Contents/Home")
# Java's own default, which guards nothing: the file is public and its mode protects it.
_PASSWORD = "changeit"
_ENTRY = re.compile(rb"^Alias name: (.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class JavaStore:
    """One keystore and the keytool that reads it."""

    keystore: Path
    keytool: str
    kind: Kind = "java"

    @property
    def where(self) -> str:
        """The keystore's file."""
        return str(self.keystore)

    def needs_root(self, machine: Machine) -> bool:
        """Where the file, which keytool writes in its place, belongs to somebody else."""
        return not machine.superuser and not os.access(self.keystore, os.W_OK)

    def check(self, machine: Machine, roots: Sequence[Root]) -> Held:
        """Trusted is what is listed under any alias; present, what stands under one of AEX's."""
        done = machine.run(self._keytool(machine, "-list", "-rfc", asking=True))
        if done.code:
            said = done.out.decode(errors="replace").strip().splitlines() or [done.err.strip()]
            raise StoreFailed(f"keytool: {said[-1]}")
        listed = frozenset(certificates(done.out))
        aliases = {alias.decode(errors="replace") for alias in _ENTRY.findall(done.out)}
        return Held(
            trusted=frozenset(root.label for root in roots if root.der in listed),
            present=frozenset(root.label for root in roots if aliases & set(_aliases(root))),
        )

    def install(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Import it under its label."""
        words = ("-importcert", "-noprompt", "-trustcacerts", "-alias", root.label)
        return (self._keytool(machine, *words, "-file", str(root.file)),)

    def uninstall(self, machine: Machine, root: Root) -> tuple[Step, ...]:
        """Delete its entries; that at least one is there, `check` has seen."""
        return tuple(
            self._keytool(machine, "-delete", "-alias", alias, may_fail=True)
            for alias in _aliases(root)
        )

    def _keytool(
        self, machine: Machine, *words: str, may_fail: bool = False, asking: bool = False
    ) -> Command:
        place = ("-keystore", str(self.keystore), "-storepass", _PASSWORD)
        # The answers of `-list` are read, so they must be English.
        argv = (self.keytool, "-J-Duser.language=en", *words, *place)
        return Command(argv, as_root=self.needs_root(machine) and not asking, may_fail=may_fail)


def _aliases(root: Root) -> tuple[str, ...]:
    """AEX's own, and the one under which Debian copies the system's roots into its keystore.

    Debian's update adds a root there, but does not see that it has gone.
    """
    return root.label, f"debian:{root.label}.pem"


def find(machine: Machine) -> tuple[JavaStore, ...]:
    """The keystores of JAVA_HOME, of the `java` in the PATH, and of installed packages."""
    found: dict[Path, JavaStore] = {}
    for home in _homes(machine):
        own = home / "bin" / "keytool"
        keytool = own if own.exists() else machine.which("keytool")
        for name in _KEYSTORES:
            keystore = home / name
            if keytool and keystore.is_file():
                # Debian's Javas share one file.
                real = keystore.resolve()
                found.setdefault(real, JavaStore(real, str(keytool)))
    return tuple(found.values())


def _homes(machine: Machine) -> Iterator[Path]:
    if named := machine.environ.get("JAVA_HOME"):
        yield Path(named)
    if java := machine.which("java"):
        yield java.resolve().parent.parent
    for pattern in _HOMES:
        yield from sorted(machine.root.glob(pattern))
